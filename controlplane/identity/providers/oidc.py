"""OpenID Connect: discovery, the code flow with PKCE, and the person behind the ID token."""

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from controlplane.identity.providers.id_tokens import IdTokens
from controlplane.identity.providers.keysets import KeySets
from controlplane.identity.providers.model import (
    Answer,
    Assertion,
    Check,
    Client,
    IdentityRejectedError,
    Proofs,
    ProviderError,
    ProviderUnavailableError,
)
from controlplane.identity.providers.wire import Wire
from meshkit.clock import Clock
from meshkit.egress import EgressPolicy

DEFAULT_SCOPES = ("openid", "profile", "email")
_WELL_KNOWN = "/.well-known/openid-configuration"
_MAX_AGE_S = 600.0
_MAX_DOCUMENTS = 1_000
_MAX_GROUPS = 1_000
_MAX_TEXT = 256


@dataclass(frozen=True, slots=True)
class _Document:
    """What we use of a provider's discovery document."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    auth_method: str
    names_itself: bool
    does_pkce: bool


class Oidc:
    """Speaks OpenID Connect with any issuer."""

    def __init__(self, wire: Wire, policy: EgressPolicy, clock: Clock) -> None:
        self._wire = wire
        self._policy = policy
        self._clock = clock
        self._keys = KeySets(wire.fetch, clock.monotonic)
        self._tokens = IdTokens(self._keys)
        # By provider: the version of its settings, when it was fetched, and the document.
        self._documents: OrderedDict[UUID, tuple[datetime, float, _Document]] = OrderedDict()

    async def authorization_uri(self, client: Client, proofs: Proofs) -> str:
        document = await self._document(client)
        async with self._wire.session(client) as session:
            return session.authorization_uri(
                document.authorization_endpoint,
                state=proofs.state,
                nonce=proofs.nonce,
                code_verifier=proofs.code_verifier,
            )

    async def identify(self, client: Client, proofs: Proofs, answer: Answer) -> Assertion:
        document = await self._document(client)
        if answer.iss != client.issuer and (answer.iss or document.names_itself):
            # RFC 9207: another provider's code must not reach this one's token endpoint.
            raise IdentityRejectedError("the answer is another issuer's")
        async with self._wire.session(client, auth_method=document.auth_method) as session:
            tokens = await session.exchange(
                document.token_endpoint, code=answer.code, code_verifier=proofs.code_verifier
            )
            encoded = tokens.get("id_token")
            if not isinstance(encoded, str):
                raise IdentityRejectedError("the provider answered without an ID token")
            claims = await self._tokens.verify(
                encoded,
                client,
                jwks_uri=document.jwks_uri,
                nonce=proofs.nonce,
                now=self._clock.now(),
            )
            if document.userinfo_endpoint and _lacks(claims, client):
                told = await session.get(document.userinfo_endpoint)
                claims = {**_same_person(told, claims), **claims}
        return _assertion(claims, client)

    async def checks(self, client: Client) -> list[Check]:
        done: list[Check] = []
        try:
            self._documents.pop(client.uid, None)
            document = await self._document(client)
            done.append(_discovery_check(document))
            await self._keys.load(document.jwks_uri)
            done.append(Check("keys", True, "its signing keys can be read"))
            async with self._wire.session(client, auth_method=document.auth_method) as session:
                refusal = await session.refusal(document.token_endpoint)
            done.append(client_check(refusal))
        except ProviderError as error:
            name = ("discovery", "keys", "client")[len(done)]
            done.append(Check(name, False, str(error)))
        return done

    async def _document(self, client: Client) -> _Document:
        known = self._documents.get(client.uid)
        now = self._clock.monotonic()
        if known and known[0] == client.version and now < known[1] + _MAX_AGE_S:
            return known[2]
        fetched = await self._wire.fetch(client.issuer.rstrip("/") + _WELL_KNOWN)
        document = self._read(fetched, client)
        self._documents[client.uid] = (client.version, now, document)
        self._documents.move_to_end(client.uid)
        if len(self._documents) > _MAX_DOCUMENTS:
            self._documents.popitem(last=False)
        return document

    def _read(self, fetched: Mapping[str, Any], client: Client) -> _Document:
        if fetched.get("issuer") != client.issuer:
            raise ProviderUnavailableError(
                "the discovery document is another issuer's: compare them letter by letter"
            )
        methods = fetched.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        challenges = fetched.get("code_challenge_methods_supported", [])
        return _Document(
            authorization_endpoint=self._endpoint(fetched, "authorization_endpoint"),
            token_endpoint=self._endpoint(fetched, "token_endpoint"),
            jwks_uri=self._endpoint(fetched, "jwks_uri"),
            userinfo_endpoint=self._endpoint(fetched, "userinfo_endpoint", required=False),
            auth_method=_auth_method(methods),
            names_itself=fetched.get("authorization_response_iss_parameter_supported") is True,
            does_pkce=isinstance(challenges, list) and "S256" in challenges,
        )

    def _endpoint(self, fetched: Mapping[str, Any], name: str, *, required: bool = True) -> str:
        url = fetched.get(name)
        if url is None and not required:
            return ""
        if not isinstance(url, str) or not self._policy.accepts(url):
            raise ProviderUnavailableError(f"its {name} is not an https URL")
        return url


def client_check(refusal: str) -> Check:
    """What it means how the token endpoint refused a code that nobody gave."""
    if refusal in ("invalid_grant", "bad_verification_code"):
        return Check("client", True, "it accepts our client id and secret")
    if refusal in ("invalid_client", "unauthorized_client", "incorrect_client_credentials"):
        return Check("client", False, f"it refuses our client id or secret ({refusal})")
    answered = refusal or "a token, for a code that it never gave"
    return Check("client", False, f"its token endpoint answered {answered}")


def _discovery_check(document: _Document) -> Check:
    if document.does_pkce:
        return Check("discovery", True, "its discovery document can be read")
    return Check("discovery", True, "it does not say that it checks PKCE; we send it all the same")


def _auth_method(methods: object) -> str:
    if isinstance(methods, list) and "client_secret_basic" not in methods:
        return "client_secret_post"
    return "client_secret_basic"


def _lacks(claims: Mapping[str, Any], client: Client) -> bool:
    """Whether the userinfo endpoint may know more than the ID token says."""
    wanted = {"email", *([client.groups_claim] if client.groups_claim else [])}
    return not wanted <= claims.keys()


def _same_person(told: object, claims: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(told, dict) or not isinstance(told.get("sub"), str):
        raise ProviderUnavailableError("its userinfo endpoint names nobody")
    if not secrets.compare_digest(told["sub"].encode(), claims["sub"].encode()):
        raise IdentityRejectedError("the userinfo endpoint speaks of somebody else")
    return told


def _assertion(claims: Mapping[str, Any], client: Client) -> Assertion:
    name = _text(claims.get("name")) or _text(claims.get("preferred_username"))
    groups = claims.get(client.groups_claim) if client.groups_claim else None
    return Assertion(
        issuer=client.issuer,
        subject=claims["sub"],
        email=_text(claims.get("email")),
        # Some providers say it as a string.
        email_verified=claims.get("email_verified") in (True, "true"),
        display_name=name,
        groups=_groups(groups),
    )


def _groups(value: object) -> frozenset[str]:
    found = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(filter(None, map(_text, found[:_MAX_GROUPS])))


def _text(value: object) -> str:
    """A claim that is a short, printable string; empty for any other."""
    is_text = isinstance(value, str) and len(value) <= _MAX_TEXT and value.isprintable()
    return str(value) if is_text else ""
