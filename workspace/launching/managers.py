"""Workload managers, as the control plane's directory names them."""

from typing import Any

import structlog

from meshkit.channels import Channels, PeerChannel
from meshkit.spiffe import SpiffeId
from weftapi.controlplane.v1 import enrollment_pb2
from weftapi.options.v1 import options_pb2
from weftapi.workloads.v1 import workloads_pb2_grpc
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


class DirectoryManagers:
    """Follows the directory; `apply` replaces what was known before."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._current: ManagerChannel | None = None
        self._known: tuple[str, str] | None = None

    def apply(self, directory: enrollment_pb2.Directory) -> None:
        managers = sorted(
            (peer.spiffe_id, peer.mesh_endpoint)
            for peer in directory.peers
            if peer.role == options_pb2.PEER_ROLE_WORKLOAD_MANAGER and peer.mesh_endpoint
        )
        known = managers[0] if managers else None
        if known == self._known:
            return
        self._known = known
        self._current = None
        if known:
            identity, endpoint = known
            self._current = ManagerChannel(self._channels.to(SpiffeId.parse(identity), endpoint))
        log.info("workload_manager", endpoint=known[1] if known else "none")

    @property
    def is_present(self) -> bool:
        return self._current is not None

    def current(self) -> ManagerChannel | None:
        return self._current

    def require(self) -> None:
        if self._current is None:
            raise no_manager()
