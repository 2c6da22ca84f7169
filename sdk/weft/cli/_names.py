"""What people type for a resource: `@latest`, a short name, a full name, `RUN/step`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.cli._exit import CommandError, Exit

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import run_types_pb2, snapshot_types_pb2

_LATEST = {"@latest": 0, "@prev": 1}


def run_name(connection: Connection, text: str) -> str:
    """The resource name of a run: of `@latest`, `@prev`, an id or a name."""
    if text in _LATEST:
        return _recent(connection, _LATEST[text]).name
    if text.startswith("projects/"):
        return text
    return f"{connection.project}/runs/{text}"


def run_and_step(connection: Connection, text: str) -> tuple[str, str]:
    """Splits `RUN/step`; the step is empty where none is given."""
    if text.startswith("projects/"):
        run, _, step = text.partition("/steps/")
        return run, step
    run, _, step = text.partition("/")
    return run_name(connection, run), step


def code_of(snapshot: snapshot_types_pb2.Snapshot) -> str:
    """The commit of a snapshot's code, and the code repository that it was fetched from."""
    code = snapshot.code
    if code.code_repository:
        below = f" ({code.directory})" if code.directory else ""
        return f"{short(code.code_repository)}@{code.commit}{below}"
    return code.commit + (" and more" if code.dirty else "")


def short(name: str) -> str:
    """The last part of a resource name."""
    return name.rsplit("/", 1)[-1]


def _recent(connection: Connection, index: int) -> run_types_pb2.Run:
    from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc

    endpoint = connection.workspace
    runs = endpoint.call(
        endpoint.stub(runs_pb2_grpc.RunServiceStub).ListRuns,
        runs_pb2.ListRunsRequest(parent=connection.project, page_size=index + 1),
    ).runs
    if len(runs) <= index:
        raise CommandError(
            f"{connection.project} has no such run yet: make one with `weft run FILE`",
            Exit.NOT_FOUND,
        )
    return runs[index]
