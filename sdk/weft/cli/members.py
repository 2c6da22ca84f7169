"""`weft members`: who belongs to the organization, and their accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import click

from weft._enums import word
from weft.cli._access import organization_of, subject_name, told
from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import members_pb2, members_pb2_grpc

_yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@click.group()
def members() -> None:
    """List the members, and look after their accounts. MEMBER is an address or users/UUID.

    `weft invitations create` lets somebody in; `weft grants list --subject MEMBER` shows roles.
    """


@members.command("list")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="How many at most.",
)
@output_option
def list_members(*, limit: int, output: str) -> None:
    """List the members of the organization, by address."""
    from weftapi.controlplane.v1 import members_pb2

    connection, stub = _connect()
    call = connection.control_plane.call
    request = members_pb2.ListMembersRequest(parent=organization_of(connection))
    pages = paged(lambda r: call(stub.ListMembers, r), request, limit)
    print_messages(
        [member for page in pages for member in page.members],
        output,
        header=("MEMBER", "NAME", "ACCOUNT", "SINCE"),
        row=lambda m: (m.email, m.display_name, _state(m), told(m.create_time)),
    )


@members.command()
@click.argument("member")
@output_option
def show(*, member: str, output: str) -> None:
    """Show a member."""
    from weftapi.controlplane.v1 import members_pb2

    connection, stub = _connect()
    request = members_pb2.GetMemberRequest(name=_name(connection, member))
    found = connection.control_plane.call(stub.GetMember, request)
    print_message(found, output, lambda: _draw(found))


@members.command()
@click.argument("member")
@_yes_option
def remove(*, member: str, yes: bool) -> None:
    """Take somebody out of the organization, with all they hold there. Their account stays."""
    from weftapi.controlplane.v1 import members_pb2

    connection, stub = _connect()
    request = members_pb2.RemoveMemberRequest(name=_name(connection, member))
    if not yes:
        click.confirm(f"Take {member} out of the organization?", abort=True, err=True)
    connection.control_plane.call(stub.RemoveMember, request)
    note(f"{member} is no longer a member")


@members.command()
@click.argument("member")
@output_option
def deactivate(*, member: str, output: str) -> None:
    """Shut an account at once: its sessions and tokens end. Roles stay for when it opens again."""
    from weftapi.controlplane.v1 import members_pb2

    connection, stub = _connect()
    request = members_pb2.DeactivateMemberRequest(name=_name(connection, member))
    found = connection.control_plane.call(stub.DeactivateMember, request)
    print_message(found, output, lambda: _draw(found))


@members.command()
@click.argument("member")
@output_option
def reactivate(*, member: str, output: str) -> None:
    """Open an account that was shut; its person signs in anew."""
    from weftapi.controlplane.v1 import members_pb2

    connection, stub = _connect()
    request = members_pb2.ReactivateMemberRequest(name=_name(connection, member))
    found = connection.control_plane.call(stub.ReactivateMember, request)
    print_message(found, output, lambda: _draw(found))


@members.command()
@click.argument("member")
@_yes_option
def erase(*, member: str, yes: bool) -> None:
    """Erase what is personal in an account, for good; the audit log keeps its number."""
    from weftapi.controlplane.v1 import members_pb2

    connection, stub = _connect()
    request = members_pb2.EraseMemberRequest(name=_name(connection, member))
    if not yes:
        click.confirm(f"Erase {member}, for good?", abort=True, err=True)
    connection.control_plane.call(stub.EraseMember, request)
    note(f"{member} is erased")


@members.command()
@click.argument("member")
@output_option
def recover(*, member: str, output: str) -> None:
    """Help somebody who lost their password: prints a token that chooses a new one, once.

    No mail is sent: hand the token over yourself. Whoever has it takes the account over.
    """
    from weftapi.controlplane.v1 import members_pb2

    connection, stub = _connect()
    request = members_pb2.CreateRecoveryTokenRequest(name=_name(connection, member))
    made = connection.control_plane.call(stub.CreateRecoveryToken, request)

    def show_token() -> None:
        print_fields([("token", made.password_token), ("until", told(made.expire_time))])
        note(f"hand it over; {made.email} runs: weft members choose-password {made.email}")

    print_message(made, output, show_token)


@members.command("choose-password")
@click.argument("email")
@click.option(
    "--token",
    help="The token of `weft members recover`, '-' reads it; the current password without.",
)
@click.option("--at", "host", metavar="HOST:PORT", help="The mesh; that of the context by default.")
@click.option("--ca", type=click.File(), help="File with the CA of that mesh.")
def choose_password(*, email: str, token: str | None, host: str | None, ca: TextIO | None) -> None:
    """Choose a new password, with a token or the current one. Signs you out everywhere."""
    from weft._connection import Connection, Endpoint, no_token
    from weft._transport import target_of_host
    from weft.cli._mesh import address
    from weft.cli._secrets import ask, ask_new, given
    from weftapi.controlplane.v1 import users_pb2, users_pb2_grpc

    if host:
        ca_pem = ca.read() if ca else ""
        endpoint = Endpoint(target_of_host(address(host)), ca_pem=ca_pem, token=no_token)
    else:
        endpoint = Connection.current().anonymous
    request = users_pb2.SetPasswordRequest(email=email)
    if token:
        request.password_token = given(token)
    else:
        request.current_password = ask("Current password")
    request.new_password = ask_new("New password")
    endpoint.call(endpoint.stub(users_pb2_grpc.UserServiceStub).SetPassword, request)
    note("the password is changed; sign in again with `weft login`")


def _connect() -> tuple[Connection, members_pb2_grpc.MemberServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import members_pb2_grpc

    connection = Connection.current()
    return connection, connection.control_plane.stub(members_pb2_grpc.MemberServiceStub)


def _name(connection: Connection, text: str) -> str:
    """The member's name, of an address or a name."""
    if text.startswith("organizations/"):
        return text
    user = subject_name(connection, text)
    if not user.startswith("users/"):
        raise CommandError(f"{text!r} is no person: give an address or users/UUID", Exit.USAGE)
    return f"{organization_of(connection)}/members/{short(user)}"


def _state(member: members_pb2.Member) -> str:
    from weftapi.controlplane.v1 import members_pb2

    return word(members_pb2.MemberState, member.state).lower()


def _draw(member: members_pb2.Member) -> None:
    print_fields(
        [
            ("member", member.email),
            ("name", member.display_name),
            ("account", _state(member)),
            ("since", told(member.create_time)),
            ("user", member.user),
        ]
    )
