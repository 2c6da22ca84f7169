"""How a workspace is, in words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from weft._connection import Connection
    from weftapi.workspace.v1 import server_pb2

_DAY_S = 86_400
_LONG_WAIT_S = 600
_LONG_BACKUP_S = 7 * _DAY_S
# Of ten parts of the disk one is left.
_SCARCE = 10


def health_of(connection: Connection) -> server_pb2.ServerHealth | None:
    """Of the workspace in use; None where there is none, or where it does not say."""
    from weft.errors import ApiError, ContextError
    from weftapi.workspace.v1 import server_pb2, server_pb2_grpc

    try:
        stub = connection.workspace.stub(server_pb2_grpc.ServerServiceStub)
        return connection.workspace.call(stub.GetServerHealth, server_pb2.GetServerHealthRequest())
    except (ApiError, ContextError):
        return None


def fields_of(health: server_pb2.ServerHealth) -> list[tuple[str, str]]:
    """What is printed below the workspaces."""
    versions = ", ".join(sorted({replica.version for replica in health.replicas}))
    return [
        ("servers", f"{len(health.replicas)} alive, version {versions or 'unknown'}"),
        (
            "database",
            f"{health.database} {health.database_version}, schema {health.schema_revision}",
        ),
        (
            "waiting",
            f"{_line('runs', health.waiting_runs)}; {_line('builds', health.waiting_builds)}",
        ),
        ("silent runs", f"{health.unresponsive_run_count} of {health.active_run_count}"),
        ("oldest heartbeat", _since(health.oldest_heartbeat_time, "no runner speaks")),
        ("audit to ship", _unshipped(health)),
        ("last backup", _since(health.last_backup.time, "none is known")),
    ]


def warnings_of(health: server_pb2.ServerHealth) -> list[str]:
    """What is not as it should be, and what to do."""
    found = []
    waited = age_s(health.waiting_runs.oldest_time)
    if waited is not None and waited > _LONG_WAIT_S:
        found.append(f"a run has waited for {ago(waited)}: `weft runs diagnose` says for what")
    if health.unresponsive_run_count:
        found.append(
            f"the runners of {health.unresponsive_run_count} runs are silent: `weft runs diagnose`"
        )
    if len({replica.version for replica in health.replicas}) > 1:
        found.append("servers of several versions are alive: finish the upgrade")
    # Where none is known there may be others, such as dumps of the database, or nothing to keep.
    age = age_s(health.last_backup.time)
    if age is not None and age > _LONG_BACKUP_S:
        found.append(f"the last backup is {ago(age)} old: `weft admin backup DIRECTORY`")
    if health.total_disk_bytes and health.free_disk_bytes * _SCARCE < health.total_disk_bytes:
        found.append("the disk of the server's data is nearly full: make room, or keep fewer logs")
    return found


def _line(what: str, line: server_pb2.WaitingLine) -> str:
    waited = age_s(line.oldest_time)
    return f"{line.count} {what}" + ("" if waited is None else f", the first for {ago(waited)}")


def _unshipped(health: server_pb2.ServerHealth) -> str:
    if not health.HasField("unshipped_audit_row_count"):
        return "unknown: the control plane was not heard yet"
    return f"{health.unshipped_audit_row_count} rows"


def _since(moment: Timestamp, otherwise: str) -> str:
    age = age_s(moment)
    return otherwise if age is None else f"{ago(age)} ago"


def age_s(moment: Timestamp) -> int | None:
    """Seconds since a moment; None for one that is absent."""
    return max(0, round(time.time() - moment.seconds)) if moment.seconds else None


def ago(seconds: int | None) -> str:
    """An age in its largest unit of which there are two."""
    if seconds is None:
        return ""
    for unit, size in (("d", _DAY_S), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
