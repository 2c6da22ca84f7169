"""ServerService."""

from functools import cache
from importlib import metadata

from google.protobuf.timestamp_pb2 import Timestamp

from meshkit.authentication import Context
from meshkit.backup.last import LastBackup
from weftapi.workspace.v1 import server_pb2, server_pb2_grpc
from workspace import names
from workspace.access import Policies
from workspace.health import Health, HealthDesk
from workspace.launching.ports import WorkloadManagers
from workspace.operations.refusals import absent
from workspace.quotas import Quota, state_of
from workspace.servicers.converting import stamp
from workspace.store.health import Facts, Line
from workspace.store.schema_replicas import Replica
from workspace.usage import Usage, UsageMeter

FEATURES = (
    "lineage",
    "logs",
    "report-streams",
    "runs",
    "snapshots",
    "step-cache",
    "validate-only",
    "watches",
)
MINIMUM_CLIENT = "0.1.0"


@cache
def version() -> str:
    """The version of the installed servers."""
    try:
        return metadata.version("weft-server")
    except metadata.PackageNotFoundError:
        return "0.0.0"


class ServerServicer(server_pb2_grpc.ServerServiceServicer):
    def __init__(
        self,
        policies: Policies,
        managers: WorkloadManagers,
        usage: UsageMeter,
        health: HealthDesk,
        *,
        artifact_store_uri: str,
        allow_pickle: bool,
    ) -> None:
        self._policies = policies
        self._usage = usage
        self._health = health
        self._managers = managers
        self._artifact_store_uri = artifact_store_uri
        self._allow_pickle = allow_pickle
        self._version = version()

    async def GetServerInfo(
        self, _request: server_pb2.GetServerInfoRequest, _context: Context
    ) -> server_pb2.ServerInfo:
        return server_pb2.ServerInfo(
            version=self._version,
            minimum_client_version=MINIMUM_CLIENT,
            features=FEATURES,
            workspace=self._policies.grants.workspace,
            artifact_store_uri=self._artifact_store_uri,
            can_run_snapshots=self._managers.is_present,
            pickle_refused=not self._allow_pickle,
        )

    async def GetUsage(
        self, request: server_pb2.GetUsageRequest, _context: Context
    ) -> server_pb2.Usage:
        found = await self._usage.of(names.last(request.parent))
        if found is None:
            raise absent(request.parent)
        return _usage_to_proto(found)

    async def GetServerHealth(
        self, _request: server_pb2.GetServerHealthRequest, _context: Context
    ) -> server_pb2.ServerHealth:
        return _health_to_proto(await self._health.read())


def _usage_to_proto(usage: Usage) -> server_pb2.Usage:
    used = usage.used
    return server_pb2.Usage(
        project_count=used.get(Quota.PROJECTS, 1),
        pipeline_count=used[Quota.PIPELINES],
        run_count=used[Quota.RUNS],
        active_run_count=usage.active_runs,
        artifact_bytes=used[Quota.ARTIFACT_BYTES],
        quotas=[_quota_to_proto(quota, use, usage.limits[quota]) for quota, use in used.items()],
    )


def _quota_to_proto(quota: Quota, use: int, limit: int) -> server_pb2.QuotaUsage:
    state = server_pb2.QuotaState.Value(f"QUOTA_STATE_{state_of(use, limit)}")
    return server_pb2.QuotaUsage(quota=quota, use=use, limit=limit, state=state)


def _health_to_proto(health: Health) -> server_pb2.ServerHealth:
    facts = health.facts
    return server_pb2.ServerHealth(
        database=facts.database.name,
        database_version=facts.database.version,
        schema_revision=facts.database.schema,
        feed_revision=health.feed_revision,
        replicas=[_replica_to_proto(replica) for replica in facts.replicas],
        waiting_runs=_line_to_proto(facts.waiting_runs),
        waiting_builds=_line_to_proto(facts.waiting_builds),
        active_run_count=facts.liveness.active,
        unresponsive_run_count=facts.liveness.unresponsive,
        oldest_heartbeat_time=_heartbeat(facts),
        unshipped_audit_row_count=health.unshipped,
        last_backup=_backup_to_proto(health.last_backup),
        free_disk_bytes=health.disk.free,
        total_disk_bytes=health.disk.total,
    )


def _heartbeat(facts: Facts) -> Timestamp | None:
    if not (oldest := facts.liveness.oldest_ms):
        return None
    return Timestamp(seconds=oldest // 1000, nanos=oldest % 1000 * 1_000_000)


def _replica_to_proto(replica: Replica) -> server_pb2.Replica:
    return server_pb2.Replica(
        uid=str(replica.uid),
        version=replica.version,
        start_time=stamp(replica.start_time),
        seen_time=stamp(replica.seen_time),
    )


def _line_to_proto(line: Line) -> server_pb2.WaitingLine:
    return server_pb2.WaitingLine(count=line.length, oldest_time=stamp(line.oldest))


def _backup_to_proto(backup: LastBackup | None) -> server_pb2.LastBackup | None:
    if backup is None:
        return None
    return server_pb2.LastBackup(
        time=stamp(backup.time), revision=backup.revision, row_count=backup.rows
    )
