"""SPIFFE identities of the mesh's services: `spiffe://<trust domain>/<path>`."""

import enum
import re
from dataclasses import dataclass
from typing import Self
from uuid import UUID


class Role(enum.Enum):
    """What a service is; the value stands in the identity's path."""

    CONTROL_PLANE = "controlplane"
    WORKSPACE = "workspace"
    WORKLOAD_MANAGER = "wlm"
    GATEWAY = "gateway"


_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_URI = re.compile(
    rf"spiffe://(?P<domain>[a-z0-9.-]{{1,200}})"
    rf"(?:/org/(?P<organization>{_UUID})(?=/workspace/))?"
    rf"/(?P<role>controlplane|workspace|wlm|gateway)/(?P<uid>{_UUID})"
)


@dataclass(frozen=True, slots=True)
class SpiffeId:
    """A service's identity; only workspaces belong to an organization."""

    trust_domain: str
    role: Role
    uid: UUID
    organization: UUID | None = None

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Reads an identity; raises ValueError where the URI is not exactly one of ours."""
        match = _URI.fullmatch(uri)
        if match is None or (match["organization"] is None) == (match["role"] == "workspace"):
            raise ValueError(f"not a SPIFFE id of this mesh: {uri!r}")
        organization = UUID(match["organization"]) if match["organization"] else None
        return cls(match["domain"], Role(match["role"]), UUID(match["uid"]), organization)

    def __str__(self) -> str:
        scope = f"/org/{self.organization}" if self.organization else ""
        return f"spiffe://{self.trust_domain}{scope}/{self.role.value}/{self.uid}"

    @property
    def dns_name(self) -> str:
        """The DNS name in the service's certificate that peers check when they dial it.

        gRPC for Python verifies host names, not SPIFFE URIs: a name derived from the
        identity makes the standard check prove that very identity.
        """
        return f"{self.uid}.{self.role.value}.{self.trust_domain}"
