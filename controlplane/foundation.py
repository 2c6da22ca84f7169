"""What every part of the control plane stands on."""

from dataclasses import dataclass
from datetime import timedelta

from controlplane.auditing.notary import Notary
from controlplane.ca import CertificateAuthority
from controlplane.config import Settings
from controlplane.identity.throttle import Throttle
from controlplane.identity.tokens import Lifetimes
from controlplane.linking.health import LinkRegistry
from controlplane.membership import MeshMembers
from controlplane.provisioners import Provisioner
from controlplane.rollover import Rollover
from controlplane.servicers.workspace_messages import WorkspaceMessages
from controlplane.signing import Signing
from controlplane.single_sign_on import SingleSignOn
from meshkit.clock import Clock
from meshkit.credentials import Credentials
from meshkit.database import Database
from meshkit.paging import PageTokens
from meshkit.server import MeshServer, Ports


class Endpoints:
    """Where members dial: known for sure only once the ports are bound."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.server: MeshServer | None = None

    @property
    def edge(self) -> str:
        """Where they join."""
        return self._settings.edge_endpoint or self._at(self._ports.edge)

    @property
    def mesh(self) -> str:
        """Where they link."""
        return self._settings.mesh_endpoint or self._at(self._ports.mesh)

    def is_draining(self) -> bool:
        """Whether the server was told to stop."""
        return self.server is not None and self.server.draining.is_set()

    @property
    def _ports(self) -> Ports:
        assert self.server is not None
        return self.server.ports

    def _at(self, port: int) -> str:
        return f"{self._settings.host_names[0]}:{port}"


@dataclass(frozen=True, slots=True)
class Foundation:
    """What everything else stands on."""

    settings: Settings
    clock: Clock
    database: Database
    rollover: Rollover
    credentials: Credentials
    pages: PageTokens
    lifetimes: Lifetimes
    signing: Signing
    members: MeshMembers
    registry: LinkRegistry
    throttle: Throttle
    single_sign_on: SingleSignOn
    endpoints: Endpoints
    provisioner: Provisioner | None
    notary: Notary

    @property
    def authority(self) -> CertificateAuthority:
        return self.rollover.authority

    @property
    def messages(self) -> WorkspaceMessages:
        return WorkspaceMessages(self.registry, self.settings.trust_domain)

    @property
    def patience(self) -> timedelta:
        """How long a server of a workspace may take to get ready."""
        return timedelta(seconds=self.settings.workspace_ready_s)
