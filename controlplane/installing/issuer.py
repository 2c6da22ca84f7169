"""An OpenID Connect issuer, read as the control plane reads it at a sign-in."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from controlplane.identity.opaque import Secret
from controlplane.identity.providers.model import Client, ProviderError
from controlplane.identity.providers.oidc import DEFAULT_SCOPES, Oidc
from controlplane.identity.providers.wire import Wire
from controlplane.installing import Finding
from meshkit.clock import SystemClock
from meshkit.egress import Egress, EgressError, EgressPolicy, Network

_ID = UUID(int=0)


async def check_issuer(
    issuer: str,
    *,
    public_url: str,
    client: tuple[str, str],
    ca_file: Path | None = None,
    networks: tuple[Network, ...] = (),
) -> list[Finding]:
    """Discovery, signing keys, and, where `client` has an id, whether it is taken."""
    redirect = f"{public_url.rstrip('/')}/oauth2/callback/ORGANIZATION/PROVIDER"
    policy = EgressPolicy(networks, ca_file)
    egress = Egress(policy)
    known = Client(
        uid=_ID,
        version=datetime.now(UTC),
        issuer=issuer,
        client_id=client[0] or "weft-install-check",
        client_secret=Secret(client[1]) if client[1] else None,
        scopes=DEFAULT_SCOPES,
        groups_claim="",
        redirect_uri=redirect,
    )
    try:
        checks = await Oidc(Wire(egress), policy, SystemClock()).checks(known)
    except (ProviderError, EgressError) as error:
        return [Finding("issuer", ok=False, detail=str(error), fix=_fix("discovery", issuer))]
    finally:
        egress.close()
    findings = [
        Finding(
            f"issuer {check.name}",
            ok=check.healthy,
            detail=check.message,
            fix="" if check.healthy else _fix(check.name, issuer),
        )
        for check in checks
        if check.name != "client" or client[0]
    ]
    return [*findings, Finding("redirect URI", ok=True, detail=f"register {redirect}")]


def _fix(check: str, issuer: str) -> str:
    document = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    return {
        "discovery": f"{document} must answer over https, and offer PKCE",
        "keys": "its jwks_uri must answer with its signing keys",
        "client": "compare client id and secret with what the issuer shows",
    }[check]
