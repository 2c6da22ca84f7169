"""Single sign-on, wired: the way out, what is spoken there, and the secrets it takes."""

from dataclasses import dataclass
from typing import Self

from controlplane.config import Settings
from controlplane.identity.domains import DomainProofs
from controlplane.identity.logins import Logins
from controlplane.identity.providers.assertions import Assertions
from controlplane.identity.providers.bulkheads import Bulkheads
from controlplane.identity.providers.github import GitHub
from controlplane.identity.providers.oidc import Oidc
from controlplane.identity.providers.wire import Wire
from controlplane.identity.throttle import Throttle
from controlplane.identity.tokens import Lifetimes
from controlplane.identity.vault import KEY_BYTES, Vault
from controlplane.servicers.identity_providers import GITHUB, OIDC
from meshkit import files
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.egress import Egress, EgressPolicy


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    """What the services of single sign-on share; close it to end its threads."""

    logins: Logins
    vault: Vault
    policy: EgressPolicy
    proofs: DomainProofs
    egress: Egress
    assertions: Assertions

    @classmethod
    def build(
        cls,
        settings: Settings,
        database: Database,
        *,
        throttle: Throttle,
        lifetimes: Lifetimes,
        clock: Clock,
    ) -> Self:
        """Builds all of it; makes the vault's key the first time."""
        policy = EgressPolicy(settings.egress_networks, settings.egress_ca_file)
        egress = Egress(policy)
        wire = Wire(egress)
        vault = Vault(files.read_or_make_key(settings.data_dir / "vault.key", KEY_BYTES))
        logins = Logins(
            database,
            {OIDC: Oidc(wire, policy, clock), GITHUB: GitHub(wire)},
            vault=vault,
            bulkheads=Bulkheads(seconds=settings.identity_provider_timeout_s),
            throttle=throttle,
            lifetimes=lifetimes,
            public_url=settings.public_url,
            gateway_urls=settings.gateway_urls,
        )
        seconds = settings.identity_provider_timeout_s
        assertions = Assertions(wire, policy, Bulkheads(seconds=seconds), clock)
        proofs = DomainProofs(settings.dns_servers)
        return cls(logins, vault, policy, proofs, egress, assertions)

    def close(self) -> None:
        self.egress.close()
