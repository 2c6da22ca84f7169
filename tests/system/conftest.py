"""One mesh for all stories of a process: four servers, started once."""

import asyncio
import os
import re
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.commands import Commands
from tests.conftest import DATABASES
from tests.system.mesh import Mesh, Settings
from tests.system.project import Project
from tests.system.walking import Shell

TYPED = Path(__file__).parents[1] / "typed.py"
# A mesh outlives the command that starts it, and is signalled as a job of the shell.
_FORKED = """[ "$1" = up ] && exec "{python}" -m weft "$@"
exec "{python}" -IS "{typed}" "{at}" "$@\""""

# Certificates that every service renews twice a minute, all the time: no story may notice.
SETTINGS = {
    "controlplane": {"CERTIFICATE_S": "60", "SIGN_IN_PER_MINUTE": "1000"},
    # Where the clouds of these stories are.
    "workspace": {"EGRESS_NETWORKS": "127.0.0.0/8"},
}


@pytest.fixture(scope="session", params=DATABASES)
def mesh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mesh]:
    """A mesh with data, ports and a configuration of its own; every story is told on both."""
    settings = _on_postgresql(request) if request.param == "postgresql" else SETTINGS
    mesh = Mesh(tmp_path_factory.mktemp("mesh"), settings)
    try:
        mesh.start()
        yield mesh
    finally:
        mesh.stop()


def _on_postgresql(request: pytest.FixtureRequest) -> Settings:
    """The settings with a new database for each server that has one; they go with the server."""
    server = request.getfixturevalue("postgres_server")

    async def create(name: str) -> str:
        connection = await asyncpg.connect(server.url("postgres"))
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        return str(server.url(name))

    return {
        name: {
            **SETTINGS.get(name, {}),
            "DATABASE_URL": asyncio.run(create(f"{name}_{uuid.uuid4().hex}")),
        }
        for name in ("controlplane", "workspace")
    }


@pytest.fixture
def project(mesh: Mesh, request: pytest.FixtureRequest) -> Project:
    """A project for this test alone."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    # Long names differ in their ends, where the parameters stand.
    return mesh.project(f"p-{name[-48:].strip('-')}")


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that steps wait for: `gate.touch()` lets them go on."""
    return tmp_path / "gate"


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """What the commands of shells are forked from."""
    commands = Commands(tmp_path_factory.mktemp("commands"))
    yield commands
    commands.close()


@pytest.fixture
def shell(tmp_path: Path, commands: Commands) -> Iterator[Shell]:
    """A shell of somebody who has nothing yet, but `weft` on the path."""
    with _shell(
        tmp_path, _FORKED.format(python=sys.executable, typed=TYPED, at=commands.address)
    ) as shell:
        yield shell


@pytest.fixture
def bare_shell(tmp_path: Path) -> Iterator[Shell]:
    """As `shell`, with the command itself on the path, which starts from nothing."""
    with _shell(tmp_path, f'exec "{sys.executable}" -m weft "$@"') as shell:
        yield shell


@contextmanager
def _shell(directory: Path, weft: str) -> Iterator[Shell]:
    commands = directory / "bin"
    commands.mkdir()
    # The interpreter of the tests, whatever else is on the path.
    scripts = {
        "weft": weft,
        "python": f'exec "{sys.executable}" "$@"',
        # Installed, pytest finds the plugin by itself.
        "pytest": f'exec "{sys.executable}" -m pytest -p weft.pytest_plugin "$@"',
    }
    for name, script in scripts.items():
        command = commands / name
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("WEFT_", "SSH_"))}
    home = directory / "home"
    home.mkdir()
    shell = Shell(home, {**inherited, "PATH": f"{commands}:{os.environ['PATH']}"})
    try:
        yield shell
    finally:
        shell.close()
