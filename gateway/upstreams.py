"""The servers behind the gateway, and which of them serves a path.

One origin serves the control plane and all workspaces. The annotations say
`/api/workspace/v1/...`, which means the default workspace; `/api/workspaces/<name>/v1/...`
is the same API of the workspace so named.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import grpc

from meshkit.errors import NotFound

_MANY = "/api/workspaces/"
_ONE = "/api/workspace/"


@dataclass(frozen=True, slots=True)
class Upstream:
    """A server and the full names of the services that it serves.

    Streams have a channel of their own, without BDP probing, so that a slow reader holds back
    the service after some 100 KiB rather than 5 MiB (S25).
    """

    name: str
    services: frozenset[str]
    unary: grpc.aio.Channel
    streams: grpc.aio.Channel


@dataclass(frozen=True, slots=True)
class Place:
    """A path as the annotations spell it, and the workspace it was addressed to, if any."""

    path: str
    workspace: str = ""


class Upstreams:
    """All servers: those with services of their own, and workspaces, which share theirs."""

    def __init__(
        self,
        servers: Iterable[Upstream],
        *,
        workspaces: Mapping[str, Upstream] | None = None,
        default_workspace: str = "",
    ) -> None:
        self._workspaces = dict(workspaces or {})
        default = self._workspaces.get(default_workspace)
        self._defaults = [*servers, *([default] if default else [])]
        self._by_service = {
            service: server for server in self._defaults for service in server.services
        }

    @property
    def all(self) -> list[Upstream]:
        """Every server once."""
        named = [one for one in self._workspaces.values() if one not in self._defaults]
        return [*self._defaults, *named]

    def place(self, path: str) -> Place:
        """Reads the workspace's name out of a path."""
        if not path.startswith(_MANY):
            return Place(path)
        name, slash, rest = path[len(_MANY) :].partition("/")
        return Place(f"{_ONE}{rest}", name) if name and slash else Place(path)

    def server_of(self, service: str, workspace: str = "") -> Upstream:
        """The server of a service; raises NotFound for a workspace that is not behind us."""
        if not workspace:
            return self._by_service[service]
        server = self._workspaces.get(workspace)
        if server is None or service not in server.services:
            raise NotFound("WORKSPACE_NOT_FOUND", "no such workspace behind this gateway")
        return server

    def find_service(self, service: str) -> Upstream | None:
        """The default server of a service, for health checks."""
        return self._by_service.get(service)
