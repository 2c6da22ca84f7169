"""`weft roles`: what can be granted, and roles of an organization's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft.cli._access import named, organization_of
from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import by_id, note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import access_pb2, access_pb2_grpc

_permission_option = click.option(
    "-p", "--permission", "permissions", multiple=True, help="What it allows: runs.stop. Repeat it."
)


@click.group()
def roles() -> None:
    """List, show and make roles. ROLE is an id, such as editor."""


@roles.command("list")
@output_option
def list_roles(*, output: str) -> None:
    """List the roles of the organization, built in and its own."""
    from weftapi.controlplane.v1 import access_pb2

    connection, stub = _connect()
    call = connection.control_plane.call
    request = access_pb2.ListRolesRequest(parent=organization_of(connection))
    pages = paged(lambda r: call(stub.ListRoles, r), request)
    print_messages(
        [role for page in pages for role in page.roles],
        output,
        header=("ROLE", "NAME", "PERMISSIONS", "KIND"),
        row=lambda role: (
            short(role.name),
            role.display_name,
            str(len(role.permissions)),
            "built in" if role.built_in else "custom",
        ),
    )


@roles.command()
@click.argument("role")
@output_option
def show(*, role: str, output: str) -> None:
    """Show a role with its permissions."""
    connection, stub = _connect()
    found = _get(connection, stub, role)
    print_message(found, output, lambda: _draw(found))


@roles.command("permissions")
@click.argument("containing", default="")
@output_option
def list_permissions(*, containing: str, output: str) -> None:
    """List what roles can allow, or what of it contains a text."""
    from weftapi.controlplane.v1 import access_pb2

    connection, stub = _connect()
    call = connection.control_plane.call
    request = access_pb2.ListPermissionsRequest()
    pages = paged(lambda r: call(stub.ListPermissions, r), request)
    found = [p for page in pages for p in page.permissions if containing in p.permission]
    if output == "name":
        click.echo("\n".join(p.permission for p in found))
        return
    print_messages(
        found,
        output,
        header=("PERMISSION", "IN", "ALLOWS"),
        row=lambda p: (p.permission, ", ".join(p.roles), p.description),
        empty=f"no permission contains {containing!r}",
    )


@roles.command()
@click.argument("role")
@_permission_option
@click.option("--like", help="Begin with the permissions of this role.")
@click.option("--name", default="", help="The name that people read.")
@click.option("--description", default="", help="What it is for.")
@output_option
def create(
    *,
    role: str,
    permissions: tuple[str, ...],
    like: str | None,
    name: str,
    description: str,
    output: str,
) -> None:
    """Make a role. You must hold all that it allows yourself."""
    from weftapi.controlplane.v1 import access_pb2

    connection, stub = _connect()
    given = {*permissions, *(_get(connection, stub, like).permissions if like else ())}
    if not given:
        raise CommandError("say what it allows, with --permission or --like", Exit.USAGE)
    request = access_pb2.CreateRoleRequest(
        parent=organization_of(connection),
        role_id=role,
        role=access_pb2.Role(display_name=name, description=description, permissions=sorted(given)),
    )
    made = connection.control_plane.call(stub.CreateRole, request)
    print_message(made, output, lambda: _draw(made))


@roles.command()
@click.argument("role")
@click.option("--add", multiple=True, help="A permission that it gets. Repeat it.")
@click.option("--remove", multiple=True, help="A permission that it loses. Repeat it.")
@click.option("--name", help="The name that people read.")
@click.option("--description", help="What it is for.")
@output_option
def update(
    *,
    role: str,
    add: tuple[str, ...],
    remove: tuple[str, ...],
    name: str | None,
    description: str | None,
    output: str,
) -> None:
    """Change a role; whoever holds it has its new permissions at once."""
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.controlplane.v1 import access_pb2

    connection, stub = _connect()
    found = _get(connection, stub, role)
    changed: dict[str, Any] = {
        "display_name": name,
        "description": description,
        "permissions": sorted({*found.permissions, *add} - {*remove}) if add or remove else None,
    }
    changed = {field: value for field, value in changed.items() if value is not None}
    if not changed:
        raise CommandError("say what changes; see `weft roles update --help`", Exit.USAGE)
    # The etag: nobody's change in between is undone unseen.
    request = access_pb2.UpdateRoleRequest(
        role=access_pb2.Role(name=found.name, etag=found.etag, **changed),
        update_mask=FieldMask(paths=list(changed)),
    )
    made = connection.control_plane.call(stub.UpdateRole, request)
    print_message(made, output, lambda: _draw(made))


@roles.command()
@click.argument("role")
def delete(*, role: str) -> None:
    """Delete a role that nobody was granted."""
    from weftapi.controlplane.v1 import access_pb2

    connection, stub = _connect()
    request = access_pb2.DeleteRoleRequest(name=named(connection, "roles", role))
    connection.control_plane.call(stub.DeleteRole, request)
    note(f"{short(request.name)} is deleted")


def _connect() -> tuple[Connection, access_pb2_grpc.AccessServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import access_pb2_grpc

    connection = Connection.current()
    return connection, connection.control_plane.stub(access_pb2_grpc.AccessServiceStub)


def _get(
    connection: Connection, stub: access_pb2_grpc.AccessServiceStub, role: str
) -> access_pb2.Role:
    from weftapi.controlplane.v1 import access_pb2

    request = access_pb2.GetRoleRequest(name=named(connection, "roles", role))
    return connection.control_plane.call(stub.GetRole, request)


def _draw(role: access_pb2.Role) -> None:
    print_fields(
        [
            by_id("role", role.name),
            ("name", role.display_name),
            ("for", role.description),
            ("kind", "built in" if role.built_in else "custom"),
        ]
    )
    click.echo("may")
    for permission in role.permissions:
        click.echo(f"  {permission}")
