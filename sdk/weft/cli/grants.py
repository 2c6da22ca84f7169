"""`weft grants`: who holds which role where, and why somebody may do something."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from weft.cli._access import (
    SUBJECT_HELP,
    People,
    end_of,
    named,
    organization_of,
    resource_name,
    subject_name,
    told,
)
from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import (
    by_id,
    note,
    output_option,
    print_fields,
    print_message,
    print_messages,
    print_table,
)
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import access_pb2, access_pb2_grpc

_PLACES = (
    "RESOURCE is workspaces/ID, projects/ID of the workspace in use, one thing of a project "
    "(projects/ID/runs/ID), or . for the organization."
)


@click.group(epilog=_PLACES)
def grants() -> None:
    """List, make and take back grants. GRANT is the id that `weft grants list` shows."""


@grants.command("list", epilog=_PLACES)
@click.option("--subject", help=f"Only theirs: {SUBJECT_HELP}.")
@click.option("--role", help="Only of this role.")
@click.option("--on", "resource", metavar="RESOURCE", help="Only exactly there.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many at most.",
)
@output_option
def list_grants(
    *, subject: str | None, role: str | None, resource: str | None, limit: int, output: str
) -> None:
    """List grants, newest first."""
    from weftapi.controlplane.v1 import access_pb2

    connection, stub = _connect()
    wanted = {
        "subject": subject and subject_name(connection, subject),
        "role": role and named(connection, "roles", role),
        "resource": resource and resource_name(connection, resource),
    }
    request = access_pb2.ListRoleBindingsRequest(
        parent=organization_of(connection),
        filter=" AND ".join(f'{field} = "{value}"' for field, value in wanted.items() if value),
    )
    call = connection.control_plane.call
    pages = paged(lambda r: call(stub.ListRoleBindings, r), request, limit)
    found = [binding for page in pages for binding in page.role_bindings]
    people = People.of(connection) if output == "table" else People("")
    print_messages(
        found,
        output,
        header=("GRANT", "SUBJECT", "ROLE", "ON", "ENDS"),
        row=lambda b: (
            b.uid,
            people.label(b.subject),
            short(b.role),
            people.place(b.resource),
            _end(b),
        ),
        empty="no such grants",
    )


@grants.command(epilog=_PLACES)
@click.option("--subject", required=True, help=f"Who gets it: {SUBJECT_HELP}.")
@click.option("--role", required=True, help="The role: viewer, editor, admin, or one of your own.")
@click.option(
    "--on",
    "resource",
    metavar="RESOURCE",
    default=".",
    show_default=True,
    help="Where it holds, with all below it.",
)
@click.option("--expires", help="When it ends by itself: 90m, 12h, 7d, 2w, or a date.")
@output_option
def create(*, subject: str, role: str, resource: str, expires: str | None, output: str) -> None:
    """Grant a role. You must hold what it gives yourself, there and for as long."""
    from weftapi.controlplane.v1 import access_pb2

    connection, stub = _connect()
    binding = access_pb2.RoleBinding(
        subject=subject_name(connection, subject),
        role=named(connection, "roles", role),
        resource=resource_name(connection, resource),
        expire_time=end_of(expires, datetime.now(UTC)) if expires else None,
    )
    request = access_pb2.CreateRoleBindingRequest(
        parent=organization_of(connection), role_binding=binding
    )
    made = connection.control_plane.call(stub.CreateRoleBinding, request)

    def draw() -> None:
        print_fields(
            [
                ("grant", made.uid),
                ("subject", subject),
                by_id("role", made.role),
                ("on", People(organization_of(connection)).place(made.resource)),
                ("ends", _end(made)),
            ]
        )

    print_message(made, output, draw)


@grants.command()
@click.argument("grant")
def delete(*, grant: str) -> None:
    """Take a grant back."""
    from weftapi.controlplane.v1 import access_pb2

    connection, stub = _connect()
    request = access_pb2.DeleteRoleBindingRequest(name=named(connection, "roleBindings", grant))
    connection.control_plane.call(stub.DeleteRoleBinding, request)
    note(f"{short(request.name)} is taken back")


@grants.command(epilog=_PLACES)
@click.argument("permission")
@click.argument("resource", default=".")
@click.option("--subject", help=f"Whose: {SUBJECT_HELP}; your own by default.")
@output_option
def why(*, permission: str, resource: str, subject: str | None, output: str) -> None:
    """Say which grants give a PERMISSION on a RESOURCE, through which teams, until when."""
    explain(permission, resource, subject=subject, output=output)


def explain(permission: str, resource: str, *, subject: str | None, output: str) -> None:
    """Prints what gives a permission; raises CommandError where nothing does."""
    from weftapi.controlplane.v1 import access_pb2

    connection, stub = _connect()
    place = resource_name(connection, resource)
    request = access_pb2.GetEffectivePermissionsRequest(
        resource=place,
        permissions=[permission],
        subject=subject_name(connection, subject) if subject else "",
    )
    answer = connection.control_plane.call(stub.GetEffectivePermissions, request)

    def draw() -> None:
        people = People(organization_of(connection))
        print_table(
            ("GRANT", "ROLE", "ON", "BY TEAM", "ENDS"),
            [
                (
                    short(grant.role_binding),
                    short(grant.role),
                    people.place(grant.resource),
                    short(grant.team),
                    _end(grant),
                )
                for grant in answer.grants
            ],
        )

    if output == "name":
        click.echo("\n".join(grant.role_binding for grant in answer.grants))
    elif answer.grants or output != "table":
        print_message(answer, output, draw)
    if not answer.grants:
        who = f"{subject} does" if subject else "you do"
        raise CommandError(f"{who} not have {permission} on {place}", Exit.AUTH)


def _connect() -> tuple[Connection, access_pb2_grpc.AccessServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import access_pb2_grpc

    connection = Connection.current()
    return connection, connection.control_plane.stub(access_pb2_grpc.AccessServiceStub)


def _end(grant: access_pb2.RoleBinding | access_pb2.EffectiveGrant) -> str:
    return told(grant.expire_time) if grant.HasField("expire_time") else ""
