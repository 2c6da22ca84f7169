"""The servers behind the gateway, and which of them serves a path.

One origin serves the control plane and all workspaces. The annotations say
`/api/workspace/v1/...`, which means the default workspace; `/api/workspaces/<name>/v1/...`
is the same API of the workspace so named.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import grpc

from meshkit.errors import NotFound, Unavailable

_MANY = "/api/workspaces/"
_ONE = "/api/workspace/"


@dataclass(frozen=True, slots=True, eq=False)
class Upstream:
    """A server and the full names of the services that it serves.

    Streams have a channel of their own, without BDP probing, so that a slow reader holds back
    the service after some 100 KiB rather than 5 MiB (S25). Channels are asked for at each call:
    they are replaced when the gateway's certificate is. A workspace has its resource name,
    "organizations/o/workspaces/w", for which tokens are minted.
    """

    name: str
    services: frozenset[str]
    unary: Callable[[], grpc.aio.Channel]
    streams: Callable[[], grpc.aio.Channel]
    workspace: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A path as the annotations spell it, and the workspace it was addressed to, if any."""

    path: str
    workspace: str = ""


class Upstreams:
    """All servers: those with services of their own, and workspaces, which share theirs.

    Without a default workspace by name, the only one there is serves as such.
    """

    def __init__(
        self,
        servers: Iterable[Upstream],
        *,
        workspace_services: Iterable[str] = (),
        default_workspace: str = "",
    ) -> None:
        self._servers = list(servers)
        self._by_service = {name: server for server in self._servers for name in server.services}
        self._workspace_services = frozenset(workspace_services)
        self._default_workspace = default_workspace
        self._workspaces: dict[str, Upstream] = {}

    @property
    def all(self) -> list[Upstream]:
        """Every server."""
        return [*self._servers, *self._workspaces.values()]

    @property
    def workspaces(self) -> Mapping[str, Upstream]:
        """Workspaces by the name that stands in paths."""
        return self._workspaces

    def replace_workspaces(self, workspaces: Mapping[str, Upstream]) -> None:
        """Routes to these workspaces from now on."""
        self._workspaces = dict(workspaces)

    def place(self, path: str) -> Place:
        """Reads the workspace's name out of a path."""
        if not path.startswith(_MANY):
            return Place(path)
        name, slash, rest = path[len(_MANY) :].partition("/")
        return Place(f"{_ONE}{rest}", name) if name and slash else Place(path)

    def server_of(self, service: str, workspace: str = "") -> Upstream:
        """The server of a service; raises NotFound or Unavailable where there is none."""
        if workspace:
            return self._workspace(service, workspace)
        server = self._by_service.get(service) or self._default()
        if server is None:
            raise Unavailable("NO_WORKSPACE", "no workspace is connected yet", retry_after_s=1)
        return server

    def knows(self, service: str) -> bool:
        """Whether some server behind us has this service."""
        return service in self._by_service or service in self._workspace_services

    def _workspace(self, service: str, name: str) -> Upstream:
        server = self._workspaces.get(name)
        if server is None or service not in self._workspace_services:
            raise NotFound("WORKSPACE_NOT_FOUND", "no such workspace behind this gateway")
        return server

    def _default(self) -> Upstream | None:
        if self._default_workspace:
            return self._workspaces.get(self._default_workspace)
        return next(iter(self._workspaces.values())) if len(self._workspaces) == 1 else None
