"""Who calls, and the call itself, as the layers below the interceptor see them."""

import enum
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from meshkit.spiffe import SpiffeId


class CallerKind(enum.Enum):
    """Kinds of caller; the values stand in audit rows."""

    ANONYMOUS = "anonymous"
    USER = "user"
    SERVICE_ACCOUNT = "service_account"
    RUN = "run"
    PEER = "peer"


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller.

    `subject` is the principal's resource name ("users/<uuid>"), a run attempt
    ("projects/p/runs/r/attempts/1"), or a peer's SPIFFE URI; empty for anonymous callers.
    `peer` is set whenever a service of the mesh carried the call, also when it forwards a
    person's token. `claims` are those of the verified token. `scope` holds the permissions that
    the token is limited to, whatever its subject may do; None where it is not.
    """

    kind: CallerKind
    subject: str = ""
    display_name: str = ""
    peer: SpiffeId | None = None
    claims: Mapping[str, object] = field(default_factory=dict)
    address: str = ""
    user_agent: str = ""
    scope: frozenset[str] | None = None

    def is_limited_to_others(self, permission: str) -> bool:
        """Whether the token is limited to permissions that this one is not among."""
        return self.scope is not None and permission not in self.scope


ANONYMOUS = Caller(CallerKind.ANONYMOUS)


@dataclass(slots=True)
class Call:
    """One RPC under way. The interceptor makes it; the write door stamps `revision`."""

    method: str
    caller: Caller = ANONYMOUS
    request_id: str = ""
    trace_id: str = ""
    # Action and resource for the audit row of a write; empty where the method is not audited.
    audit_action: str = ""
    audit_resource: str = ""
    # Feed revision of the write that this call made; answered as `x-weft-revision`.
    revision: int = 0


current_call: ContextVar[Call] = ContextVar("current_call")
