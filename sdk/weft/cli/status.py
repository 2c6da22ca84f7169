"""`weft status`: how the mesh is, at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft.cli._access import organization_of
from weft.cli._exit import Exit
from weft.cli._health import (
    age_s,
    ago,
    fields_of,
    health_of,
    warnings_of,
)
from weft.cli._names import short
from weft.cli._output import as_dict, note, output_option, print_document, print_fields, print_table
from weft.cli._pages import paged
from weft.cli.fleet_watch import word

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import workspace_types_pb2

# A workspace that was suspended is as somebody wants it.
_WELL = {"active", "suspended"}


@click.command()
@output_option
def status(*, output: str) -> int:
    """Show versions, workspaces, runs under way, heartbeats, and how far the audit log is signed.

    Of the workspace in use also its servers, its database, what waits, and its last backup, for
    who may see its usage. Exit codes: 0 all is well, 1 a workspace is not: its line says why.
    """
    from weft._connection import Connection

    connection = Connection.current()
    found = [_line(workspace) for workspace in _workspaces(connection)]
    mesh = {"controlPlane": _version(connection), "audit": _audit(connection)}
    health = health_of(connection)
    warnings = warnings_of(health) if health else []
    if output in {"json", "yaml"}:
        own = {"health": as_dict(health), "warnings": warnings} if health else {}
        print_document({**mesh, "workspaces": found, **own}, output)
    elif output == "name":
        click.echo("\n".join(line["workspace"] for line in found))
    else:
        _show(connection, mesh, found)
        if health:
            print_fields(fields_of(health))
    for warning in warnings:
        note(warning)
    return Exit.DONE if all(line["well"] for line in found) else Exit.ERROR


def _show(connection: Connection, mesh: dict[str, str], found: list[dict[str, Any]]) -> None:
    context = connection.context
    print_fields(
        [
            ("control plane", f"{context.control_plane}, version {mesh['controlPlane']}"),
            ("audit", mesh["audit"]),
            ("runs", f"{sum(line['activeRuns'] for line in found)} under way"),
        ]
    )
    print_table(
        ("WORKSPACE", "STATE", "VERSION", "HEARTBEAT", "RUNS", "TROUBLE"),
        [
            (
                line["workspace"],
                line["state"],
                line["version"],
                ago(line["heartbeatAgeS"]),
                str(line["activeRuns"]),
                line["trouble"],
            )
            for line in found
        ],
    )
    if not found:
        note("no workspaces yet: make one with `weft workspaces create ID` or `register ID`")


def _line(workspace: workspace_types_pb2.Workspace) -> dict[str, Any]:
    state = word(workspace.state, "WorkspaceState")
    checks = [f"{it.name}: {it.message}" for it in workspace.health_checks if not it.healthy]
    trouble = [*checks, workspace.drift] if state in _WELL else [workspace.state_reason, *checks]
    return {
        "workspace": short(workspace.name),
        "state": state,
        "version": workspace.version,
        "heartbeatAgeS": age_s(workspace.last_heartbeat_time),
        "activeRuns": workspace.usage.active_run_count,
        "trouble": "; ".join(filter(None, trouble)),
        "well": state in _WELL,
    }


def _workspaces(connection: Connection) -> list[workspace_types_pb2.Workspace]:
    from weftapi.controlplane.v1 import workspaces_pb2, workspaces_pb2_grpc

    stub = connection.control_plane.stub(workspaces_pb2_grpc.WorkspaceServiceStub)
    call = connection.control_plane.call
    request = workspaces_pb2.ListWorkspacesRequest(parent=organization_of(connection))
    pages = paged(lambda r: call(stub.ListWorkspaces, r), request)
    return [workspace for page in pages for workspace in page.workspaces]


def _version(connection: Connection) -> str:
    from weftapi.controlplane.v1 import system_pb2, system_pb2_grpc

    endpoint = connection.anonymous
    stub = endpoint.stub(system_pb2_grpc.SystemServiceStub)
    return str(endpoint.call(stub.GetServerInfo, system_pb2.GetServerInfoRequest()).version)


def _audit(connection: Connection) -> str:
    """How far the audit log is signed, for who may read it."""
    from weft.errors import NotPermittedError
    from weftapi.controlplane.v1 import audit_pb2, audit_pb2_grpc

    stub = connection.control_plane.stub(audit_pb2_grpc.AuditServiceStub)
    request = audit_pb2.ListAuditCheckpointsRequest(parent=organization_of(connection), page_size=1)
    try:
        newest = connection.control_plane.call(stub.ListAuditCheckpoints, request).audit_checkpoints
    except NotPermittedError:
        return "on; yours is no right to read it"
    if not newest:
        return "on; not signed yet"
    return f"on; signed up to row {newest[0].sequence}, {ago(age_s(newest[0].time))} ago"
