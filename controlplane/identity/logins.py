"""Signing in through an identity provider: out with a state, back with an answer, on with a code.

Three parties bind one sign-in together. The client (the command line on its loopback port, or
the dashboard) keeps a verifier and its own state; we keep a state, from which nonce and verifier
towards the provider are derived; the provider keeps its code. None of the three alone, nor
anything a browser's history shows, fetches a token.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

import structlog

from controlplane.identity import opaque
from controlplane.identity.opaque import Secret
from controlplane.identity.providers.bulkheads import Bulkheads
from controlplane.identity.providers.model import (
    Answer,
    Assertion,
    Check,
    Client,
    Dialect,
    IdentityRejectedError,
    Proofs,
    ProviderError,
)
from controlplane.identity.throttle import Throttle
from controlplane.identity.tokens import Lifetimes
from controlplane.identity.vault import Vault
from controlplane.operations import identity_providers, logins
from controlplane.operations.logins import Returned, Waiting
from controlplane.store.schema_identity import IdentityProvider
from meshkit.database import Database
from meshkit.egress import EgressError
from meshkit.errors import (
    FieldViolation,
    InvalidArgument,
    MeshError,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from meshkit.ids import new_uid

log = structlog.get_logger()

_PATH = r"(?:/[A-Za-z0-9._~-]*)*"
# RFC 8252: the loopback interface by its number, since a name may mean another machine.
_LOOPBACK = re.compile(rf"http://(?:127\.0\.0\.1|\[::1\]):[1-9][0-9]{{0,4}}{_PATH}")
_MAX_METADATA = 512
# What RFC 6749 (4.1.2.1) has clients hear.
_OAUTH_ERRORS = {
    "LOGIN_DENIED": "access_denied",
    "MEMBERSHIP_REQUIRED": "access_denied",
    "IDENTITY_REJECTED": "access_denied",
    "IDENTITY_PROVIDER_UNAVAILABLE": "temporarily_unavailable",
}


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and until when it may come back."""

    authorization_uri: Secret
    expire_time: datetime


class Logins:
    """Begins and completes sign-ins; `dialects` by the kind of provider."""

    def __init__(
        self,
        database: Database,
        dialects: dict[str, Dialect],
        *,
        vault: Vault,
        bulkheads: Bulkheads,
        throttle: Throttle,
        lifetimes: Lifetimes,
        public_url: str,
        gateway_urls: Sequence[str] = (),
    ) -> None:
        self._database = database
        self._dialects = dialects
        self._vault = vault
        self._bulkheads = bulkheads
        self._throttle = throttle
        self._lifetimes = lifetimes
        self._public_url = public_url.rstrip("/")
        gateways = "|".join(map(re.escape, (self._public_url, *gateway_urls)))
        self._gateways = re.compile(f"(?:{gateways}){_PATH}")

    def redirect_uri(self, row: IdentityProvider) -> str:
        """What is registered at the provider; its own for each, so that no answer is mixed up."""
        return f"{self._public_url}/oauth2/callback/{row.organization}/{row.id}"

    async def begin(self, organization: str, provider: str, waiting: Waiting) -> Begun:
        """Where to send the browser; raises NotFound, INVALID_FIELDS, or Unavailable."""
        self._throttle.take("login", address=waiting.address)
        self._require_redirect(waiting.redirect_uri)
        row = await self._database.read(identity_providers.require_enabled, organization, provider)
        state, uid, digest = opaque.make(opaque.LOGIN_STATE, new_uid())
        proofs = self._proofs(state)
        client = self._client(row)
        try:
            async with self._bulkheads.enter(row.uid):
                uri = await self._dialects[row.kind].authorization_uri(client, proofs)
        except (ProviderError, EgressError) as error:
            raise _told(row, error) from error
        login = await self._database.write(
            logins.start, row.uid, waiting, uid=uid, state_digest=digest
        )
        return Begun(Secret(uri), login.expire_time)

    async def complete(
        self, organization: str, provider: str, *, state: str, answer: Answer, error: str
    ) -> Secret:
        """Where the browser goes on: back to the client, with a code.

        Raises INVALID_GRANT for a state that waits for nothing here; for everything later,
        an error whose metadata names the address that tells the client.
        """
        presented = opaque.read(state, opaque.LOGIN_STATE)
        returned = await self._database.write(logins.take, organization, provider, presented)
        try:
            if error or not answer.code:
                raise _denied(error)
            person = await self._identify(returned.provider, self._proofs(Secret(state)), answer)
            code = await self._database.write(
                logins.finish, returned.login.uid, person, lifetimes=self._lifetimes
            )
        except MeshError as refusal:
            refusal.metadata["redirectUri"] = _failure(returned, refusal)
            raise
        return _back(returned, code=code)

    async def examine(self, organization: str, provider: str) -> list[Check]:
        """What a sign-in would find; raises NotFound."""
        row = await self._database.write(identity_providers.examined, organization, provider)
        try:
            async with self._bulkheads.enter(row.uid):
                return await self._dialects[row.kind].checks(self._client(row))
        except (ProviderError, EgressError) as error:
            return [Check("discovery", healthy=False, message=str(error))]

    async def _identify(self, row: IdentityProvider, proofs: Proofs, answer: Answer) -> Assertion:
        try:
            async with self._bulkheads.enter(row.uid):
                return await self._dialects[row.kind].identify(self._client(row), proofs, answer)
        except (ProviderError, EgressError) as error:
            raise _told(row, error) from error

    def _proofs(self, state: Secret) -> Proofs:
        """Derived, not stored: neither the database nor the browser's history has them."""
        return Proofs(
            state,
            nonce=self._vault.derive("nonce", state),
            code_verifier=self._vault.derive("code verifier", state),
        )

    def _client(self, row: IdentityProvider) -> Client:
        sealed = row.client_secret
        return Client(
            uid=row.uid,
            version=row.update_time,
            issuer=row.issuer,
            client_id=row.client_id,
            client_secret=self._vault.open(sealed, owner=row.uid) if sealed else None,
            scopes=tuple(row.scopes),
            groups_claim=row.groups_claim,
            redirect_uri=self.redirect_uri(row),
        )

    def _require_redirect(self, uri: str) -> None:
        if not _LOOPBACK.fullmatch(uri) and not self._gateways.fullmatch(uri):
            problem = "must be a loopback address by its number with a port, or a gateway's"
            raise InvalidArgument(
                "INVALID_FIELDS",
                f"redirect_uri {problem}",
                violations=[FieldViolation("redirect_uri", problem)],
            )


def _told(row: IdentityProvider, error: Exception) -> MeshError:
    """What the person hears; operators find the details in the log."""
    log.warning("sign_in_failed", provider=row.name, problem=str(error))
    metadata = {"provider": row.name}
    if isinstance(error, IdentityRejectedError):
        message = f"The identity provider's answer proves nobody's identity: {error}."
        return Unauthenticated("IDENTITY_REJECTED", message, metadata=metadata)
    return Unavailable(
        "IDENTITY_PROVIDER_UNAVAILABLE",
        "The identity provider does not answer in a usable way; try again later.",
        metadata=metadata,
        retry_after_s=5,
    )


def _denied(error: str) -> PermissionDenied:
    shown = error if re.fullmatch(r"[a-z_]{1,64}", error) else "no code"
    return PermissionDenied(
        "LOGIN_DENIED", "The identity provider refused the sign-in.", metadata={"error": shown}
    )


def _failure(returned: Returned, error: MeshError) -> Secret:
    word = _OAUTH_ERRORS.get(error.reason, "server_error")
    told = _back(returned, error=word, error_description=error.message)
    # Metadata of errors is cut at a length; an address that is cut leads nowhere.
    return told if len(told) <= _MAX_METADATA else _back(returned, error=word)


def _back(returned: Returned, **parameters: str) -> Secret:
    login = returned.login
    query = urlencode({**parameters, "state": login.client_state})
    return Secret(f"{login.redirect_uri}?{query}")
