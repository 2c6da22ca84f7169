"""`weft teams`: who holds roles together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli._access import SUBJECT_HELP, People, named, organization_of, subject_name, told
from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import by_id, note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import teams_pb2, teams_pb2_grpc

_MEMBERS = f"MEMBER is {SUBJECT_HELP}."


@click.group()
def teams() -> None:
    """List, make and fill teams. TEAM is an id; grant it a role with `weft grants create`."""


@teams.command("list")
@output_option
def list_teams(*, output: str) -> None:
    """List the teams of the organization."""
    from weftapi.controlplane.v1 import teams_pb2

    connection, stub = _connect()
    call = connection.control_plane.call
    request = teams_pb2.ListTeamsRequest(parent=organization_of(connection))
    pages = paged(lambda r: call(stub.ListTeams, r), request)
    print_messages(
        [team for page in pages for team in page.teams],
        output,
        header=("TEAM", "NAME", "FOR"),
        row=lambda team: (short(team.name), team.display_name, team.description),
        empty="no teams yet: make one with `weft teams create ID`",
    )


@teams.command()
@click.argument("team")
@output_option
def show(*, team: str, output: str) -> None:
    """Show a team."""
    from weftapi.controlplane.v1 import teams_pb2

    connection, stub = _connect()
    request = teams_pb2.GetTeamRequest(name=named(connection, "teams", team))
    found = connection.control_plane.call(stub.GetTeam, request)
    print_message(found, output, lambda: _draw(found))


@teams.command()
@click.argument("team")
@click.option("--name", default="", help="The name that people read.")
@click.option("--description", default="", help="What it is for.")
@output_option
def create(*, team: str, name: str, description: str, output: str) -> None:
    """Make a team, without members or roles."""
    from weftapi.controlplane.v1 import teams_pb2

    connection, stub = _connect()
    request = teams_pb2.CreateTeamRequest(
        parent=organization_of(connection),
        team_id=team,
        team=teams_pb2.Team(display_name=name, description=description),
    )
    made = connection.control_plane.call(stub.CreateTeam, request)
    print_message(made, output, lambda: _draw(made))


@teams.command()
@click.argument("team")
@click.option("--name", help="The name that people read.")
@click.option("--description", help="What it is for.")
@output_option
def update(*, team: str, name: str | None, description: str | None, output: str) -> None:
    """Change what a team is called, or what it is for."""
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.controlplane.v1 import teams_pb2

    connection, stub = _connect()
    values = {"display_name": name, "description": description}
    paths = [field for field, value in values.items() if value is not None]
    if not paths:
        raise CommandError("say what changes, with --name or --description", Exit.USAGE)
    changed = teams_pb2.Team(
        name=named(connection, "teams", team),
        display_name=name or "",
        description=description or "",
    )
    request = teams_pb2.UpdateTeamRequest(team=changed, update_mask=FieldMask(paths=paths))
    made = connection.control_plane.call(stub.UpdateTeam, request)
    print_message(made, output, lambda: _draw(made))


@teams.command()
@click.argument("team")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(*, team: str, yes: bool) -> None:
    """Delete a team with everything granted to it."""
    from weftapi.controlplane.v1 import teams_pb2

    connection, stub = _connect()
    request = teams_pb2.DeleteTeamRequest(name=named(connection, "teams", team))
    if not yes:
        question = f"Delete {short(request.name)}? Its members lose what they hold by it."
        click.confirm(question, abort=True, err=True)
    connection.control_plane.call(stub.DeleteTeam, request)
    note(f"{short(request.name)} is deleted")


@teams.command()
@click.argument("team")
@output_option
def members(*, team: str, output: str) -> None:
    """List who is in a team."""
    from weftapi.controlplane.v1 import teams_pb2

    connection, stub = _connect()
    call = connection.control_plane.call
    request = teams_pb2.ListTeamMembersRequest(parent=named(connection, "teams", team))
    pages = paged(lambda r: call(stub.ListTeamMembers, r), request)
    found = [member for page in pages for member in page.team_members]
    people = People.of(connection) if output == "table" else People("")
    print_messages(
        found,
        output,
        header=("MEMBER", "SINCE", "ADDED BY"),
        row=lambda m: (people.label(m.member), told(m.create_time), people.label(m.creator)),
        empty=f"nobody yet: add somebody with `weft teams add {team} MEMBER`",
    )


@teams.command(epilog=_MEMBERS)
@click.argument("team")
@click.argument("member", nargs=-1, required=True)
def add(*, team: str, member: tuple[str, ...]) -> None:
    """Add members, who get what the team holds. You must hold it yourself."""
    from weftapi.controlplane.v1 import teams_pb2

    connection, stub = _connect()
    request = teams_pb2.AddTeamMembersRequest(
        name=named(connection, "teams", team),
        members=[subject_name(connection, each) for each in member],
    )
    connection.control_plane.call(stub.AddTeamMembers, request)
    note(f"{', '.join(member)}: in {short(request.name)}")


@teams.command(epilog=_MEMBERS)
@click.argument("team")
@click.argument("member", nargs=-1, required=True)
def remove(*, team: str, member: tuple[str, ...]) -> None:
    """Remove members, who lose what they hold by the team alone."""
    from weftapi.controlplane.v1 import teams_pb2

    connection, stub = _connect()
    request = teams_pb2.RemoveTeamMembersRequest(
        name=named(connection, "teams", team),
        members=[subject_name(connection, each) for each in member],
    )
    connection.control_plane.call(stub.RemoveTeamMembers, request)
    note(f"{', '.join(member)}: no longer in {short(request.name)}")


def _connect() -> tuple[Connection, teams_pb2_grpc.TeamServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import teams_pb2_grpc

    connection = Connection.current()
    return connection, connection.control_plane.stub(teams_pb2_grpc.TeamServiceStub)


def _draw(team: teams_pb2.Team) -> None:
    print_fields(
        [
            by_id("team", team.name),
            ("name", team.display_name),
            ("for", team.description),
            ("made", told(team.create_time)),
        ]
    )
