"""The gateway as a member of the mesh: its channels, and the directory that names its upstreams."""

import asyncio
from importlib.metadata import version
from typing import NamedTuple

import grpc
import structlog

from gateway.upstreams import Upstream, Upstreams
from meshkit.channels import Channels, PeerChannel
from meshkit.spiffe import SpiffeId
from weftapi.controlplane.v1 import enrollment_pb2
from weftapi.options.v1 import options_pb2

log = structlog.get_logger()

# Streams to a workspace that left the directory may finish; no server keeps one longer.
_DROP_GRACE_S = 2_100


class _Address(NamedTuple):
    workspace: str
    endpoint: str
    spiffe_id: str

    @property
    def id(self) -> str:
        """What stands in paths."""
        return self.workspace.rpartition("/")[2]


def connect(
    name: str, services: frozenset[str], peer: PeerChannel, *, workspace: str = ""
) -> Upstream:
    """An upstream over a mesh channel: mutual TLS as `gateway`, following rotations (rule 65)."""
    return Upstream(
        name,
        services,
        unary=lambda: peer.stub(_the_channel),
        streams=lambda: peer.stream_stub(_the_channel),
        workspace=workspace,
    )


def _the_channel(channel: grpc.aio.Channel) -> grpc.aio.Channel:
    # Stubs are made of generated code elsewhere; the gateway calls methods by their path.
    return channel


class GatewayMember:
    """What the gateway says on its link, and how it hears which workspaces there are."""

    def __init__(
        self,
        upstreams: Upstreams,
        channels: Channels,
        *,
        workspace_services: frozenset[str],
        edge_endpoint: str,
    ) -> None:
        self._upstreams = upstreams
        self._channels = channels
        self._workspace_services = workspace_services
        self._edge_endpoint = edge_endpoint
        self._known: dict[_Address, Upstream] = {}
        self._dropping: set[asyncio.Task[None]] = set()

    def hello(self) -> enrollment_pb2.LinkHello:
        return enrollment_pb2.LinkHello(
            version=version("weft-server"), edge_endpoint=self._edge_endpoint
        )

    async def health(self) -> enrollment_pb2.LinkHealth:
        return enrollment_pb2.LinkHealth()

    async def hear(self, message: enrollment_pb2.LinkResponse) -> None:
        if message.WhichOneof("message") != "directory":
            return
        wanted = [
            _Address(workspace, peer.mesh_endpoint, peer.spiffe_id)
            for peer in message.directory.peers
            if peer.role == options_pb2.PEER_ROLE_WORKSPACE and peer.mesh_endpoint
            for workspace in peer.workspaces
        ]
        before = self._known
        self._known = {one: before.get(one) or self._connect(one) for one in wanted}
        self._drop(before.keys() - self._known.keys())
        self._upstreams.replace_workspaces(
            {address.id: one for address, one in self._known.items()}
        )
        log.info("directory", workspaces=sorted(address.workspace for address in wanted))

    def _connect(self, address: _Address) -> Upstream:
        peer = self._peer(address)
        return connect(address.id, self._workspace_services, peer, workspace=address.workspace)

    def _peer(self, address: _Address) -> PeerChannel:
        return self._channels.to(SpiffeId.parse(address.spiffe_id), address.endpoint)

    def _drop(self, gone: set[_Address]) -> None:
        still_used = {(one.endpoint, one.spiffe_id) for one in self._known}
        for address in gone:
            if (address.endpoint, address.spiffe_id) not in still_used:
                task = asyncio.create_task(self._peer(address).close(_DROP_GRACE_S))
                self._dropping.add(task)
                task.add_done_callback(self._dropping.discard)
