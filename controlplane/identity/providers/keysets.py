"""Providers' public keys: cached, bounded, and fetched again when a key is missing.

A key is only used with the algorithm that its own type has: nothing symmetric ever gets in, so
a public key can never be taken for a secret.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jwt

from controlplane.identity.providers.model import IdentityRejectedError, ProviderUnavailableError
from meshkit.errors import ResourceExhausted
from meshkit.limits import Rate, RateLimiter

MAX_AGE_S = 900.0
_MAX_SETS = 1_000
_MAX_KEYS = 100
_MIN_RSA_BITS = 2048
# An unknown key makes us look again: at most so often for one provider.
_REFETCHES = Rate(per_second=1 / 15, burst=4)
# The algorithms that a token may be signed with, and the keys that go with them.
ALGORITHMS = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
_PUBLIC = frozenset({"kty", "crv", "x", "y", "n", "e"})

Fetch = Callable[[str], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class _KeySet:
    keys: tuple[dict[str, Any], ...]
    fetched_at: float

    def suitable(self, kid: str | None, algorithm: str) -> Iterator[jwt.PyJWK]:
        kind = ALGORITHMS[algorithm]
        for entry in self.keys:
            fits = (entry.get("kty"), entry.get("crv")) == kind
            if not fits or entry.get("alg", algorithm) != algorithm:
                continue
            if kid is None or entry.get("kid") == kid:
                yield from _read(entry, algorithm)


class KeySets:
    """Finds the key that a token names."""

    def __init__(self, fetch: Fetch, monotonic: Callable[[], float]) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._sets: OrderedDict[str, _KeySet] = OrderedDict()
        self._refetches = RateLimiter(_REFETCHES, monotonic)

    async def find(self, url: str, kid: str | None, algorithm: str) -> jwt.PyJWK:
        """The key for a token's header; raises ProviderError.

        A token without a key id is fine where only one key fits.
        """
        known = self._sets.get(url)
        if known is not None and self._monotonic() < known.fetched_at + MAX_AGE_S:
            found = list(known.suitable(kid, algorithm))
            if len(found) == 1:
                return found[0]
            self._count_refetch(url)
        found = list((await self.load(url)).suitable(kid, algorithm))
        if len(found) != 1:
            raise IdentityRejectedError("the token is signed with a key that is not published")
        return found[0]

    async def load(self, url: str) -> _KeySet:
        """Fetches a set anew; raises ProviderUnavailableError."""
        document = await self._fetch(url)
        entries = document.get("keys")
        if not isinstance(entries, list) or len(entries) > _MAX_KEYS:
            raise ProviderUnavailableError(f"the key set is not a list of at most {_MAX_KEYS} keys")
        usable = tuple(entry for entry in entries if isinstance(entry, dict) and _signs(entry))
        if not usable:
            raise ProviderUnavailableError("the key set holds no key that signs")
        keys = self._sets[url] = _KeySet(usable, self._monotonic())
        self._sets.move_to_end(url)
        if len(self._sets) > _MAX_SETS:
            self._sets.popitem(last=False)
        return keys

    def _count_refetch(self, url: str) -> None:
        try:
            self._refetches.take(url)
        except ResourceExhausted as error:
            raise IdentityRejectedError("the token is signed with an unknown key") from error


def _signs(entry: dict[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return (
        (entry.get("kty"), entry.get("crv")) in ALGORITHMS.values()
        and entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
    )


def _read(entry: dict[str, Any], algorithm: str) -> Iterator[jwt.PyJWK]:
    public = {name: value for name, value in entry.items() if name in _PUBLIC}
    try:
        key = jwt.PyJWK(public, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        # A key that cannot be read is as good as not published.
        return
    if getattr(key.key, "key_size", _MIN_RSA_BITS) >= _MIN_RSA_BITS or public["kty"] != "RSA":
        yield key
