"""Grants of ExchangeToken and RevokeToken: device codes, refresh tokens, tokens, keys."""

from dataclasses import dataclass
from uuid import UUID

from controlplane.identity import opaque
from controlplane.identity.devices import Pacer
from controlplane.identity.federation import Federation
from controlplane.identity.opaque import Secret
from controlplane.identity.tokens import Lifetimes, Origin
from controlplane.operations import (
    api_keys,
    devices,
    logins,
    personal_tokens,
    sessions,
    sign_in_links,
)
from controlplane.operations.service_accounts import AccountName
from controlplane.operations.sessions import Started, Stolen
from meshkit import opaque as wire
from meshkit.clock import Clock
from meshkit.database import Database

_REVOKING = {
    opaque.REFRESH_TOKEN: sessions.end_by_token,
    opaque.SESSION_TOKEN: sessions.end_browser,
    opaque.PERSONAL_ACCESS_TOKEN: personal_tokens.revoke,
    opaque.API_KEY: api_keys.revoke,
}


@dataclass(frozen=True, slots=True)
class Granted:
    """What an access token may be made from; nothing to go on with where the grant stays valid."""

    origin: Origin
    refresh_token: Secret | None = None
    session_token: Secret | None = None

    @classmethod
    def of(cls, started: Started) -> "Granted":
        return cls(started.origin, started.refresh_token, started.session_token)


class Grants:
    """Redeems and revokes grants; every invalid one raises the same INVALID_GRANT."""

    def __init__(
        self, database: Database, lifetimes: Lifetimes, clock: Clock, federation: Federation
    ) -> None:
        self._database = database
        self._lifetimes = lifetimes
        self._clock = clock
        self._federation = federation
        self._pacer = Pacer()

    async def device_code(self, text: str) -> Granted:
        """A device asks for its tokens; raises what it is told while there are none."""
        presented = opaque.read(text, opaque.DEVICE_CODE)
        refusal = await self._database.read(devices.refusal, presented)
        self._pacer.check(UUID(presented.id), self._clock.monotonic())
        if refusal is not None:
            raise refusal
        started = await self._database.write(devices.fetch, presented, lifetimes=self._lifetimes)
        return Granted.of(started)

    async def refresh_token(self, text: str) -> Granted:
        """Rotates a refresh token; a used one ends its session and raises."""
        presented = opaque.read(text, opaque.REFRESH_TOKEN)
        outcome = await self._database.write(sessions.refresh, presented, lifetimes=self._lifetimes)
        # The session's end is committed by now; raising in the operation would have undone it.
        if isinstance(outcome, Stolen):
            raise sessions.reused()
        return Granted.of(outcome)

    async def personal_access_token(self, text: str) -> Granted:
        presented = opaque.read(text, opaque.PERSONAL_ACCESS_TOKEN)
        return Granted(await self._database.write(personal_tokens.exchange, presented))

    async def api_key(self, text: str) -> Granted:
        presented = opaque.read(text, opaque.API_KEY)
        return Granted(await self._database.write(api_keys.exchange, presented))

    async def id_token(self, encoded: str, service_account: str) -> Granted:
        """A token of another issuer, for the service account whose rules take it."""
        account = AccountName.of(service_account)
        return Granted(await self._federation.exchange(encoded, account))

    async def authorization_code(
        self,
        text: str,
        code_verifier: str,
        browser: bool,  # noqa: FBT001 - a part of the grant, in its order
    ) -> Granted:
        """Ends a sign-in through a provider with its session."""
        presented = opaque.read(text, opaque.LOGIN_CODE)
        started = await self._database.write(
            logins.redeem,
            presented,
            code_verifier=code_verifier,
            lifetimes=self._lifetimes,
            browser=browser,
        )
        return Granted.of(started)

    async def session_token(self, text: str) -> Granted:
        """A browser's session goes on; its token stays as it is."""
        presented = opaque.read(text, opaque.SESSION_TOKEN)
        return Granted(
            await self._database.write(sessions.use, presented, lifetimes=self._lifetimes)
        )

    async def sign_in_code(self, text: str) -> Granted:
        """Signs a browser in by a link, once."""
        presented = opaque.read(text, opaque.SIGN_IN_CODE)
        return Granted.of(
            await self._database.write(sign_in_links.redeem, presented, lifetimes=self._lifetimes)
        )

    async def revoke(self, text: str) -> None:
        """Ends what a refresh token, personal token or key stands for; unknown ones are fine."""
        try:
            presented = wire.parse(text)
        except ValueError:
            return
        revoke = _REVOKING.get(presented.prefix)
        if revoke is not None:
            await self._database.write(revoke, presented, lifetimes=self._lifetimes)
