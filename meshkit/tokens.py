"""Access tokens: JWTs that services sign with rotating keys and verify without asking anyone.

Each key has one algorithm, fixed when the key is made; a token's header never chooses it.
Verified claims are kept by the token's hash until they expire, because verifying a signature
costs as much as a whole call. The clock is ours, not PyJWT's, so tests can state the time.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from meshkit import compact
from meshkit.caller import CallerKind
from meshkit.clock import Clock
from meshkit.errors import Unauthenticated

SKEW = timedelta(seconds=30)
# Longer than any token we sign: a run token lives as long as its run's deadline.
MAX_LIFETIME = timedelta(days=31)
MAX_TOKEN_BYTES = 8192
MAX_KEYS = 16
MAX_CACHED = 10_000
_MAX_KID = 128
_CURVES = {("OKP", "Ed25519"), ("EC", "P-256")}
KIND_CLAIM = "kind"
NAME_CLAIM = "name"
# Permissions with spaces between them, as RFC 8693 has it.
SCOPE_CLAIM = "scope"
UNAUTHENTICATED_MESSAGE = "A valid credential is required."

_REQUIRED = ["exp", "iat", "nbf", "aud", "iss", "sub", "jti"]
_OPTIONS: Any = {
    "require": _REQUIRED,
    "strict_aud": True,
    # The times are checked by our own clock.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey
Claims = Mapping[str, Any]


def unauthenticated() -> Unauthenticated:
    """The one answer to every credential that is missing or wrong in whatever way."""
    return Unauthenticated("INVALID_CREDENTIAL", UNAUTHENTICATED_MESSAGE)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its id; the algorithm follows from the key."""

    kid: str
    key: PrivateKey

    @classmethod
    def generate(cls) -> "SigningKey":
        key = ed25519.Ed25519PrivateKey.generate()
        raw = key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        return cls(hashlib.sha256(raw).hexdigest()[:16], key)

    @classmethod
    def from_pem(cls, kid: str, pem: bytes) -> "SigningKey":
        """Reads an Ed25519 or P-256 key; raises ValueError for any other."""
        key = serialization.load_pem_private_key(pem, password=None)
        if isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
            _algorithm_of(key.public_key())
            return cls(kid, key)
        raise ValueError("tokens are signed with Ed25519 or P-256 keys only")

    @property
    def pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def algorithm(self) -> str:
        return _algorithm_of(self.key.public_key())

    @property
    def jwk(self) -> dict[str, str]:
        """The public key as a JSON Web Key."""
        key = self.key.public_key()
        shape: Any = (
            jwt.algorithms.OKPAlgorithm.to_jwk(key)
            if isinstance(key, ed25519.Ed25519PublicKey)
            else jwt.algorithms.ECAlgorithm.to_jwk(key)
        )
        return {**json.loads(shape), "kid": self.kid, "alg": self.algorithm, "use": "sig"}


def _algorithm_of(key: PublicKey) -> str:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "EdDSA"
    if isinstance(key.curve, ec.SECP256R1):
        return "ES256"
    raise ValueError("tokens are signed with Ed25519 or P-256 keys only")


class TokenSigner:
    """Signs tokens with the active key, and publishes it beside its successor and forebears.

    A key is published before it signs and stays published until the last token it signed has
    expired, so no verifier ever meets a key it could not have known.
    """

    def __init__(
        self,
        issuer: str,
        active: SigningKey,
        *,
        clock: Clock,
        upcoming: SigningKey | None = None,
        retiring: Sequence[SigningKey] = (),
    ) -> None:
        self._issuer = issuer
        self._clock = clock
        self._active = active
        self._upcoming = upcoming
        self._retiring = tuple(retiring)

    @property
    def active(self) -> SigningKey:
        return self._active

    @property
    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys that verifiers need now and next, as a JSON Web Key Set."""
        upcoming = (self._upcoming,) if self._upcoming else ()
        return {"keys": [key.jwk for key in (self._active, *upcoming, *self._retiring)]}

    def publish_next(self, key: SigningKey) -> None:
        """Publishes the key that will sign after the next `rotate`."""
        self._upcoming = key

    def rotate(self) -> None:
        """Signs with the upcoming key from now on; the old one stays published."""
        if self._upcoming is None:
            raise ValueError("publish the next key before rotating to it")
        self._retiring = (self._active, *self._retiring)
        self._active, self._upcoming = self._upcoming, None

    def retire(self, kid: str) -> None:
        """Stops publishing an old key, once every token it signed has expired."""
        self._retiring = tuple(key for key in self._retiring if key.kid != kid)

    def sign(
        self,
        kind: CallerKind,
        subject: str,
        *,
        audience: str,
        lifetime: timedelta,
        claims: Claims | None = None,
    ) -> str:
        """Signs a token; `claims` may add to the standard ones but never replace them."""
        now = int(self._clock.now().timestamp())
        payload = {
            **(claims or {}),
            "iss": self._issuer,
            "sub": subject,
            "aud": audience,
            "iat": now,
            "nbf": now,
            "exp": now + int(lifetime.total_seconds()),
            "jti": str(uuid4()),
            KIND_CLAIM: kind.value,
        }
        key = self._active
        return jwt.encode(payload, key.key, algorithm=key.algorithm, headers={"kid": key.kid})


class Revocations(Protocol):
    """Says which tokens are dead before they expire; asked for every call, so it must be quick."""

    def is_revoked(self, subject: str, token_id: str, issued_at: datetime) -> bool: ...


class NoRevocations:
    """For services whose tokens are too short-lived to be revoked."""

    def is_revoked(self, subject: str, token_id: str, issued_at: datetime) -> bool:  # noqa: ARG002
        return False


@dataclass(frozen=True, slots=True)
class Token:
    """A verified token."""

    kind: CallerKind
    subject: str
    display_name: str
    token_id: str
    issued_at: datetime
    expires_at: datetime
    claims: Claims
    # The permissions that it is limited to; None where it is not.
    scope: frozenset[str] | None = None


@dataclass(slots=True)
class TrustedIssuer:
    """An issuer whose tokens count here, and the kinds of principal it may speak for.

    The workspace trusts the control plane for people and itself for runs; neither can forge
    the other's principals.
    """

    issuer: str
    kinds: frozenset[CallerKind]
    keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    # Moves when the keys are replaced.
    generation: int = 0

    def replace_keys(self, jwks: Mapping[str, Any]) -> None:
        """Takes over a key set (as `TokenSigner.jwks`); at most MAX_KEYS of them.

        Raises ValueError, and keeps the old keys, where one is not an Ed25519 or P-256
        signing key with an id.
        """
        entries = jwks.get("keys")
        if not isinstance(entries, list) or len(entries) > MAX_KEYS:
            raise ValueError(f"a key set is a list of at most {MAX_KEYS} keys")
        self.keys = dict(_read_key(entry) for entry in entries)
        self.generation += 1


def _read_key(entry: Any) -> tuple[str, jwt.PyJWK]:
    shape = entry if isinstance(entry, Mapping) else {}
    kid = shape.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID:
        raise ValueError("a key has no usable id")
    if (shape.get("kty"), shape.get("crv")) not in _CURVES:
        raise ValueError(f"key {kid!r} is neither an Ed25519 nor a P-256 key")
    public = {name: shape[name] for name in ("kty", "crv", "x", "y") if name in shape}
    try:
        return kid, jwt.PyJWK(public)
    except (jwt.PyJWTError, KeyError, TypeError) as error:
        raise ValueError(f"key {kid!r} cannot be read") from error


class TokenVerifier:
    """Verifies tokens offline; every failure is the same Unauthenticated."""

    def __init__(
        self,
        issuers: Sequence[TrustedIssuer],
        *,
        audience: str,
        clock: Clock,
        revocations: Revocations | None = None,
    ) -> None:
        self._issuers = {issuer.issuer: issuer for issuer in issuers}
        self._audience = audience
        self._clock = clock
        self._revocations = revocations or NoRevocations()
        # With the issuer and the generation of its keys that the token was verified by.
        self._cache: OrderedDict[bytes, tuple[Token, TrustedIssuer, int]] = OrderedDict()

    def verify(self, encoded: str) -> Token:
        """Returns the verified token; raises Unauthenticated."""
        digest = hashlib.sha256(encoded.encode("utf-8", "surrogatepass")).digest()
        cached = self._cached(digest)
        token = cached or self._verify(encoded, digest)
        self.require_valid(token)
        return token

    def require_valid(self, token: Token) -> None:
        """Raises Unauthenticated if a token verified before has expired or was revoked since."""
        if self._clock.now() >= token.expires_at + SKEW:
            raise unauthenticated()
        if self._revocations.is_revoked(token.subject, token.token_id, token.issued_at):
            raise unauthenticated()

    def _cached(self, digest: bytes) -> Token | None:
        entry = self._cache.get(digest)
        if entry is None:
            return None
        token, issuer, generation = entry
        # A key that was withdrawn takes the tokens it signed with it.
        if issuer.generation != generation:
            del self._cache[digest]
            return None
        self._cache.move_to_end(digest)
        return token

    def _verify(self, encoded: str, digest: bytes) -> Token:
        if len(encoded) > MAX_TOKEN_BYTES:
            raise unauthenticated()
        try:
            token, issuer = self._decode(encoded)
        # InvalidKeyError is not an InvalidTokenError, hostile input raises ValueError and
        # RecursionError from below PyJWT: whatever it is, the credential is not valid.
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise unauthenticated() from error
        self._cache[digest] = (token, issuer, issuer.generation)
        if len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        return token

    def _decode(self, encoded: str) -> tuple[Token, TrustedIssuer]:
        header, unverified = compact.read(encoded)
        issuer = self._issuers[unverified["iss"]]
        key = issuer.keys[header["kid"]]
        claims = jwt.decode(
            encoded,
            key=key,
            algorithms=[key.algorithm_name],
            options=_OPTIONS,
            audience=self._audience,
            issuer=issuer.issuer,
        )
        return self._read(claims, issuer), issuer

    def _read(self, claims: dict[str, Any], issuer: TrustedIssuer) -> Token:
        kind = CallerKind(claims[KIND_CLAIM])
        if kind not in issuer.kinds or not claims["sub"] or not claims["jti"]:
            raise ValueError("the issuer does not speak for such a principal")
        issued_at, not_before, expires_at = (_time(claims, name) for name in ("iat", "nbf", "exp"))
        now = self._clock.now()
        if max(issued_at, not_before) > now + SKEW or expires_at > issued_at + MAX_LIFETIME:
            raise ValueError("the token's times make no sense")
        return Token(
            kind,
            claims["sub"],
            str(claims.get(NAME_CLAIM, "")),
            claims["jti"],
            issued_at,
            expires_at,
            claims,
            _scope(claims),
        )


def _scope(claims: Claims) -> frozenset[str] | None:
    scope = claims.get(SCOPE_CLAIM)
    if scope is None:
        return None
    if not isinstance(scope, str):
        # Never taken for the absence of a limit.
        raise TypeError("the scope is not a string")
    return frozenset(scope.split())


def _time(claims: Claims, name: str) -> datetime:
    value = claims[name]
    # bool is an int in Python, and floats or huge numbers pass PyJWT.
    if type(value) is not int or not 0 <= value < 1 << 40:
        raise ValueError(f"{name} is not a time")
    return datetime.fromtimestamp(value, UTC)
