"""Databases for the tests: a SQLite file, and a database of a real PostgreSQL server."""

import os
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests import compiled
from tests.memory import scratch
from tests.postgres import Server, binaries
from tests.rpc_coverage import is_whole_suite
from tests.templates import Keeper, Template

compiled.share()
# How long one example takes says how busy the machine is, and nothing else.
settings.register_profile("weft", deadline=None)
settings.load_profile("weft")

# A shell's background jobs ignore Ctrl-C, and so would every command that these tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Too large for everybody's environment: `make torch` puts it beside.
sys.path.append(str(Path(__file__).parents[1] / ".torch"))

# What pytest asks for the place of `tmp_path`.
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(scratch()))

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    """Where the server's programs are; without them CI fails, and anybody else is told."""
    programs = binaries()
    if programs is None:
        message = "PostgreSQL is not installed: its half of the storage tests does not run"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    return programs


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest, postgres_programs: Path) -> Iterator[Server]:
    """One server for the whole run, also across xdist's workers."""
    worker = getattr(request.config, "workerinput", {})
    server = Server(worker.get("testrunuid", uuid.uuid4().hex), postgres_programs)
    server.join()
    yield server
    server.leave()


@pytest.fixture
def template() -> Template | None:
    """What a fresh database of PostgreSQL holds: nothing, unless a folder's tests say otherwise."""
    return None


@pytest.fixture(scope="session")
def postgres_keeper(postgres_server: Server) -> Iterator[Keeper]:
    """Who makes and drops the databases of this process."""
    with Keeper(postgres_server) as keeper:
        yield keeper


@pytest.fixture
def postgres_url(postgres_keeper: Keeper, template: Template | None) -> Iterator[str]:
    """A fresh database, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres_keeper.create(name, template)
    postgres_keeper.drop(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database, once of each kind: storage tests run on both."""
    kind = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return request.getfixturevalue(kind)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skipped test is a failed one, and so is one that ran on one database only."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    is_judge = os.environ.get("CI") == "true" and not hasattr(session.config, "workerinput")
    if not (reporter and is_judge) or exitstatus != pytest.ExitCode.OK:
        return
    skipped = reporter.stats.get("skipped", [])
    if skipped:
        reporter.write_line(f"{len(skipped)} tests were skipped in CI", red=True)
    # A part of the suite may well have more of one than of the other.
    is_uneven = is_whole_suite(session.config) and len(set(_counts(reporter).values())) > 1
    if skipped or is_uneven:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Says how many tests ran on each database: as many on one as on the other."""
    counts = _counts(terminalreporter)
    if any(counts.values()):
        told = ", ".join(f"{count} on {kind}" for kind, count in counts.items())
        terminalreporter.write_line(f"tests that passed by database: {told}")


def _counts(reporter: Any) -> dict[str, int]:
    """How many tests passed on each kind of database, by what stands in their parameters."""
    parameters = [
        report.nodeid.rpartition("[")[2].rstrip("]").split("-")
        for report in reporter.stats.get("passed", [])
        if report.when == "call"
    ]
    return {kind: sum(kind in found for found in parameters) for kind in DATABASES}
