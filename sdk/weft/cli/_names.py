"""What people type for a resource: `@latest`, an id or how it begins, a full name, `RUN/step`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from weft.cli._exit import CommandError, Exit

if TYPE_CHECKING:
    from weft._connection import Connection
    from weft.cli._kinds import Kind
    from weftapi.workspace.v1 import run_types_pb2, snapshot_types_pb2

# Which of the newest runs, and of which ones.
RECENT = {"@latest": (0, ""), "@prev": (1, ""), "@failed": (0, "state = FAILED")}
_BEGINNING = re.compile(r"[a-z][a-z0-9-]*")
_AMBIGUOUS = 5


def organization_name(text: str | None) -> str:
    """The resource name of an organization by its id or name; empty where none is meant."""
    if not text or text.startswith("organizations/"):
        return text or ""
    return f"organizations/{text}"


def run_name(connection: Connection, text: str) -> str:
    """The resource name of a run: of `@latest`, `@prev`, `@failed`, a name, an id or its beginning.

    Raises:
        CommandError: There is no such recent run, or several ids begin so.
    """
    if text in RECENT:
        return _recent(connection, text).name
    if text.startswith("projects/"):
        return text
    return name_of(connection, "run", text)


def run_to_delete(connection: Connection, text: str) -> str:
    """As `run_name`, of whole ids alone: the run that was meant may be gone already."""
    is_id = text not in RECENT and not text.startswith("projects/")
    return f"{connection.project}/runs/{text}" if is_id else run_name(connection, text)


def name_of(connection: Connection, kind: str, text: str) -> str:
    """The resource name of an id, or of the only id that begins so.

    An id that is nobody's is left as it is: the server says so in its own words. Raises
    CommandError where several ids begin so.
    """
    from weft.cli._kinds import KINDS
    from weft.errors import NotFoundError, NotPermittedError

    found = KINDS[kind]
    exact = found.name_of(text, connection.project)
    if "/" in text or not _BEGINNING.fullmatch(text):
        return exact
    try:
        found.call(connection, "Get", found.request("Get", name=exact))
    except NotFoundError:
        return _beginning_so(connection, found, text) or exact
    except NotPermittedError:
        # Whoever may not look may still act.
        return exact
    return exact


def _beginning_so(connection: Connection, kind: Kind, text: str) -> str:
    from weft.cli._kinds import items_of

    request = kind.request(
        "List", parent=connection.project, filter=f"id = {text}*", page_size=_AMBIGUOUS
    )
    found: list[Any] = list(items_of(kind.call(connection, "List", request)))
    if len(found) > 1:
        ids = ", ".join(short(each.name) for each in found)
        raise CommandError(f"{text!r} is how several begin, write more of it: {ids}", Exit.USAGE)
    return str(found[0].name) if found else ""


def run_and_step(connection: Connection, text: str) -> tuple[str, str]:
    """The resource name of the run of `RUN/step`, and the step's id; empty where none is given."""
    run, step = parted(text)
    return run_name(connection, run), step


def parted(text: str) -> tuple[str, str]:
    """Splits `RUN/step`, whether the run is a full name or not."""
    run, _, step = text.partition("/steps/" if text.startswith("projects/") else "/")
    return run, step


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


def _recent(connection: Connection, text: str) -> run_types_pb2.Run:
    from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc

    endpoint = connection.workspace
    index, query = RECENT[text]
    runs = endpoint.call(
        endpoint.stub(runs_pb2_grpc.RunServiceStub).ListRuns,
        runs_pb2.ListRunsRequest(parent=connection.project, filter=query, page_size=index + 1),
    ).runs
    if len(runs) <= index:
        raise CommandError(
            f"{connection.project} has no {text} run yet: `weft runs list` shows what there is",
            Exit.NOT_FOUND,
        )
    return runs[index]
