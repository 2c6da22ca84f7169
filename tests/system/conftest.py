"""One mesh for all stories of a process: four servers, started once."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.mesh import Mesh
from tests.system.project import Project

# Certificates that every service renews twice a minute, all the time: no story may notice.
SETTINGS = {"controlplane": {"CERTIFICATE_S": "60", "SIGN_IN_PER_MINUTE": "1000"}}


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A mesh with data, ports and a configuration of its own."""
    mesh = Mesh(tmp_path_factory.mktemp("mesh"), SETTINGS)
    try:
        mesh.start()
        yield mesh
    finally:
        mesh.stop()


@pytest.fixture
def project(mesh: Mesh, request: pytest.FixtureRequest) -> Project:
    """A project for this test alone."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return mesh.project(name[:50].rstrip("-"))


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that steps wait for: `gate.touch()` lets them go on."""
    return tmp_path / "gate"
