"""`weft workspaces`: the fleet, from its creation to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft.cli._access import named, organization_of, told
from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._operations import follow, no_wait_option, present, row
from weft.cli._output import (
    by_id,
    note,
    output_option,
    print_fields,
    print_message,
    print_messages,
)
from weft.cli._pages import paged
from weft.cli.enroll import enroll
from weft.cli.fleet_watch import watch, word

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import workspace_types_pb2, workspaces_pb2_grpc

_POLICIES = click.Choice(["manual", "automatic"])


@click.group()
def workspaces() -> None:
    """List, make, change and follow workspaces. WORKSPACE is an id."""


workspaces.add_command(watch)
workspaces.add_command(enroll)


@workspaces.command("list")
@output_option
def list_workspaces(*, output: str) -> None:
    """List the workspaces that you may see."""
    from weftapi.controlplane.v1 import workspaces_pb2

    connection, stub = _connect()
    call = connection.control_plane.call
    request = workspaces_pb2.ListWorkspacesRequest(parent=organization_of(connection))
    pages = paged(lambda r: call(stub.ListWorkspaces, r), request)
    print_messages(
        [workspace for page in pages for workspace in page.workspaces],
        output,
        header=("WORKSPACE", "STATE", "SINCE", "VERSION", "RUN BY", "RUNS", "NAME"),
        row=lambda w: (
            short(w.name),
            word(w.state, "WorkspaceState"),
            told(w.state_time) if w.HasField("state_time") else "",
            w.version,
            word(w.deployment_mode, "DeploymentMode"),
            f"{w.usage.active_run_count} of {w.usage.run_count}" if w.HasField("usage") else "",
            w.display_name,
        ),
        empty="no workspaces yet: make one with `weft workspaces create ID` or `register ID`",
    )


@workspaces.command()
@click.argument("workspace")
@output_option
def show(*, workspace: str, output: str) -> None:
    """Show a workspace: how it is, why, and how much there is in it."""
    connection, stub = _connect()
    found = _get(connection, stub, workspace)
    print_message(found, output, lambda: _draw(found))


@workspaces.command()
@click.argument("workspace")
@click.option("--name", default="", help="The name that people read.")
@click.option("--version", default="", help="The version of its server; the newest by default.")
@click.option("--upgrades", type=_POLICIES, default="manual", show_default=True)
@no_wait_option
@output_option
def create(
    *, workspace: str, name: str, version: str, upgrades: str, no_wait: bool, output: str
) -> int:
    """Make a workspace whose server the control plane runs."""
    from weftapi.controlplane.v1 import workspace_types_pb2, workspaces_pb2

    connection, stub = _connect()
    request = workspaces_pb2.CreateWorkspaceRequest(
        parent=organization_of(connection),
        workspace_id=workspace,
        workspace=workspace_types_pb2.Workspace(
            display_name=name,
            upgrade_policy=workspace_types_pb2.UpgradePolicy.Value(
                f"UPGRADE_POLICY_{upgrades.upper()}"
            ),
        ),
        version=version,
        request_id=_request_id(),
    )
    begun = connection.control_plane.call(stub.CreateWorkspace, request)
    done = f"{workspace} is active: `weft login` again to use it, or `weft ctx`"
    return present(connection, begun, output, no_wait=no_wait, done=done)


@workspaces.command()
@click.argument("workspace")
@click.option("--name", default="", help="The name that people read.")
@output_option
def register(*, workspace: str, name: str, output: str) -> None:
    """Register a workspace whose server you run yourself."""
    from weftapi.controlplane.v1 import workspaces_pb2

    connection, stub = _connect()
    request = workspaces_pb2.RegisterWorkspaceRequest(
        parent=organization_of(connection),
        workspace_id=workspace,
        display_name=name,
        request_id=_request_id(),
    )
    made = connection.control_plane.call(stub.RegisterWorkspace, request)
    print_message(made, output, lambda: _draw(made))
    note(f"start its server with what `weft workspaces enroll {workspace}` prints")


@workspaces.command()
@click.argument("workspace")
@click.option("--name", help="The name that people read.")
@click.option("--upgrades", type=_POLICIES, help="Who upgrades it.")
@click.option("-l", "--label", multiple=True, help="KEY=VALUE; all labels that it shall have.")
@output_option
def update(
    *, workspace: str, name: str | None, upgrades: str | None, label: tuple[str, ...], output: str
) -> None:
    """Change what a workspace is called, its labels, or who upgrades it."""
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.controlplane.v1 import workspace_types_pb2, workspaces_pb2

    connection, stub = _connect()
    changed = workspace_types_pb2.Workspace(name=named(connection, "workspaces", workspace))
    given = {"display_name": name, "upgrade_policy": upgrades, "labels": label or None}
    paths = [path for path, value in given.items() if value is not None]
    if not paths:
        raise CommandError("say what changes, with --name, --label or --upgrades", Exit.USAGE)
    changed.display_name = name or ""
    changed.labels.update(each.partition("=")[::2] for each in label)
    if upgrades:
        policy = f"UPGRADE_POLICY_{upgrades.upper()}"
        changed.upgrade_policy = workspace_types_pb2.UpgradePolicy.Value(policy)
    request = workspaces_pb2.UpdateWorkspaceRequest(
        workspace=changed, update_mask=FieldMask(paths=paths), request_id=_request_id()
    )
    now = connection.control_plane.call(stub.UpdateWorkspace, request)
    print_message(now, output, lambda: _draw(now))


@workspaces.command()
@click.argument("workspace")
@no_wait_option
@output_option
def suspend(*, workspace: str, no_wait: bool, output: str) -> int:
    """Stop a workspace's server, and keep its data."""
    done = f"{workspace} is suspended: `weft workspaces resume {workspace}` starts it again"
    return _change("Suspend", workspace, output, no_wait=no_wait, done=done)


@workspaces.command()
@click.argument("workspace")
@no_wait_option
@output_option
def resume(*, workspace: str, no_wait: bool, output: str) -> int:
    """Start a suspended or failed workspace again."""
    return _change("Resume", workspace, output, no_wait=no_wait, done=f"{workspace} is active")


@workspaces.command()
@click.argument("workspace")
@click.option("--to", "version", default="", help="The version; the newest by default.")
@no_wait_option
@output_option
def upgrade(*, workspace: str, version: str, no_wait: bool, output: str) -> int:
    """Run another version of a workspace's server; one that fails is rolled back."""
    connection, stub = _connect()
    target = version or _newest(connection, stub)
    done = f"{workspace} runs {target}"
    more = {"target_version": target}
    return _change("Upgrade", workspace, output, no_wait=no_wait, done=done, **more)


@workspaces.command()
@click.argument("workspace")
@click.option("--remove-data", is_flag=True, help="Remove its data too, for good.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@no_wait_option
@output_option
def delete(*, workspace: str, remove_data: bool, yes: bool, no_wait: bool, output: str) -> int:
    """Delete a workspace that the control plane runs; its data is kept unless you say so."""
    if not yes:
        fate = "AND ALL OF ITS DATA" if remove_data else "; its data is kept"
        click.confirm(f"Delete {workspace} {fate}?", abort=True, err=True)
    done = f"{workspace} is deleted"
    return _change("Delete", workspace, output, no_wait=no_wait, done=done, remove_data=remove_data)


@workspaces.command()
@click.argument("workspace")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def deregister(*, workspace: str, yes: bool) -> None:
    """Strike off a workspace that you run yourself; its server can do nothing any more."""
    from weftapi.controlplane.v1 import workspaces_pb2

    connection, stub = _connect()
    name = named(connection, "workspaces", workspace)
    if not yes:
        question = f"Strike off {short(name)}? Its certificates are denied within seconds."
        click.confirm(question, abort=True, err=True)
    request = workspaces_pb2.DeregisterWorkspaceRequest(name=name)
    connection.control_plane.call(stub.DeregisterWorkspace, request)
    note(f"{short(name)} is struck off; its data is where it was")


@workspaces.group()
def operations() -> None:
    """List, wait for and cancel what changes workspaces."""


@operations.command("list")
@click.argument("workspace")
@output_option
def list_operations(*, workspace: str, output: str) -> None:
    """List what was done to a workspace, newest first."""
    from weftapi.controlplane.v1 import operations_pb2

    connection, stub = _operations()
    call = connection.control_plane.call
    request = operations_pb2.ListOperationsRequest(
        parent=named(connection, "workspaces", workspace)
    )
    pages = paged(lambda r: call(stub.ListOperations, r), request)
    print_messages(
        [operation for page in pages for operation in page.operations],
        output,
        header=("OPERATION", "KIND", "STATE", "BEGUN", "PROGRESS"),
        row=row,
        empty="nothing was done to it yet",
    )


@operations.command()
@click.argument("operation")
def wait(*, operation: str) -> None:
    """Wait for the end of an operation; OPERATION is its full name."""
    from weftapi.controlplane.v1 import operations_pb2

    connection, stub = _operations()
    request = operations_pb2.GetOperationRequest(name=operation)
    follow(connection, connection.control_plane.call(stub.GetOperation, request))
    note("it is done")


@operations.command()
@click.argument("operation")
def cancel(*, operation: str) -> None:
    """Ask an operation to go back to where it began; OPERATION is its full name."""
    from weftapi.controlplane.v1 import operations_pb2

    connection, stub = _operations()
    request = operations_pb2.CancelOperationRequest(name=operation)
    connection.control_plane.call(stub.CancelOperation, request)
    note(f"asked; `weft workspaces operations wait {operation}` tells how it ends")


def _change(
    verb: str, workspace: str, output: str, *, no_wait: bool, done: str, **fields: Any
) -> int:
    """Calls `<verb>Workspace` and follows its operation."""
    from weftapi.controlplane.v1 import workspaces_pb2

    connection, stub = _connect()
    request = getattr(workspaces_pb2, f"{verb}WorkspaceRequest")(
        name=named(connection, "workspaces", workspace), request_id=_request_id(), **fields
    )
    begun = connection.control_plane.call(getattr(stub, f"{verb}Workspace"), request)
    return present(connection, begun, output, no_wait=no_wait, done=done)


def _newest(connection: Connection, stub: workspaces_pb2_grpc.WorkspaceServiceStub) -> str:
    from weftapi.controlplane.v1 import workspaces_pb2

    parent = organization_of(connection)
    request = workspaces_pb2.ListAvailableVersionsRequest(parent=parent)
    offered = connection.control_plane.call(stub.ListAvailableVersions, request).versions
    if not offered:
        raise CommandError("this control plane runs no workspaces, so it offers no versions")
    return offered[-1]


def _get(
    connection: Connection, stub: workspaces_pb2_grpc.WorkspaceServiceStub, workspace: str
) -> workspace_types_pb2.Workspace:
    from weftapi.controlplane.v1 import workspaces_pb2

    name = named(connection, "workspaces", workspace)
    request = workspaces_pb2.GetWorkspaceRequest(name=name)
    return connection.control_plane.call(stub.GetWorkspace, request)


def _draw(found: workspace_types_pb2.Workspace) -> None:
    usage = found.usage
    since = f" since {told(found.state_time)}" if found.HasField("state_time") else ""
    counts = (
        f"{usage.project_count} projects, {usage.pipeline_count} pipelines, {usage.run_count} runs "
        f"({usage.active_run_count} active), {usage.artifact_bytes} bytes of artifacts"
    )
    print_fields(
        [
            by_id("workspace", found.name),
            ("name", found.display_name),
            ("state", f"{word(found.state, 'WorkspaceState')}{since}"),
            ("because", found.state_reason),
            ("drift", found.drift),
            ("run by", word(found.deployment_mode, "DeploymentMode")),
            ("version", found.version or found.target_version),
            ("upgrades", word(found.upgrade_policy, "UpgradePolicy")),
            ("endpoint", found.endpoint),
            ("holds", counts if found.HasField("usage") else ""),
            ("operation", found.operation),
            ("labels", ", ".join(f"{k}={v}" for k, v in sorted(found.labels.items()))),
        ]
    )


def _connect() -> tuple[Connection, workspaces_pb2_grpc.WorkspaceServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import workspaces_pb2_grpc

    connection = Connection.current()
    return connection, connection.control_plane.stub(workspaces_pb2_grpc.WorkspaceServiceStub)


def _operations() -> tuple[Connection, Any]:
    from weftapi.controlplane.v1 import operations_pb2_grpc

    connection, _ = _connect()
    return connection, connection.control_plane.stub(operations_pb2_grpc.OperationsServiceStub)


def _request_id() -> str:
    import uuid

    return str(uuid.uuid4())
