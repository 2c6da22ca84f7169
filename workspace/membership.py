"""What a workspace says on its link to the control plane, and does with what it hears."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from meshkit.errors import MeshError
from meshkit.files import write_private
from meshkit.server import Ports
from meshkit.tokens import TrustedIssuer
from weftapi.common.v1 import types_pb2
from weftapi.controlplane.v1 import enrollment_pb2, workspace_types_pb2
from workspace.access import Policies
from workspace.config import WorkspaceSettings
from workspace.launching.managers import DirectoryManagers
from workspace.servicers.server import FEATURES, version


class PeoplesKeys:
    """The keys that verify people's tokens, kept in a file for when the control plane is away."""

    def __init__(self, path: Path, issuer: TrustedIssuer) -> None:
        self._path = path
        self._issuer = issuer
        try:
            self._take(types_pb2.JsonWebKeySet.FromString(path.read_bytes()))
        except (FileNotFoundError, DecodeError):
            return

    def apply(self, keys: types_pb2.JsonWebKeySet) -> None:
        """Takes over a key set that was just pushed; ValueError, and nothing, for a bad one."""
        self._take(keys)
        write_private(self._path, keys.SerializeToString())

    def _take(self, keys: types_pb2.JsonWebKeySet) -> None:
        self._issuer.replace_keys(MessageToDict(keys))


class WorkspaceMember:
    """The workspace's side of the link (protocol: meshkit.link.Member)."""

    def __init__(
        self,
        settings: WorkspaceSettings,
        *,
        policies: Policies,
        keys: PeoplesKeys,
        managers: DirectoryManagers | None,
        ping: Callable[[], Awaitable[None]],
        usage: Callable[[], Awaitable[workspace_types_pb2.WorkspaceUsage]],
        ports: Callable[[], Ports],
        wake: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._policies = policies
        self._keys = keys
        self._managers = managers
        self._ping = ping
        self._usage = usage
        self._ports = ports
        self._wake = wake

    def hello(self) -> enrollment_pb2.LinkHello:
        ports, settings = self._ports(), self._settings
        return enrollment_pb2.LinkHello(
            version=version(),
            edge_endpoint=settings.edge_endpoint or _endpoint(settings.edge_address, ports.edge),
            mesh_endpoint=settings.mesh_endpoint or _endpoint(settings.mesh_address, ports.mesh),
            features=FEATURES,
        )

    async def health(self) -> enrollment_pb2.LinkHealth:
        check = workspace_types_pb2.HealthCheck(name="database", healthy=True)
        usage = None
        try:
            await self._ping()
            usage = await self._usage()
        except (MeshError, OSError) as error:
            check = workspace_types_pb2.HealthCheck(
                name="database", healthy=False, message=str(error)[:512]
            )
        return enrollment_pb2.LinkHealth(
            checks=[check], policy_revision=self._policies.policy_revision, usage=usage
        )

    async def hear(self, message: enrollment_pb2.LinkResponse) -> None:
        kind = message.WhichOneof("message")
        if kind == "policy":
            await asyncio.to_thread(self._policies.apply, message.policy)
        elif kind == "keys":
            await asyncio.to_thread(self._keys.apply, message.keys)
        elif kind == "directory" and self._managers:
            self._managers.apply(message.directory)
            self._wake()


def _endpoint(address: str, port: int) -> str:
    return f"{address.rpartition(':')[0]}:{port}"


def endpoint_of(settings: WorkspaceSettings, ports: Ports) -> str:
    """Where runners reach the edge listener."""
    told = settings.runner_endpoint or settings.edge_endpoint
    return told or _endpoint(settings.edge_address, ports.edge)
