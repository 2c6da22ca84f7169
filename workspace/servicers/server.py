"""ServerService."""

from importlib import metadata

from meshkit.authentication import Context
from weftapi.workspace.v1 import server_pb2, server_pb2_grpc
from workspace.access import Policies
from workspace.launching.ports import WorkloadManagers

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
        self, policies: Policies, managers: WorkloadManagers, *, artifact_store_uri: str
    ) -> None:
        self._policies = policies
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
