"""Workload managers, as the control plane's directory names them."""

from collections.abc import Mapping
from typing import Any

import structlog

from meshkit.channels import Channels, PeerChannel
from meshkit.spiffe import SpiffeId
from weftapi.controlplane.v1 import enrollment_pb2
from weftapi.options.v1 import options_pb2
from weftapi.workloads.v1 import capacity_pb2_grpc, workloads_pb2_grpc
from workspace.launching.ports import no_manager

log = structlog.get_logger()


class ManagerChannel:
    """One manager over mutual TLS."""

    def __init__(self, channel: PeerChannel) -> None:
        self._channel = channel

    def calls(self) -> Any:
        return self._channel.stub(workloads_pb2_grpc.WorkloadServiceStub)

    def streams(self) -> Any:
        return self._channel.stream_stub(workloads_pb2_grpc.WorkloadServiceStub)

    def capacity(self) -> Any:
        return self._channel.stub(capacity_pb2_grpc.CapacityServiceStub)


class DirectoryManagers:
    """Follows the directory; `apply` replaces what was known before."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        # By uid, the one that new workloads go to first.
        self._all: dict[str, ManagerChannel] = {}
        self._known: list[tuple[str, str]] = []

    def apply(self, directory: enrollment_pb2.Directory) -> None:
        managers = sorted(
            (peer.spiffe_id, peer.mesh_endpoint)
            for peer in directory.peers
            if peer.role == options_pb2.PEER_ROLE_WORKLOAD_MANAGER and peer.mesh_endpoint
        )
        if managers == self._known:
            return
        before = self.current()
        kept = dict(zip(self._known, self._all.values(), strict=True))
        self._known = managers
        self._all = {
            str(SpiffeId.parse(peer[0]).uid): kept.get(peer) or self._channel(*peer)
            for peer in managers
        }
        if self.current() is not before:
            log.info("workload_manager", endpoint=managers[0][1] if managers else "none")

    def _channel(self, identity: str, endpoint: str) -> ManagerChannel:
        return ManagerChannel(self._channels.to(SpiffeId.parse(identity), endpoint))

    @property
    def is_present(self) -> bool:
        return bool(self._all)

    def current(self) -> ManagerChannel | None:
        return next(iter(self._all.values()), None)

    def all(self) -> Mapping[str, ManagerChannel]:
        return self._all

    def require(self) -> None:
        if not self._all:
            raise no_manager()
