"""Workload managers, as the control plane's directory names them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

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

    def __init__(self, uid: str, channel: PeerChannel) -> None:
        self.uid = uid
        self.display_name = ""
        self._channel = channel

    def calls(self) -> Any:
        return self._channel.stub(workloads_pb2_grpc.WorkloadServiceStub)

    def streams(self) -> Any:
        return self._channel.stream_stub(workloads_pb2_grpc.WorkloadServiceStub)

    def capacity(self) -> Any:
        return self._channel.stub(capacity_pb2_grpc.CapacityServiceStub)


class Peer(NamedTuple):
    """A manager as the directory tells of it: its identity and where it is, and its name."""

    place: tuple[str, str]
    display_name: str


class DirectoryManagers:
    """Follows the directory; `apply` replaces what was known before."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        # By uid, in the order of the directory: who joined first takes what names none.
        self._all: dict[str, ManagerChannel] = {}
        self._known: list[Peer] | None = None

    def apply(self, directory: enrollment_pb2.Directory) -> None:
        managers = [
            Peer((peer.spiffe_id, peer.mesh_endpoint), peer.display_name)
            for peer in directory.peers
            if peer.role == options_pb2.PEER_ROLE_WORKLOAD_MANAGER and peer.mesh_endpoint
        ]
        if managers == self._known:
            return
        places = [peer.place for peer in self._known or []]
        kept = dict(zip(places, self._all.values(), strict=True))
        self._known = managers
        found = [kept.get(peer.place) or self._channel(*peer.place) for peer in managers]
        for manager, peer in zip(found, managers, strict=True):
            manager.display_name = peer.display_name
        self._all = {manager.uid: manager for manager in found}
        log.info("workload_managers", endpoints=[peer.place[1] for peer in managers])

    def _channel(self, identity: str, endpoint: str) -> ManagerChannel:
        who = SpiffeId.parse(identity)
        return ManagerChannel(str(who.uid), self._channels.to(who, endpoint))

    @property
    def is_known(self) -> bool:
        return self._known is not None

    @property
    def is_present(self) -> bool:
        return bool(self._all)

    def choose(self, wanted: str) -> ManagerChannel | None:
        return self._all.get(wanted) if wanted else next(iter(self._all.values()), None)

    def all(self) -> Mapping[str, ManagerChannel]:
        return self._all

    def require(self) -> None:
        if not self._all:
            raise no_manager()
