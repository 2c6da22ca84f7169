"""Which way calls take: gRPC to the servers themselves, or HTTP to the gateway before them."""

from __future__ import annotations

import os
from typing import NamedTuple

from weft._contexts import Context
from weft.errors import ContextError

VARIABLE = "WEFT_TRANSPORT"
_SCHEME = "https://"


class Targets(NamedTuple):
    """Where the servers of a context are called: `host:port` for gRPC, a URL for HTTP."""

    control_plane: str
    workspace: str


def is_http() -> bool:
    """Whether calls go to the gateway; raises ContextError where the environment says nonsense."""
    chosen = os.environ.get(VARIABLE, "").lower() or "grpc"
    if chosen not in {"grpc", "http"}:
        raise ContextError(f"{VARIABLE} is {chosen!r}, and must be grpc or http")
    return chosen == "http"


def is_url(target: str) -> bool:
    """Whether a target is called over HTTP."""
    return target.startswith(_SCHEME)


def targets_of(context: Context) -> Targets:
    """Where the servers of a context are called now; raises ContextError without a gateway."""
    if not is_http():
        return Targets(context.control_plane, context.workspace_endpoint)
    gateway = context.gateway.rstrip("/")
    if not is_url(gateway):
        raise ContextError(
            f"context {context.name!r} names no gateway, which {VARIABLE}=http calls: run "
            "`weft login https://GATEWAY` again"
        )
    workspace = context.workspace.rpartition("/")[2]
    return Targets(gateway, f"{gateway}/api/workspaces/{workspace}" if workspace else "")


def target_of_host(host: str) -> str:
    """Where `host:port` is called before there is a context for it."""
    return f"{_SCHEME}{host}" if is_http() else host
