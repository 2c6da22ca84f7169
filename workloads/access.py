"""Who may call: the workspaces that the control plane, or the settings, name."""

import json
from collections.abc import Collection
from pathlib import Path
from uuid import UUID

from google.protobuf.message import Message

from meshkit.access import Access, MethodPolicy
from meshkit.caller import Caller
from meshkit.errors import PermissionDenied
from meshkit.spiffe import Role, SpiffeId
from weftapi.controlplane.v1 import enrollment_pb2
from workloads.shim import files

_FILE = "workspaces.json"


class AllowedWorkspaces:
    """An authorizer (protocol: meshkit.streams.Authorizer).

    What the control plane said last is kept on disk: while it cannot be reached, a manager that
    restarts goes on serving the workspaces it served.
    """

    def __init__(self, directory: Path, always: Collection[UUID]) -> None:
        self._directory = directory
        self._always = frozenset(always)
        self._named = self._load()
        self._revision = 1

    @property
    def revision(self) -> int:
        return self._revision

    def replace(self, directory: enrollment_pb2.Directory) -> None:
        """Takes over the control plane's directory; open streams are judged anew."""
        peers = [SpiffeId.parse(peer.spiffe_id) for peer in directory.peers]
        named = frozenset(peer.uid for peer in peers if peer.role is Role.WORKSPACE)
        if named != self._named:
            content = {"workspaces": sorted(map(str, named))}
            files.publish(str(self._directory), _FILE, content, once=False)
            self._named = named
            self._revision += 1

    async def authorize(
        self, caller: Caller, policy: MethodPolicy, resource: str, request: Message | None
    ) -> None:
        """See Authorizer. Whose workload it is needs no decision: a name means the caller's own."""
        del resource, request
        if policy.access is Access.AUTHENTICATED:
            return
        peer = caller.peer
        if peer is None or peer.uid not in self._always | self._named:
            raise PermissionDenied(
                "CALLER_NOT_ALLOWED", "This workload manager does not serve the caller."
            )

    def _load(self) -> frozenset[UUID]:
        try:
            content = files.load(str(self._directory), _FILE) or {"workspaces": []}
            return frozenset(map(UUID, content["workspaces"]))
        except (json.JSONDecodeError, KeyError, ValueError):
            return frozenset()
