"""ID tokens, verified strictly: OpenID Connect Core 3.1.3.7 and RFC 8725."""

import secrets
from datetime import datetime, timedelta
from typing import Any

import jwt

from controlplane.identity.providers.keysets import ALGORITHMS, KeySets
from controlplane.identity.providers.model import Client, IdentityRejectedError

MAX_BYTES = 64 * 1024
_SKEW = timedelta(seconds=30)
# Nobody signs in by a token that was made for an earlier day.
_OLDEST = timedelta(hours=1)
_MAX_SUBJECT = 255
_LAST_SECOND = 1 << 40
_OPTIONS: Any = {
    # Times, audience and issuer are judged below: by our clock, and more strictly.
    "require": ["iss", "sub", "aud", "exp", "iat", "nonce"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


class IdTokens:
    """Verifies ID tokens by the keys that their provider publishes."""

    def __init__(self, keys: KeySets) -> None:
        self._keys = keys

    async def verify(
        self, encoded: str, client: Client, *, jwks_uri: str, nonce: str, now: datetime
    ) -> dict[str, Any]:
        """The claims; raises IdentityRejectedError with what is wrong."""
        if len(encoded) > MAX_BYTES:
            raise IdentityRejectedError("the ID token is too long")
        kid, algorithm = _header(encoded)
        key = await self._keys.find(jwks_uri, kid, algorithm)
        try:
            claims: dict[str, Any] = jwt.decode(
                encoded, key=key, algorithms=[algorithm], options=_OPTIONS
            )
        except jwt.MissingRequiredClaimError as error:
            raise IdentityRejectedError(f"the ID token has no {error.claim}") from error
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise IdentityRejectedError("the ID token's signature does not verify") from error
        problem = _problem(claims, client, nonce, now)
        if problem:
            raise IdentityRejectedError(f"the ID token {problem}")
        return claims


def _header(encoded: str) -> tuple[str | None, str]:
    """Key id and algorithm, the latter only if it is one of ours: never `none`, never an HMAC."""
    try:
        header = jwt.get_unverified_header(encoded)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise IdentityRejectedError("the ID token is not a JWT") from error
    kid, algorithm = header.get("kid"), header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise IdentityRejectedError("the ID token is signed by an algorithm that does not count")
    if kid is not None and not isinstance(kid, str):
        raise IdentityRejectedError("the ID token's key id is not a string")
    if header.get("crit"):
        raise IdentityRejectedError("the ID token asks for an extension that is not known")
    return kid, algorithm


def _problem(claims: dict[str, Any], client: Client, nonce: str, now: datetime) -> str:
    """What speaks against the claims; empty where nothing does."""
    if claims["iss"] != client.issuer:
        return "is from another issuer"
    if not _is_for(claims, client.client_id):
        return "is for another client"
    if not isinstance(claims["nonce"], str) or not secrets.compare_digest(
        claims["nonce"].encode("utf-8", "surrogatepass"), nonce.encode()
    ):
        return "belongs to another sign-in"
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT:
        return "names nobody"
    return _wrong_time(claims, now)


def _is_for(claims: dict[str, Any], client_id: str) -> bool:
    audience = claims["aud"]
    audiences = audience if isinstance(audience, list) else [audience]
    # Of several audiences, the authorized party must say that it was made for us.
    party = claims.get("azp", client_id if len(audiences) == 1 else None)
    return client_id in audiences and party == client_id


def _wrong_time(claims: dict[str, Any], now: datetime) -> str:
    moments = [claims["exp"], claims["iat"], claims.get("nbf", claims["iat"])]
    # bool is an int in Python; floats are legal, and huge ones are not times.
    if any(type(m) not in (int, float) or not 0 <= m < _LAST_SECOND for m in moments):
        return "has times that are no times"
    expires, issued, not_before = moments
    seconds, skew = now.timestamp(), _SKEW.total_seconds()
    if seconds >= expires + skew:
        return "has expired"
    if max(issued, not_before) > seconds + skew:
        return "is from the future"
    if issued < seconds - _OLDEST.total_seconds():
        return "is too old"
    return ""
