"""`weft sessions`: where people are signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli._access import subject_name, told
from weft.cli._names import short
from weft.cli._output import note, output_option, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import sessions_pb2_grpc

_of_option = click.option("--of", "member", help="A member's, by address; yours by default.")


@click.group()
def sessions() -> None:
    """See where you are signed in, and sign out there. SESSION is the id that `list` shows."""


@sessions.command("list")
@_of_option
@output_option
def list_sessions(*, member: str | None, output: str) -> None:
    """List live sessions, newest first; * is this one."""
    from weftapi.controlplane.v1 import sessions_pb2

    connection, stub = _connect()
    call = connection.control_plane.call
    request = sessions_pb2.ListSessionsRequest(parent=_user(connection, member))
    pages = paged(lambda r: call(stub.ListSessions, r), request)
    print_messages(
        [session for page in pages for session in page.sessions],
        output,
        header=("", "SESSION", "BY", "CLIENT", "ADDRESS", "SINCE", "LAST USED"),
        row=lambda s: (
            "*" if s.current else "",
            short(s.name),
            s.origin,
            s.client,
            s.address,
            told(s.create_time),
            told(s.last_used_time),
        ),
        empty="no sessions; personal access tokens are none",
    )


@sessions.command()
@click.argument("session", nargs=-1)
@click.option("--all", "everywhere", is_flag=True, help="All of them, this one too.")
@click.option("--others", is_flag=True, help="All but this one.")
@_of_option
def revoke(*, session: tuple[str, ...], everywhere: bool, others: bool, member: str | None) -> None:
    """Sign out: end sessions, and every token made from them."""
    from weftapi.controlplane.v1 import sessions_pb2

    if sum(map(bool, (session, everywhere, others))) != 1:
        raise click.UsageError("give SESSION, --others or --all")
    connection, stub = _connect()
    parent, call = _user(connection, member), connection.control_plane.call
    if session:
        for each in session:
            name = f"{parent}/sessions/{short(each)}"
            call(stub.RevokeSession, sessions_pb2.RevokeSessionRequest(name=name))
        note(f"signed out of {len(session)}")
        return
    request = sessions_pb2.RevokeAllSessionsRequest(parent=parent, keep_current=others)
    note(f"signed out of {call(stub.RevokeAllSessions, request).revoked_count}")


def _connect() -> tuple[Connection, sessions_pb2_grpc.SessionServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import sessions_pb2_grpc

    connection = Connection.current()
    return connection, connection.control_plane.stub(sessions_pb2_grpc.SessionServiceStub)


def _user(connection: Connection, member: str | None) -> str:
    return subject_name(connection, member) if member else "users/me"
