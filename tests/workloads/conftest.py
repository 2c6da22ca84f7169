"""Real launchers over real processes, in a directory of their own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from meshkit.clock import SystemClock
from meshtest.kubernetes.cluster import FakeCluster
from tests.real_cluster import KUBECONFIG, AnyCluster, RealCluster
from tests.workloads.kubernetes import Managers
from tests.workloads.observed import Engine, end_everything
from workloads.launchers.process import ProcessLauncher, ProcessSettings

Opener = Callable[..., Awaitable[Engine]]


@pytest.fixture
async def engines(tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens launchers over one state directory; ends whatever they have started."""
    base = ProcessSettings(
        state_directory=tmp_path / "state",
        slots=4,
        environment={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"},
        grace_s=5,
    )
    opened: list[Engine] = []
    async with AsyncExitStack() as stack:

        async def open_(**changes) -> Engine:
            settings = replace(base, **changes)
            own = await stack.enter_async_context(AsyncExitStack())
            launcher = await own.enter_async_context(ProcessLauncher(settings, SystemClock()))
            opened.append(Engine(launcher, settings, own))
            return opened[-1]

        yield open_
    end_everything(base.state_directory)


@pytest.fixture
async def engine(engines: Opener) -> Engine:
    """One launcher with four slots."""
    return await engines()


@pytest.fixture
async def managers(tmp_path: Path) -> AsyncIterator[Managers]:
    """A fake cluster to open launchers over."""
    async for managers in _over(FakeCluster(tmp_path)):
        yield managers


@pytest.fixture
async def any_managers(tmp_path: Path) -> AsyncIterator[Managers]:
    """The same over a real cluster, where WEFT_TEST_KUBECONFIG names one."""
    async for managers in _over(RealCluster.named() if KUBECONFIG else FakeCluster(tmp_path)):
        yield managers


async def _over(cluster: AnyCluster) -> AsyncIterator[Managers]:
    async with AsyncExitStack() as stack:
        yield Managers(await stack.enter_async_context(cluster), stack)
