"""`weft invitations`: letting people in, and coming in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft._enums import word
from weft.cli._access import end_of, named, organization_of, resource_name, told
from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import by_id, note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged
from weft.cli._secrets import given
from weft.cli._text import plain
from weft.errors import NotPermittedError

if TYPE_CHECKING:
    from weft._connection import Connection, Endpoint
    from weft._contexts import Context, SignIn
    from weftapi.controlplane.v1 import invitations_pb2, invitations_pb2_grpc, members_pb2


@click.group()
def invitations() -> None:
    """Invite people, and accept an invitation. INVITATION is an id that `list` shows.

    Weft sends no mail: whoever invites gets a token, once, and hands it over.
    """


@invitations.command("list")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many at most.",
)
@output_option
def list_invitations(*, limit: int, output: str) -> None:
    """List invitations, newest first."""
    from weftapi.controlplane.v1 import invitations_pb2

    connection, stub = _connect()
    call = connection.control_plane.call
    request = invitations_pb2.ListInvitationsRequest(parent=organization_of(connection))
    pages = paged(lambda r: call(stub.ListInvitations, r), request, limit)
    print_messages(
        [row for page in pages for row in page.invitations],
        output,
        header=("INVITATION", "FOR", "STATE", "UNTIL", "WITH"),
        row=lambda i: (short(i.name), i.email, _state(i), told(i.expire_time), _with(i)),
        empty="none: invite somebody with `weft invitations create ADDRESS`",
    )


@invitations.command()
@click.argument("invitation")
@output_option
def show(*, invitation: str, output: str) -> None:
    """Show an invitation."""
    from weftapi.controlplane.v1 import invitations_pb2

    connection, stub = _connect()
    name = named(connection, "invitations", invitation)
    request = invitations_pb2.GetInvitationRequest(name=name)
    found = connection.control_plane.call(stub.GetInvitation, request)
    print_message(found, output, lambda: _draw(found))


@invitations.command()
@click.argument("email")
@click.option(
    "-r",
    "--role",
    "roles",
    multiple=True,
    metavar="ROLE[@RESOURCE]",
    help="A role that waits: editor, or editor@projects/ID; may be repeated.",
)
@click.option("-t", "--team", "teams", multiple=True, help="A team that waits; may be repeated.")
@click.option("--expires", help="When the token ends: 12h, 30d or a date; 7d by default.")
@output_option
def create(
    *, email: str, roles: tuple[str, ...], teams: tuple[str, ...], expires: str | None, output: str
) -> None:
    """Invite an address. You must hold yourself what you promise."""
    from weftapi.controlplane.v1 import invitations_pb2

    connection, stub = _connect()
    invitation = invitations_pb2.Invitation(
        email=email,
        roles=[_role(connection, role) for role in roles],
        teams=[named(connection, "teams", team) for team in teams],
        expire_time=end_of(expires, datetime.now(UTC)) if expires else None,
    )
    request = invitations_pb2.CreateInvitationRequest(
        parent=organization_of(connection), invitation=invitation
    )
    made = connection.control_plane.call(stub.CreateInvitation, request)
    _print_token(connection, made, output)


@invitations.command()
@click.argument("invitation")
@output_option
def resend(*, invitation: str, output: str) -> None:
    """Make a new token for another week; the last one is void. You vouch for it from now on."""
    from weftapi.controlplane.v1 import invitations_pb2

    connection, stub = _connect()
    name = named(connection, "invitations", invitation)
    request = invitations_pb2.ResendInvitationRequest(name=name)
    made = connection.control_plane.call(stub.ResendInvitation, request)
    _print_token(connection, made, output)


@invitations.command()
@click.argument("invitation")
@output_option
def revoke(*, invitation: str, output: str) -> None:
    """Void an invitation."""
    from weftapi.controlplane.v1 import invitations_pb2

    connection, stub = _connect()
    name = named(connection, "invitations", invitation)
    request = invitations_pb2.RevokeInvitationRequest(name=name)
    found = connection.control_plane.call(stub.RevokeInvitation, request)
    print_message(found, output, lambda: _draw(found))


@invitations.command()
@click.argument("token")
@click.option("--at", "host", metavar="HOST:PORT", help="The mesh, where you are not signed in.")
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the CA of that mesh, where it is not a public one.",
)
@click.option("--fingerprint", help="The CA's fingerprint, sha256:..., instead of the file.")
@click.option("--name", default="", help="Your name, for a new account.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def accept(
    *, token: str, host: str | None, ca: Path | None, fingerprint: str | None, name: str, yes: bool
) -> None:
    """Accept an invitation: as who you are, or, with --at, by a password, and sign in there.

    With --at and no account yet, the password is the one that you choose for it. TOKEN may be
    '-', which reads it from standard input.
    """
    from weft._connection import Connection
    from weft._contexts import Context
    from weft.cli._mesh import address, fetch_ca

    token = given(token)
    if host is None:
        connection = Connection.current()
        _look(connection.anonymous, token, yes=yes)
        member = _accept(connection.control_plane, token)
        note(f"you are a member of {member.name.split('/')[1]} now: see `weft orgs list`")
        return
    host = address(host)
    ca_pem = ca.read_text() if ca else fetch_ca(host, fingerprint) if fingerprint else ""
    context = Context(name=host.rpartition(":")[0], control_plane=host, ca_pem=ca_pem)
    _come_in(context, token, name=name, yes=yes)


@invitations.command()
@click.argument("token")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def decline(*, token: str, yes: bool) -> None:
    """Turn an invitation down. TOKEN may be '-', which reads it from standard input."""
    from weft._connection import Connection
    from weftapi.controlplane.v1 import invitations_pb2, invitations_pb2_grpc

    token = given(token)
    if not yes:
        click.confirm("Turn the invitation down, for good?", abort=True, err=True)
    endpoint = Connection.current().anonymous
    stub = endpoint.stub(invitations_pb2_grpc.InvitationServiceStub)
    endpoint.call(stub.DeclineInvitation, invitations_pb2.DeclineInvitationRequest(token=token))
    note("the invitation is declined")


def _come_in(context: Context, token: str, *, name: str, yes: bool) -> None:
    """Accepts with a password, makes an account where there is none, and stays signed in."""
    from dataclasses import replace

    from weft._connection import Connection
    from weft._contexts import ContextStore, MemorySecrets, SignIn
    from weft.cli._mesh import choose_workspace
    from weft.cli._secrets import ask, ask_new

    stranger = Connection(context, MemorySecrets(SignIn()))
    seen = _look(stranger.anonymous, token, yes=yes)
    email = seen.invitation.email
    if seen.account_exists:
        secrets = MemorySecrets(_signed_in(stranger.anonymous, email, ask("Password")))
        connection = Connection(context, secrets)
        member = _accept(connection.control_plane, token)
    else:
        password = ask_new("Password for your account")
        member = _accept(stranger.anonymous, token, display_name=name, password=password)
        secrets = MemorySecrets(_signed_in(stranger.anonymous, email, password))
        connection = Connection(context, secrets)
    organization = member.name.partition("/members/")[0]
    place = {"organization": organization}
    try:
        place |= choose_workspace(connection, None, organization)
    except (CommandError, NotPermittedError) as error:
        note(f"no workspace is in use yet: {error}")
    store = ContextStore()
    store.sign_in(context.name, secrets.sign_in_of(context.name))
    store.put(replace(context, **place))
    note(f"you are a member of {short(organization)}, and signed in as {email}")


def _look(
    endpoint: Endpoint, token: str, *, yes: bool
) -> invitations_pb2.InspectInvitationResponse:
    """Shows what a token invites to, and asks whether that is meant."""
    from weftapi.controlplane.v1 import invitations_pb2, invitations_pb2_grpc

    stub = endpoint.stub(invitations_pb2_grpc.InvitationServiceStub)
    request = invitations_pb2.InspectInvitationRequest(token=token)
    seen = endpoint.call(stub.InspectInvitation, request)
    rows = [("to", seen.organization_display_name), ("for", seen.invitation.email)]
    print_fields([*rows, ("with", _with(seen.invitation))])
    if not yes:
        click.confirm(f"Join {plain(seen.organization_display_name)}?", abort=True, err=True)
    return seen


def _accept(endpoint: Endpoint, token: str, **fields: str) -> members_pb2.Member:
    from weftapi.controlplane.v1 import invitations_pb2, invitations_pb2_grpc

    stub = endpoint.stub(invitations_pb2_grpc.InvitationServiceStub)
    request = invitations_pb2.AcceptInvitationRequest(token=token, **fields)
    return endpoint.call(stub.AcceptInvitation, request)


def _signed_in(endpoint: Endpoint, email: str, password: str) -> SignIn:
    from weft._contexts import SignIn
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    stub = endpoint.stub(auth_pb2_grpc.AuthServiceStub)
    request = auth_pb2.SignInRequest(email=email, password=password)
    return SignIn(refresh_token=endpoint.call(stub.SignIn, request).refresh_token)


def _connect() -> tuple[Connection, invitations_pb2_grpc.InvitationServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import invitations_pb2_grpc

    connection = Connection.current()
    factory = invitations_pb2_grpc.InvitationServiceStub
    return connection, connection.control_plane.stub(factory)


def _role(connection: Connection, text: str) -> invitations_pb2.InvitedRole:
    from weftapi.controlplane.v1 import invitations_pb2

    role, at, resource = text.partition("@")
    if not role or (at and not resource):
        raise CommandError(f"{text!r} is no role: give ROLE or ROLE@RESOURCE", Exit.USAGE)
    return invitations_pb2.InvitedRole(
        role=named(connection, "roles", role), resource=resource_name(connection, resource)
    )


def _print_token(
    connection: Connection,
    made: invitations_pb2.CreateInvitationResponse | invitations_pb2.ResendInvitationResponse,
    output: str,
) -> None:
    def draw() -> None:
        _draw(made.invitation)
        print_fields([("token", made.token)])
        host = connection.context.control_plane
        note(
            "no mail is sent: hand the token over. They run, with the mesh's CA where it needs one:"
        )
        note(f"  weft invitations accept --at {host} TOKEN")

    if output == "name":
        click.echo(made.invitation.name)
    else:
        print_message(made, output, draw)


def _state(invitation: invitations_pb2.Invitation) -> str:
    from weftapi.controlplane.v1 import invitations_pb2

    return word(invitations_pb2.InvitationState, invitation.state).lower()


def _with(invitation: invitations_pb2.Invitation) -> str:
    """The roles and teams that wait, as they are typed."""
    organization = invitation.name.partition("/invitations/")[0]
    waiting = []
    for each in invitation.roles:
        place = each.resource.removeprefix(organization).removeprefix("/")
        waiting.append(f"{short(each.role)}@{place}" if place else short(each.role))
    return ", ".join([*waiting, *(f"team:{short(team)}" for team in invitation.teams)])


def _draw(invitation: invitations_pb2.Invitation) -> None:
    print_fields(
        [
            by_id("invitation", invitation.name),
            ("for", invitation.email),
            ("with", _with(invitation)),
            ("state", _state(invitation)),
            ("until", told(invitation.expire_time)),
        ]
    )
