"""One real mesh for all tests of the command, and the command as its users call it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import Commands, Result
from weft._connection import Connection
from weft._contexts import Context, ContextStore
from weft._embedded import EmbeddedMesh
from weftapi.controlplane.v1 import users_pb2, users_pb2_grpc

TRAIN = '''
"""A pipeline that can do everything the tests look at."""
import time

from weft import pipeline, step


@step
def load(rows: int) -> list[int]:
    print(f"loaded {rows} rows")
    return list(range(rows))


@step
def train(data: list[int], lr: float, fail: bool) -> float:
    print("epoch 1")
    print("epoch 2 \\x1b[31mred\\x1b[0m \\x1b]0;owned\\x07\\x1b[2J")
    if fail:
        raise ValueError("bad batch 3")
    return sum(data) * lr


@step
def nap(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.05)


@step
def square(item: int) -> int:
    return item * item


@pipeline
def teach(rows: int = 3, lr: float = 0.5, fail: bool = False) -> float:
    return train(load(rows), lr, fail)


@pipeline
def sleepy(seconds: float = 60.0) -> None:
    nap(seconds)


@pipeline
def wide(rows: int = 40) -> None:
    square.map(load(rows))


@pipeline
def dying() -> None:
    die()


@step
def die() -> None:
    import os
    import sys

    print("the last words of the worker", file=sys.__stderr__, flush=True)
    os.kill(os.getpid(), 9)
'''


Weft = Callable[..., Result]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this session's configuration and data are: never the developer's own."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def environment(home: Path) -> dict[str, str]:
    """The environment of commands."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("WEFT_", "NO_COLOR"))}
    return {
        **kept,
        "WEFT_CONFIG_DIR": str(home / "config"),
        "WEFT_DATA_DIR": str(home / "data"),
        "PYTHONUNBUFFERED": "1",
        "TERM": "xterm",
        # A proxy in the environment must not be asked for this machine.
        "https_proxy": "http://127.0.0.1:1",
    }


@pytest.fixture(scope="session")
def mesh(home: Path) -> Iterator[EmbeddedMesh]:
    """A mesh on free ports, with its administrator signed in."""
    # All the people of these tests sign in from one address.
    settings = {
        "WEFT_CONTROLPLANE_SIGN_IN_PER_MINUTE": "1000",
        "WEFT_WORKSPACE_ALLOW_PICKLE": "false",
    }
    mesh = EmbeddedMesh(home / "mesh", ContextStore(home / "config"), settings=settings)
    mesh.start(lambda _line: None)
    yield mesh
    mesh.stop()


@pytest.fixture(scope="session")
def context(mesh: EmbeddedMesh, home: Path) -> Context:
    return ContextStore(home / "config").get("local")


@pytest.fixture(scope="session")
def connection(context: Context, home: Path) -> Iterator[Connection]:
    """The mesh as its administrator sees it."""
    connection = Connection(context, ContextStore(home / "config"))
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def personal_token(connection: Connection) -> str:
    """A personal access token of the administrator."""
    endpoint = connection.control_plane
    request = users_pb2.CreatePersonalAccessTokenRequest(parent="users/me")
    request.personal_access_token.display_name = "tests"
    stub = endpoint.stub(users_pb2_grpc.UserServiceStub)
    return endpoint.call(stub.CreatePersonalAccessToken, request).secret


@pytest.fixture(scope="session")
def train_file(home: Path) -> Path:
    folder = home / "project"
    folder.mkdir()
    file = folder / "train.py"
    file.write_text(TRAIN)
    return file


@pytest.fixture(scope="session")
def offline(environment: dict[str, str], home: Path) -> Iterator[Weft]:
    """Calls `weft` in a process of its own; keywords set variables of its environment."""
    commands = Commands(home)

    def call(*arguments: object, stdin: str = "", **variables: str) -> Result:
        done = commands.run(
            *map(str, arguments), env={**environment, **variables}, cwd=home, stdin=stdin
        )
        assert "Traceback" not in done.err or "-v" in arguments, done.err
        return done

    yield call
    commands.close()


@pytest.fixture(scope="session")
def weft(mesh: EmbeddedMesh, offline: Weft) -> Weft:
    """Calls `weft` with the mesh there."""
    return offline


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs that tests look at, made once."""

    good: str
    bad: str


@pytest.fixture(scope="session")
def runs(weft: Weft, train_file: Path) -> Runs:
    """One run that succeeded and one that failed, as `weft run` printed them."""
    # Nothing comes from the cache, whoever ran it before: tests read what the steps print.
    good = weft("run", f"{train_file}::teach", "--no-cache", "-o", "name")
    assert good.code == 0, good.err
    bad = weft("run", f"{train_file}::teach", "--fail", "--no-cache", "-o", "name")
    assert bad.code == 3, bad.err
    return Runs(good.out.strip(), bad.out.strip())
