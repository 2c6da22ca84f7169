"""ServerService."""

from importlib import metadata

from meshkit.authentication import Context
from weftapi.workspace.v1 import server_pb2, server_pb2_grpc
from workspace.access import Policies
from workspace.launching.ports import WorkloadManagers
from workspace.usage import UsageMeter

FEATURES = ("lineage", "logs", "report-streams", "runs", "snapshots", "step-cache", "watches")
MINIMUM_CLIENT = "0.1.0"


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
        *,
        artifact_store_uri: str,
    ) -> None:
        self._policies = policies
        self._usage = usage
        self._managers = managers
        self._artifact_store_uri = artifact_store_uri
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
        )

    async def GetUsage(
        self, _request: server_pb2.GetUsageRequest, _context: Context
    ) -> server_pb2.Usage:
        now = await self._usage.read()
        return server_pb2.Usage(
            project_count=now.project_count,
            pipeline_count=now.pipeline_count,
            run_count=now.run_count,
            active_run_count=now.active_run_count,
            artifact_bytes=now.artifact_bytes,
        )
