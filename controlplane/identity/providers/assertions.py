"""Tokens of programs elsewhere (CI jobs, Kubernetes service accounts), verified strictly.

Nothing is fetched for an issuer that no rule of ours names: whoever sends a token does not
choose what we connect to.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import jwt

from controlplane.identity.providers.bulkheads import Bulkheads
from controlplane.identity.providers.flights import Flights
from controlplane.identity.providers.keysets import ALGORITHMS, KeySets
from controlplane.identity.providers.model import IdentityRejectedError, ProviderUnavailableError
from controlplane.identity.providers.wire import Wire
from meshkit import compact
from meshkit.clock import Clock
from meshkit.egress import EgressPolicy
from meshkit.tokens import SKEW

MAX_BYTES = 16 * 1024
# Longer than any job, or any token that a cluster mounts, should live.
MAX_LIFETIME = timedelta(hours=24)
_WELL_KNOWN = "/.well-known/openid-configuration"
_DISCOVERY_AGE_S = 600.0
_MAX_ISSUERS = 1_000
_MAX_TEXT = 1024
_LAST_SECOND = 1 << 40
_OPTIONS: Any = {
    # All of it is judged below: by our clock, and more strictly.
    f"verify_{name}": False
    for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}


@dataclass(frozen=True, slots=True)
class Presented:
    """A token as it was sent, not verified."""

    encoded: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @classmethod
    def read(cls, encoded: str) -> "Presented":
        """Raises IdentityRejectedError for what is no token."""
        if len(encoded) > MAX_BYTES:
            raise IdentityRejectedError("the token is too long")
        try:
            return cls(encoded, *compact.read(encoded))
        except (ValueError, RecursionError) as error:
            raise IdentityRejectedError("it is not a JWT") from error

    @property
    def issuer(self) -> str:
        return _text(self.claims, "iss")

    @property
    def audience(self) -> str:
        """The one audience; raises IdentityRejectedError for a token with several."""
        audience = self.claims.get("aud")
        # Kubernetes writes a list.
        if isinstance(audience, list) and len(audience) == 1:
            audience = audience[0]
        return _text({"aud": audience}, "aud")


@dataclass(frozen=True, slots=True)
class Assertion:
    """A verified token: what it says, until when, and what tells it from every other one."""

    claims: Mapping[str, Any]
    expires_at: datetime
    digest: bytes


class Assertions:
    """Verifies tokens by the keys that their issuer publishes."""

    def __init__(
        self, wire: Wire, policy: EgressPolicy, bulkheads: Bulkheads, clock: Clock
    ) -> None:
        self._wire = wire
        self._policy = policy
        self._bulkheads = bulkheads
        self._clock = clock
        self._keys = KeySets(wire.fetch, clock.monotonic)
        self._flights = Flights[jwt.PyJWK]()
        # By issuer: when it was asked, and where its keys are.
        self._key_uris: OrderedDict[str, tuple[float, str]] = OrderedDict()

    async def verify(self, token: Presented) -> Assertion:
        """What a token of a trusted issuer says; raises ProviderError."""
        algorithm, kid = _signed_by(token.header)
        # Of a hundred jobs that start at once, one asks the issuer for its keys.
        key = await self._flights.join(
            (token.issuer, kid, algorithm), lambda: self._key(token.issuer, kid, algorithm)
        )
        try:
            jwt.decode(token.encoded, key=key, algorithms=[algorithm], options=_OPTIONS)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            raise IdentityRejectedError("its signature does not verify") from error
        _text(token.claims, "sub")
        return Assertion(token.claims, _end_of(token.claims, self._clock.now()), _digest(token))

    async def _key(self, issuer: str, kid: str | None, algorithm: str) -> jwt.PyJWK:
        async with self._bulkheads.enter(uuid5(NAMESPACE_URL, issuer)):
            key_uri = await self._key_uri(issuer)
            try:
                return await self._keys.find(key_uri, kid, algorithm)
            except ProviderUnavailableError:
                # Keys that cannot be had may have moved: the next one asks the issuer again.
                self._key_uris.pop(issuer, None)
                raise

    async def _key_uri(self, issuer: str) -> str:
        known = self._key_uris.get(issuer)
        now = self._clock.monotonic()
        if known and now < known[0] + _DISCOVERY_AGE_S:
            return known[1]
        document = await self._wire.fetch(issuer.rstrip("/") + _WELL_KNOWN)
        uri = document.get("jwks_uri")
        if document.get("issuer") != issuer:
            raise ProviderUnavailableError("the discovery document is another issuer's")
        if not isinstance(uri, str) or not self._policy.accepts(uri):
            raise ProviderUnavailableError("its jwks_uri is not an https URL")
        self._key_uris[issuer] = (now, uri)
        self._key_uris.move_to_end(issuer)
        if len(self._key_uris) > _MAX_ISSUERS:
            self._key_uris.popitem(last=False)
        return uri


def _signed_by(header: Mapping[str, Any]) -> tuple[str, str | None]:
    """Algorithm, only if it is one of ours (never `none`, never an HMAC), and key id."""
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise IdentityRejectedError("it is signed by an algorithm that does not count")
    if kid is not None and not isinstance(kid, str):
        raise IdentityRejectedError("its key id is not a string")
    if "crit" in header:
        raise IdentityRejectedError("it asks for an extension that is not known")
    return algorithm, kid


def _end_of(claims: Mapping[str, Any], now: datetime) -> datetime:
    expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
    not_before = _moment(claims, "nbf") if "nbf" in claims else issued
    if now >= expires + SKEW:
        raise IdentityRejectedError("it has expired")
    if max(issued, not_before) > now + SKEW:
        raise IdentityRejectedError("it is from the future")
    if expires > issued + MAX_LIFETIME:
        raise IdentityRejectedError("it lives for more than a day")
    return expires


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    value: Any = claims.get(name)
    # bool is an int in Python; floats are legal, and huge ones are not times.
    if type(value) not in (int, float) or not 0 <= value < _LAST_SECOND:
        raise IdentityRejectedError(f"its {name} is missing, or no time")
    return datetime.fromtimestamp(value, UTC)


def _digest(token: Presented) -> bytes:
    """Of its `jti` where it has one; else of what was signed, which has one spelling."""
    jti = token.claims.get("jti")
    named = f"{token.issuer}\0{jti}" if isinstance(jti, str) and jti else ""
    signed, _, _ = token.encoded.rpartition(".")
    return hashlib.sha256((named or signed).encode("utf-8", "surrogatepass")).digest()


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT or not value.isprintable():
        raise IdentityRejectedError(f"its {name} is missing, or unreadable")
    return value
