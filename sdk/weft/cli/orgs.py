"""`weft orgs`: organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli._access import told
from weft.cli._names import organization_name, short
from weft.cli._output import note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import organizations_pb2, organizations_pb2_grpc


@click.group()
def orgs() -> None:
    """List, make, choose and leave organizations. ORGANIZATION is an id; `orgs use` chooses one."""


@orgs.command("list")
@output_option
def list_orgs(*, output: str) -> None:
    """List the organizations in which you have a role."""
    from weftapi.controlplane.v1 import organizations_pb2

    connection, stub = _connect()
    call = connection.control_plane.call
    request = organizations_pb2.ListOrganizationsRequest()
    pages = paged(lambda r: call(stub.ListOrganizations, r), request)
    used = connection.context.organization
    print_messages(
        [row for page in pages for row in page.organizations],
        output,
        header=("", "ORGANIZATION", "NAME"),
        row=lambda row: ("*" if row.name == used else "", short(row.name), row.display_name),
        empty="none yet: ask an administrator for an invitation",
    )


@orgs.command()
@click.argument("organization", required=False)
@output_option
def show(*, organization: str | None, output: str) -> None:
    """Show an organization: the one in use by default."""
    from weftapi.controlplane.v1 import organizations_pb2

    connection, stub = _connect()
    request = organizations_pb2.GetOrganizationRequest(name=_name(connection, organization))
    found = connection.control_plane.call(stub.GetOrganization, request)
    print_message(found, output, lambda: _draw(found))


@orgs.command()
@click.argument("organization")
@click.option("--name", default="", help="The name that people read; the id by default.")
@output_option
def create(*, organization: str, name: str, output: str) -> None:
    """Make an organization and administer it. Needs an administrator of the first one."""
    from weftapi.controlplane.v1 import organizations_pb2

    connection, stub = _connect()
    request = organizations_pb2.CreateOrganizationRequest(
        organization_id=organization,
        organization=organizations_pb2.Organization(display_name=name),
    )
    made = connection.control_plane.call(stub.CreateOrganization, request)
    print_message(made, output, lambda: _draw(made))


@orgs.command()
@click.argument("organization")
@click.option("--name", required=True, help="The name that people read.")
@output_option
def update(*, organization: str, name: str, output: str) -> None:
    """Give an organization another name; its id stays."""
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.controlplane.v1 import organizations_pb2

    connection, stub = _connect()
    changed = organizations_pb2.Organization(
        name=_name(connection, organization), display_name=name
    )
    request = organizations_pb2.UpdateOrganizationRequest(
        organization=changed, update_mask=FieldMask(paths=["display_name"])
    )
    made = connection.control_plane.call(stub.UpdateOrganization, request)
    print_message(made, output, lambda: _draw(made))


@orgs.command()
@click.argument("organization")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(*, organization: str, yes: bool) -> None:
    """Delete an organization in which nothing stands any more. Its id is gone for good."""
    from weftapi.controlplane.v1 import organizations_pb2

    connection, stub = _connect()
    request = organizations_pb2.DeleteOrganizationRequest(name=_name(connection, organization))
    if not yes:
        question = f"Delete {short(request.name)} with its members' roles and teams, for good?"
        click.confirm(question, abort=True, err=True)
    connection.control_plane.call(stub.DeleteOrganization, request)
    note(f"{short(request.name)} is deleted")


@orgs.command()
@click.argument("organization")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def leave(*, organization: str, yes: bool) -> None:
    """Leave an organization, with all that you hold there. You can be invited again."""
    from weftapi.controlplane.v1 import organizations_pb2

    connection, stub = _connect()
    request = organizations_pb2.LeaveOrganizationRequest(name=_name(connection, organization))
    if not yes:
        question = f"Leave {short(request.name)}, with your roles and teams there?"
        click.confirm(question, abort=True, err=True)
    connection.control_plane.call(stub.LeaveOrganization, request)
    note(f"you left {short(request.name)}")


@orgs.command()
@click.argument("organization")
@click.option("--workspace", help="Id of the workspace to use; the only one by default.")
def use(*, organization: str, workspace: str | None) -> None:
    """Work in an organization from now on, in this context."""
    from weft._contexts import ContextStore
    from weft.cli._mesh import choose_workspace
    from weftapi.controlplane.v1 import organizations_pb2

    connection, stub = _connect()
    request = organizations_pb2.GetOrganizationRequest(name=_name(connection, organization))
    name = connection.control_plane.call(stub.GetOrganization, request).name
    place = {"workspace": "", "workspace_endpoint": ""}
    place |= choose_workspace(connection, workspace, name)
    context = ContextStore().change(connection.context.name, **place)
    where = short(context.workspace) if context.workspace else "no workspace yet"
    note(f"context {context.name!r} uses {short(name)}, {where}")


def _connect() -> tuple[Connection, organizations_pb2_grpc.OrganizationServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import organizations_pb2_grpc

    connection = Connection.current()
    factory = organizations_pb2_grpc.OrganizationServiceStub
    return connection, connection.control_plane.stub(factory)


def _name(connection: Connection, text: str | None) -> str:
    from weft.cli._access import organization_of

    if text is None:
        return organization_of(connection)
    return organization_name(text)


def _draw(row: organizations_pb2.Organization) -> None:
    fields = [("organization", short(row.name)), ("name", row.display_name)]
    print_fields([*fields, ("made", told(row.create_time))])
