"""`weft enrollments`: the servers that joined the mesh, and the tokens that wait for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft._enums import word
from weft.cli._access import named, organization_of, told
from weft.cli._names import short
from weft.cli._output import output_option, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import enrollments_pb2, workspaces_pb2_grpc


@click.group()
def enrollments() -> None:
    """List, name and revoke servers of the mesh. ENROLLMENT is an id.

    `weft workspaces enroll` lets one join.
    """


@enrollments.command("list")
@output_option
def list_enrollments(*, output: str) -> None:
    """List the servers that joined or may join, newest first."""
    from weftapi.controlplane.v1 import enrollments_pb2

    connection, stub = _connect()
    call = connection.control_plane.call
    request = enrollments_pb2.ListEnrollmentsRequest(parent=organization_of(connection))
    pages = paged(lambda r: call(stub.ListEnrollments, r), request)
    print_messages(
        [enrollment for page in pages for enrollment in page.enrollments],
        output,
        header=("ENROLLMENT", "AS", "NAME", "STATE", "WORKSPACES", "MADE"),
        row=lambda e: (
            short(e.name),
            _role(e),
            e.display_name,
            word(enrollments_pb2.EnrollmentState, e.state).lower(),
            "all" if e.all_workspaces else ", ".join(map(short, e.workspaces)),
            told(e.create_time),
        ),
        empty="nobody joined yet: `weft workspaces enroll` makes the token of a server",
    )


@enrollments.command()
@click.argument("enrollment")
@click.option("--name", required=True, help="The name that people read.")
@output_option
def update(*, enrollment: str, name: str, output: str) -> None:
    """Change what a server is called; `weft pools list` and the dashboard say so at once."""
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.controlplane.v1 import enrollments_pb2

    connection, stub = _connect()
    request = enrollments_pb2.UpdateEnrollmentRequest(
        enrollment=enrollments_pb2.Enrollment(
            name=named(connection, "enrollments", enrollment), display_name=name
        ),
        update_mask=FieldMask(paths=["display_name"]),
    )
    changed = connection.control_plane.call(stub.UpdateEnrollment, request)
    words = f"{short(changed.name)} is {changed.display_name or 'without a name'}"
    print_message(changed, output, lambda: click.echo(words))


@enrollments.command()
@click.argument("enrollment")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_option
def revoke(*, enrollment: str, yes: bool, output: str) -> None:
    """Shut a server out of the mesh within seconds, or void a token that nobody used."""
    from weftapi.controlplane.v1 import enrollments_pb2

    connection, stub = _connect()
    name = named(connection, "enrollments", enrollment)
    if not yes:
        question = f"Revoke {short(name)}? Its server is shut out, and has to be enrolled anew."
        click.confirm(question, abort=True, err=True)
    request = enrollments_pb2.RevokeEnrollmentRequest(name=name)
    revoked = connection.control_plane.call(stub.RevokeEnrollment, request)
    print_message(revoked, output, lambda: click.echo(f"{short(revoked.name)} is revoked"))


def _role(enrollment: enrollments_pb2.Enrollment) -> str:
    """As `weft workspaces enroll --as` calls it."""
    from weftapi.options.v1 import options_pb2

    return word(options_pb2.PeerRole, enrollment.role).lower().replace("_", "-")


def _connect() -> tuple[Connection, workspaces_pb2_grpc.WorkspaceServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import workspaces_pb2_grpc

    connection = Connection.current()
    return connection, connection.control_plane.stub(workspaces_pb2_grpc.WorkspaceServiceStub)
