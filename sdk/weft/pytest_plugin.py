"""Fixtures for tests of pipelines; docs/testing.md shows their use.

pytest imports this in every session where Weft is installed: so it imports nothing by itself.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from meshtest.background import Background
    from meshtest.cluster import ClusterBelow
    from meshtest.mesh import Mesh
    from meshtest.travel import Traveller
    from weft.testing import ClusterWeft, LocalWeft, MeshWeft, WeftClock


@pytest.fixture
def weft_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep a test away from what you run: no context, no workspace, folders of its own.

    Gives the folder that holds them. The environment is as before when the test has ended.
    """
    folder = tmp_path_factory.mktemp("weft")
    with pytest.MonkeyPatch.context() as patch:
        _without_settings(patch)
        patch.setenv("WEFT_OFFLINE", "1")
        patch.setenv("WEFT_DATA_DIR", str(folder / "data"))
        patch.setenv("WEFT_CONFIG_DIR", str(folder / "config"))
        yield folder


@pytest.fixture
def weft_local(weft_alone: Path) -> Iterator[LocalWeft]:
    """Runs pipelines in the test's own process, without any server: see `LocalWeft`.

    Also runs that the tested code starts itself are recorded there, and nowhere else.
    """
    from weft.testing import LocalWeft

    local = LocalWeft(weft_alone / "data")
    with local.surrounding():
        yield local


@pytest.fixture(scope="session")
def weft_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Server]:
    """The mesh of this session: `weft_mesh` is what tests ask for."""
    pytest.importorskip("meshtest.mesh", reason="weft-server is not installed")
    from meshtest.background import Background
    from meshtest.mesh import Mesh

    with pytest.MonkeyPatch.context() as patch:
        _without_settings(patch)
        mesh = Mesh(tmp_path_factory.mktemp("weft-mesh"))
        with _quiet(), Background() as background:
            background.run(mesh.__aenter__())
            try:
                yield _Server(mesh, background)
            finally:
                background.run(mesh.__aexit__())


@pytest.fixture
def weft_mesh(
    weft_alone: Path,  # noqa: ARG001 - where its context is
    weft_server: _Server,
) -> Iterator[MeshWeft]:
    """A workspace and a control plane in this process, with a project of the test's own.

    Pipelines that the test runs are on record there, and so is whatever the tested code does with
    `weft`; needs weft-server.
    """
    from weft.testing import MeshWeft

    project = f"test-{next(weft_server.numbers)}"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WEFT_OFFLINE")
        mesh = MeshWeft(weft_server.mesh, weft_server.background, project)
        with mesh.signed_in(weft_server.tokens):
            yield mesh
            weft_server.tokens = mesh.tokens


@pytest.fixture
def weft_clock(weft_mesh: MeshWeft, weft_server: _Server) -> Iterator[WeftClock]:
    """The time of `weft_mesh`, for its schedules: `weft_clock.move_to("2031-01-06 07:00")`."""
    from weft.testing import WeftClock

    try:
        yield WeftClock(weft_mesh, weft_server.traveller)
    finally:
        weft_mesh.mesh.clock.reset()


@pytest.fixture(scope="session")
def weft_kubernetes(
    weft_server: _Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterBelow]:
    """The fake cluster of this session: `weft_cluster` is what tests ask for."""
    reason = "the fake cluster needs weft-server[testing]"
    pytest.importorskip("kubernetes_validate", reason=reason)
    from meshtest.cluster import ClusterBelow

    with pytest.MonkeyPatch.context() as patch:
        _without_settings(patch)
        below = ClusterBelow(weft_server.mesh, tmp_path_factory.mktemp("weft-cluster"))
        weft_server.background.run(below.start())
        try:
            yield below
        finally:
            weft_server.background.run(below.stop())


@pytest.fixture
def weft_cluster(
    weft_mesh: MeshWeft, weft_server: _Server, weft_kubernetes: ClusterBelow
) -> Iterator[ClusterWeft]:
    """A fake Kubernetes below `weft_mesh`: what is submitted is executed in its pods."""
    from weft.testing import ClusterWeft

    managers = weft_server.mesh.managers
    managers.use(weft_kubernetes.manager)
    try:
        yield ClusterWeft(weft_kubernetes, weft_server.background, weft_mesh.project)
    finally:
        managers.use(None)


class _Server:
    """What tests of a session share."""

    def __init__(self, mesh: Mesh, background: Background) -> None:
        self.mesh = mesh
        self.background = background
        self.numbers = itertools.count(1)
        self.tokens: Mapping[str, tuple[str, float]] = {}

    @cached_property
    def traveller(self) -> Traveller:
        """Who moves the time; one for all tests, as it holds the scheduler's lease."""
        from meshtest.travel import Traveller

        return Traveller(self.mesh)


def _without_settings(patch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WEFT_")]:
        patch.delenv(name)


@contextmanager
def _quiet() -> Iterator[None]:
    """Servers log every call; where nobody has said what becomes of it, only what is wrong."""
    import structlog

    if structlog.is_configured():
        yield
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    try:
        yield
    finally:
        structlog.reset_defaults()
