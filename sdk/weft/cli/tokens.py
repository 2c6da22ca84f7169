"""`weft tokens`: personal access tokens, one's own and those of members."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from weft.cli._access import People, end_of, named, organization_of, told
from weft.cli._names import short
from weft.cli._output import note, output_option, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import users_pb2, users_pb2_grpc

_ME = "users/me"


@click.group()
def tokens() -> None:
    """List, make and delete personal access tokens."""


@tokens.command("list")
@click.option("--all", "everybody", is_flag=True, help="Those of all members; for administrators.")
@output_option
def list_tokens(*, everybody: bool, output: str) -> None:
    """List your tokens, newest first."""
    connection, stub = _connect()
    people = People.of(connection) if everybody and output == "table" else People("")
    print_messages(
        _all(connection, stub) if everybody else _own(connection, stub),
        output,
        header=("TOKEN", "OWNER", "FOR", "MAY", "LAST USED", "ENDS"),
        row=lambda t: (
            short(t.name),
            people.label("/".join(t.name.split("/")[:2])) if everybody else "you",
            t.display_name,
            ", ".join(map(short, t.scopes)) or "everything",
            told(t.last_used_time),
            told(t.expire_time),
        ),
        empty="no tokens yet: make one with `weft tokens create NAME`",
    )


@tokens.command()
@click.argument("name")
@click.option("--expires", help="When it ends: 12h, 30d; 30 days by default, 90 at most.")
@click.option("--scope", multiple=True, help="What it may do: a permission, or role:ID.")
@output_option
def create(*, name: str, expires: str | None, scope: tuple[str, ...], output: str) -> None:
    """Make a token. Its secret is printed now and never again: keep it as WEFT_TOKEN."""
    from weftapi.controlplane.v1 import users_pb2

    connection, stub = _connect()
    token = users_pb2.PersonalAccessToken(
        display_name=name,
        expire_time=end_of(expires, datetime.now(UTC)) if expires else None,
        scopes=[_scope(connection, each) for each in scope],
    )
    request = users_pb2.CreatePersonalAccessTokenRequest(parent=_ME, personal_access_token=token)
    made = connection.control_plane.call(stub.CreatePersonalAccessToken, request)
    print_message(made, output, lambda: _tell(made))


@tokens.command()
@click.argument("token")
def delete(*, token: str) -> None:
    """Delete a token: yours by its id, a member's by its full name (`list --all -o name`)."""
    from weftapi.controlplane.v1 import users_pb2

    connection, stub = _connect()
    call = connection.control_plane.call
    if token.startswith("users/"):
        organization = organization_of(connection)
        of_member = users_pb2.RevokeMemberTokenRequest(organization=organization, name=token)
        call(stub.RevokeMemberToken, of_member)
    else:
        name = f"{_ME}/personalAccessTokens/{token}"
        own = users_pb2.DeletePersonalAccessTokenRequest(name=name)
        call(stub.DeletePersonalAccessToken, own)
    note(f"{short(token)} is deleted")


def _connect() -> tuple[Connection, users_pb2_grpc.UserServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import users_pb2_grpc

    connection = Connection.current()
    return connection, connection.control_plane.stub(users_pb2_grpc.UserServiceStub)


def _own(
    connection: Connection, stub: users_pb2_grpc.UserServiceStub
) -> list[users_pb2.PersonalAccessToken]:
    from weftapi.controlplane.v1 import users_pb2

    call = connection.control_plane.call
    request = users_pb2.ListPersonalAccessTokensRequest(parent=_ME)
    pages = paged(lambda r: call(stub.ListPersonalAccessTokens, r), request)
    return [token for page in pages for token in page.personal_access_tokens]


def _all(
    connection: Connection, stub: users_pb2_grpc.UserServiceStub
) -> list[users_pb2.PersonalAccessToken]:
    from weftapi.controlplane.v1 import users_pb2

    call = connection.control_plane.call
    request = users_pb2.ListMemberTokensRequest(organization=organization_of(connection))
    pages = paged(lambda r: call(stub.ListMemberTokens, r), request)
    return [token for page in pages for token in page.personal_access_tokens]


def _scope(connection: Connection, text: str) -> str:
    kind, colon, id_ = text.partition(":")
    return named(connection, "roles", id_) if colon and kind == "role" else text


def _tell(made: users_pb2.CreatePersonalAccessTokenResponse) -> None:
    """The secret alone on standard output, so that a pipe can take it."""
    click.echo(made.secret)
    token = made.personal_access_token
    note(f"{short(token.name)} ends {told(token.expire_time)}; keep the secret")
