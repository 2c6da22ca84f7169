"""Signing in through a provider, step by step, as the command line and the gateway do it."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.controlplane.harness import ORGANIZATION, Client, Plane
from tests.controlplane.oidc_provider import browser
from weftapi.controlplane.v1 import auth_pb2, identity_providers_pb2

PUBLIC_URL = "https://weft.example"
CALLBACK = f"{PUBLIC_URL}/oauth2/callback/"
CLIENT_ID, CLIENT_SECRET = "weft", "a secret between weft and its provider"
LOOPBACK = "http://127.0.0.1:51004/callback"
SETTINGS = {"public_url": PUBLIC_URL, "egress_networks": "127.0.0.0/8"}
OIDC = identity_providers_pb2.IDENTITY_PROVIDER_KIND_OIDC
GITHUB = identity_providers_pb2.IDENTITY_PROVIDER_KIND_GITHUB
ANYONE = identity_providers_pb2.JOIN_POLICY_ANYONE
TRUSTED_DOMAINS = identity_providers_pb2.JOIN_POLICY_TRUSTED_DOMAINS
MEMBERS_ONLY = identity_providers_pb2.JOIN_POLICY_MEMBERS_ONLY


def registration(*ids: str, organization: str = "default") -> dict[str, Any]:
    """Us, as a client of the npm provider, for an organization's providers of these ids."""
    return {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [f"{CALLBACK}{organization}/{id_}" for id_ in ids],
    }


def name_of(id_: str) -> str:
    return f"{ORGANIZATION}/identityProviders/{id_}"


async def add_provider(
    admin: Client, id_: str, issuer: str, parent: str = ORGANIZATION, **fields: Any
) -> identity_providers_pb2.IdentityProvider:
    provider = identity_providers_pb2.IdentityProvider(
        **{
            "kind": OIDC,
            "issuer": issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "join_policy": ANYONE,
            **fields,
        }
    )
    return await admin.providers.CreateIdentityProvider(
        identity_providers_pb2.CreateIdentityProviderRequest(
            parent=parent, identity_provider_id=id_, identity_provider=provider
        )
    )


async def set_provider(admin: Client, id_: str, *paths: str, **fields: Any) -> None:
    provider = identity_providers_pb2.IdentityProvider(name=name_of(id_), **fields)
    request = identity_providers_pb2.UpdateIdentityProviderRequest(identity_provider=provider)
    request.update_mask.paths.extend(paths or fields)
    await admin.providers.UpdateIdentityProvider(request)


async def trust_domain(plane: Plane, admin: Client, domain: str) -> None:
    """Trusts a domain without asking DNS, which has tests of its own."""
    import sqlalchemy as sa

    from controlplane.store.schema_identity import TrustedDomain

    await admin.providers.AddTrustedDomain(
        identity_providers_pb2.AddTrustedDomainRequest(parent=ORGANIZATION, domain=domain)
    )
    database = await plane.database()
    await database.write(
        lambda session: session.execute(
            sa.update(TrustedDomain)
            .where(TrustedDomain.domain == domain)
            .values(verify_time=session.now)
        )
    )


@dataclass
class SignIn:
    """One sign-in of one client, which keeps a verifier and a state."""

    plane: Plane
    anyone: Client
    provider: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    @classmethod
    async def of(cls, plane: Plane, id_: str) -> "SignIn":
        return cls(plane, await plane.edge(), name_of(id_))

    @property
    def begin_request(self) -> auth_pb2.BeginOidcLoginRequest:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return auth_pb2.BeginOidcLoginRequest(
            identity_provider=self.provider,
            redirect_uri=LOOPBACK,
            code_challenge=urlsafe_b64encode(digest).rstrip(b"=").decode(),
            state=self.state,
        )

    async def begin(self) -> str:
        """The address to open in a browser."""
        return (await self.anyone.auth.BeginOidcLogin(self.begin_request)).authorization_uri

    async def visit(self, login: str, **options: Any) -> dict[str, str]:
        """What the npm provider's redirect brings back after its pages."""
        return await browser.sign_in(await self.begin(), login, until=CALLBACK, **options)

    def complete(self, brought: dict[str, str], **fields: str) -> Any:
        """The call that the gateway makes of it."""
        known = {
            name: brought[name] for name in ("state", "code", "iss", "error") if name in brought
        }
        return self.anyone.auth.CompleteOidcLogin(
            auth_pb2.CompleteOidcLoginRequest(
                **{"identity_provider": self.provider, **known, **fields}
            )
        )

    async def code(self, brought: dict[str, str]) -> str:
        """The code with which the browser comes back to the client."""
        answer = await self.complete(brought)
        assert answer.redirect_uri.startswith(f"{LOOPBACK}?")
        parameters = dict(parse_qsl(urlsplit(answer.redirect_uri).query))
        assert parameters["state"] == self.state
        return parameters["code"]

    def redeem(self, code: str, verifier: str = "") -> Any:
        grant = auth_pb2.AuthorizationCodeGrant(code=code, code_verifier=verifier or self.verifier)
        return self.anyone.auth.ExchangeToken(
            auth_pb2.ExchangeTokenRequest(authorization_code=grant)
        )

    async def finish(self, brought: dict[str, str]) -> Client:
        """The person, signed in."""
        return await self.plane.as_user(await self.redeem(await self.code(brought)))


async def sign_in(plane: Plane, id_: str, login: str) -> Client:
    """Signs in through the npm provider."""
    flow = await SignIn.of(plane, id_)
    return await flow.finish(await flow.visit(login))


async def who(client: Client) -> auth_pb2.Principal:
    return await client.auth.GetCurrentPrincipal(auth_pb2.GetCurrentPrincipalRequest())
