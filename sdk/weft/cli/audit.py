"""`weft audit`: who did what, or was refused it; exported, and verified without trust in us."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import (
    as_dict,
    note,
    output_option,
    print_document,
    print_fields,
    print_message,
    print_messages,
)
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import audit_pb2, audit_pb2_grpc

_platform_option = click.option(
    "--platform",
    is_flag=True,
    help="What belongs to no organization, such as sign-ins to accounts that do not exist.",
)

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def audit() -> None:
    """List, show, export and verify the audit log. EVENT is an id or a name."""


@audit.command("list")
@click.option("--actor", help="Only what this actor did: users/<uuid>.")
@click.option("--action", help="Only this action, such as 'AccessService.*'.")
@click.option("--resource", help="Only about this resource, such as 'organizations/o/teams/*'.")
@click.option("--outcome", help="Only this outcome: OK, PERMISSION_DENIED, ...")
@click.option("--workspace", help="Only what this workspace recorded, by its id.")
@click.option("--since", help="Only what is newer: a time, or an age such as 24h.")
@click.option("-q", "--query", default="", help="A filter of your own, in addition.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="How many at most.",
)
@_platform_option
@output_option
def list_events(*, query: str, limit: int, platform: bool, output: str, **terms: str) -> None:
    """List what happened, newest first."""
    from weftapi.controlplane.v1 import audit_pb2

    connection, stub = _connect()
    request = audit_pb2.ListAuditEventsRequest(
        parent=_organization(connection), filter=_filter(connection, query, terms)
    )
    request.platform = platform
    call = connection.control_plane.call
    pages = paged(lambda r: call(stub.ListAuditEvents, r), request, limit)
    print_messages(
        [event for page in pages for event in page.audit_events],
        output,
        header=("EVENT", "TIME", "ACTOR", "ACTION", "OUTCOME", "RESOURCE"),
        row=lambda event: (
            event.uid,
            _time(event),
            event.actor.display_name or short(event.actor.subject) or "nobody",
            event.action,
            event.outcome.lower() + (f" ({event.reason})" if event.reason else ""),
            event.resource,
        ),
        empty="nothing of that kind is recorded",
    )


@audit.command()
@click.argument("event")
@output_option
def show(*, event: str, output: str) -> None:
    """Show one row: who did what, from where, and how it ended."""
    from weftapi.controlplane.v1 import audit_pb2

    connection, stub = _connect()
    name = event if "/" in event else f"{_organization(connection)}/auditEvents/{event}"
    request = audit_pb2.GetAuditEventRequest(name=name)
    found = connection.control_plane.call(stub.GetAuditEvent, request)
    print_message(found, output, lambda: print_fields(_fields(found)))


@audit.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--after", type=click.IntRange(min=0), help="Begin behind this row.")
@_platform_option
def export(*, file: Path | None, after: int | None, platform: bool) -> None:
    """Export the log as JSON lines, to FILE or standard output.

    A FILE that is there already is continued behind its last row, so that an export which broke
    off, and one of yesterday, need not begin again.
    """
    import sys

    from weft._audit import last_sequence

    connection, stub = _connect()
    if file is None:
        _export(connection, stub, sys.stdout.buffer, after or 0, platform=platform)
        return
    known = last_sequence(file) if file.exists() else 0
    if after is not None and after != known and file.exists():
        message = f"{file} ends at row {known}; without --after it is continued there"
        raise CommandError(message, Exit.USAGE)
    with file.open("ab") as target:
        _export(connection, stub, target, known or after or 0, platform=platform)
    note(f"{file}: rows up to {last_sequence(file)}; verify it with `weft audit verify {file}`")


@audit.command()
def keys() -> None:
    """Print the public keys that verify exports, as a JSON web key set.

    Keep a copy where the control plane's administrators cannot change it.
    """
    connection, stub = _connect()
    print_document(_keys(connection, stub), "json")


@audit.command("rotate-key")
def rotate_key() -> None:
    """Let a new key sign the log from now on; what was signed before goes on to verify.

    Prints the public keys, the new one first. Exports show that the old key vouched for it.
    """
    from weftapi.controlplane.v1 import audit_pb2

    connection, stub = _connect()
    request = audit_pb2.RotateAuditKeyRequest(
        organization=_organization(connection), kid=_keys(connection, stub)["keys"][0]["kid"]
    )
    print_document(as_dict(connection.control_plane.call(stub.RotateAuditKey, request)), "json")


@audit.command()
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--keys",
    "key_file",
    type=_EXISTING,
    help="The public keys, from `weft audit keys`; the control plane is asked where not given.",
)
@_platform_option
def verify(*, file: Path | None, key_file: Path | None, platform: bool) -> int:
    """Verify an export offline; without FILE, let the control plane verify its own log.

    Exit code 9 where a row was altered, removed, moved or put in.
    """
    if file is None:
        return _verify_there(platform=platform)
    from weft._audit import AuditBrokenError, verify_export

    known = json.loads(key_file.read_bytes()) if key_file else _keys(*_connect())
    try:
        with file.open(encoding="utf-8") as lines:
            found = verify_export(lines, known)
    except AuditBrokenError as error:
        raise CommandError(f"{file} does not verify: {error}", Exit.TAMPERED) from None
    begin = "from its beginning" if found.is_anchored else f"behind row {found.after}"
    click.echo(f"{found.chain}: {found.rows} rows verified {begin} up to row {found.last}")
    click.echo(f"signed {found.signed_time}, {found.checkpoints} checkpoints")
    return Exit.DONE


def _verify_there(*, platform: bool) -> int:
    from weftapi.controlplane.v1 import audit_pb2

    connection, stub = _connect()
    request = audit_pb2.VerifyAuditChainRequest(parent=_organization(connection), platform=platform)
    rows = 0
    while True:
        answer = connection.control_plane.call(stub.VerifyAuditChain, request, timeout_s=60)
        rows += answer.verified_count
        if answer.HasField("broken"):
            where = f"row {answer.broken.sequence}: {answer.broken.problem}"
            raise CommandError(f"the audit log does not verify: {where}", Exit.TAMPERED)
        if answer.complete:
            break
        request.after_sequence = answer.last_sequence
    click.echo(f"{rows} rows verified up to row {answer.last_sequence}")
    click.echo(f"signed up to row {answer.signed_sequence}")
    return Exit.DONE


def _connect() -> tuple[Connection, audit_pb2_grpc.AuditServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import audit_pb2_grpc

    connection = Connection.current()
    return connection, connection.control_plane.stub(audit_pb2_grpc.AuditServiceStub)


def _organization(connection: Connection) -> str:
    if not connection.context.organization:
        raise CommandError("this context has no organization: sign in again with `weft login`")
    return connection.context.organization


def _keys(connection: Connection, stub: audit_pb2_grpc.AuditServiceStub) -> dict[str, Any]:
    from weftapi.controlplane.v1 import audit_pb2

    found: Any = connection.anonymous.call(stub.GetAuditKeys, audit_pb2.GetAuditKeysRequest())
    return as_dict(found)


def _export(
    connection: Connection,
    stub: audit_pb2_grpc.AuditServiceStub,
    target: IO[bytes],
    after: int,
    *,
    platform: bool,
) -> None:
    for piece in _pieces(connection, stub, after, platform=platform):
        target.write(piece)
    target.flush()


def _pieces(
    connection: Connection, stub: audit_pb2_grpc.AuditServiceStub, after: int, *, platform: bool
) -> Iterator[bytes]:
    from weftapi.controlplane.v1 import audit_pb2

    request = audit_pb2.ExportAuditEventsRequest(
        parent=_organization(connection), after_sequence=after, platform=platform
    )
    for body in connection.control_plane.read(stub.ExportAuditEvents, request):
        yield body.data


def _filter(connection: Connection, query: str, terms: dict[str, str]) -> str:
    """The options as one filter; what an option says holds beside the query."""
    parts = [f"({query})"] if query else []
    since = terms.pop("since")
    workspace = terms.pop("workspace")
    if workspace:
        name = f"{_organization(connection)}/workspaces/{workspace}"
        parts.append(f"workspace = {json.dumps(workspace if '/' in workspace else name)}")
    parts += [f"{field} = {json.dumps(text)}" for field, text in terms.items() if text]
    if since:
        is_age = since[:1].isdigit() and since[-1:] in "smhd"
        parts.append(f'time > now()-"{since}"' if is_age else f"time > {since}")
    return " AND ".join(parts)


def _fields(event: audit_pb2.AuditEvent) -> list[tuple[str, str]]:
    actor = event.actor
    return [
        ("event", event.name),
        ("row", f"{event.sequence} of {event.chain}"),
        ("time", _time(event)),
        ("actor", f"{actor.display_name} {actor.subject}".strip() or "nobody"),
        ("through", actor.peer),
        ("from", f"{actor.address} {actor.user_agent}".strip()),
        ("action", event.action),
        ("resource", event.resource),
        ("workspace", event.workspace),
        ("changed", ", ".join(event.changed_fields)),
        ("outcome", f"{event.outcome} {event.reason}".strip()),
        ("request", event.request_id),
        ("trace", event.trace_id),
        ("hash", event.hash),
    ]


def _time(event: audit_pb2.AuditEvent) -> str:
    return event.time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S")
