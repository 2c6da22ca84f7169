import base64
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from meshkit import opaque
from meshkit.caller import CallerKind
from meshkit.errors import Unauthenticated
from meshkit.tokens import (
    MAX_CACHED,
    MAX_KEYS,
    UNAUTHENTICATED_MESSAGE,
    SigningKey,
    TokenSigner,
    TokenVerifier,
    TrustedIssuer,
)

ISSUER, AUDIENCE, SUBJECT = "https://cp.test", "workspaces/w", "users/alice"
START = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class StoppedClock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


class Revoked:
    def __init__(self) -> None:
        self.subjects: set[str] = set()

    def is_revoked(self, subject: str, token_id: str, issued_at: datetime) -> bool:
        return subject in self.subjects


class World:
    """A signer and a verifier that trusts it."""

    def __init__(self, key: SigningKey | None = None) -> None:
        self.clock = StoppedClock()
        self.revoked = Revoked()
        self.signer = TokenSigner(ISSUER, key or SigningKey.generate(), clock=self.clock)
        self.issuer = TrustedIssuer(ISSUER, frozenset({CallerKind.USER}))
        self.issuer.replace_keys(self.signer.jwks)
        self.verifier = TokenVerifier(
            [self.issuer], audience=AUDIENCE, clock=self.clock, revocations=self.revoked
        )

    def sign(self, **more):
        defaults = {"audience": AUDIENCE, "lifetime": HOUR}
        return self.signer.sign(CallerKind.USER, SUBJECT, **{**defaults, **more})

    def forge(self, *, headers=None, key=None, algorithm=None, **claims):
        """Signs with the real key whatever a buggy or hostile issuer would say."""
        now = int(self.clock.now().timestamp())
        payload = {
            "iss": ISSUER,
            "sub": SUBJECT,
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "jti": str(uuid4()),
            "kind": "user",
            **claims,
        }
        payload = {name: value for name, value in payload.items() if value is not ...}
        active = self.signer.active
        return jwt.encode(
            payload,
            active.key if key is None else key,
            algorithm=algorithm or active.algorithm,
            headers={"kid": active.kid, **(headers or {})},
        )

    def refuses(self, token: str) -> None:
        with pytest.raises(Unauthenticated) as refused:
            self.verifier.verify(token)
        assert refused.value.message == UNAUTHENTICATED_MESSAGE
        assert refused.value.reason == "INVALID_CREDENTIAL"
        assert not refused.value.metadata


@pytest.fixture
def world():
    return World()


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


@pytest.mark.parametrize("make", [SigningKey.generate, lambda: es256("k")])
def test_a_signed_token_is_verified(make):
    world = World(make())
    token = world.verifier.verify(world.sign(claims={"name": "Alice", "scopes": ["a"]}))
    assert (token.kind, token.subject, token.display_name) == (CallerKind.USER, SUBJECT, "Alice")
    assert (token.issued_at, token.expires_at) == (START, START + HOUR)
    assert token.claims["scopes"] == ["a"]


def es256(kid: str) -> SigningKey:
    return SigningKey(kid, ec.generate_private_key(ec.SECP256R1()))


def test_a_key_survives_its_pem():
    key = SigningKey.generate()
    assert SigningKey.from_pem(key.kid, key.pem).jwk == key.jwk


def test_keys_of_other_algorithms_do_not_sign():
    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(ValueError, match="Ed25519 or P-256"):
        SigningKey.from_pem("k", pem)
    with pytest.raises(ValueError, match="Ed25519 or P-256"):
        _ = SigningKey("k", ec.generate_private_key(ec.SECP384R1())).algorithm


def test_extra_claims_never_replace_the_standard_ones(world):
    token = world.verifier.verify(world.sign(claims={"sub": "users/root", "kind": "run"}))
    assert (token.subject, token.kind) == (SUBJECT, CallerKind.USER)


class TestForgeries:
    def test_another_key_with_the_same_id(self, world):
        world.refuses(world.forge(key=SigningKey.generate().key))

    def test_algorithm_none(self, world):
        header = encoded({"alg": "none", "kid": world.signer.active.kid})
        body = world.sign().split(".")[1]
        world.refuses(f"{header}.{body}.")

    def test_the_public_key_as_a_shared_secret(self, world):
        secret = world.signer.active.jwk["x"]
        world.refuses(world.forge(key=secret, algorithm="HS256"))

    def test_an_embedded_key(self, world):
        other = SigningKey.generate()
        world.refuses(world.forge(key=other.key, headers={"jwk": other.jwk, "kid": other.kid}))

    @pytest.mark.parametrize("kid", ["", "../../etc/passwd", "unknown", "x" * 5000])
    def test_an_unknown_key_id(self, world, kid):
        world.refuses(world.forge(headers={"kid": kid}))

    def test_a_header_that_names_another_algorithm(self, world):
        world.refuses(world.forge(key=es256("k").key, algorithm="ES256"))

    def test_an_unknown_critical_extension(self, world):
        world.refuses(world.forge(headers={"crit": ["b64"], "b64": False}))

    def test_a_changed_body(self, world):
        header, body, signature = world.sign().split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))
        world.refuses(f"{header}.{encoded({**claims, 'sub': 'users/root'})}.{signature}")

    @pytest.mark.parametrize("claim", ["exp", "iat", "nbf", "aud", "iss", "sub", "jti", "kind"])
    @pytest.mark.parametrize("value", [..., None, [], {"a": 1}, 1.5, True, ""])
    def test_a_standard_claim_that_is_absent_or_of_another_type(self, world, claim, value):
        try:
            token = world.forge(**{claim: value})
        except TypeError:  # PyJWT does not even sign some of them
            return
        world.refuses(token)

    @pytest.mark.parametrize(
        "claims",
        [
            {"aud": "workspaces/other"},
            {"aud": [AUDIENCE, "workspaces/other"]},
            {"aud": AUDIENCE[:-1]},
            {"iss": "https://evil.test"},
            {"iss": ISSUER[:-1]},
            {"kind": "run"},
            {"kind": "peer"},
            {"kind": "anonymous"},
            {"exp": 10**23},
            {"exp": int((START + timedelta(days=400)).timestamp())},
            {"exp": -1},
            {"iat": int((START + HOUR).timestamp())},
            {"nbf": int((START + HOUR).timestamp())},
            {"iat": 0},
        ],
        ids=str,
    )
    def test_claims_that_are_not_for_us(self, world, claims):
        world.refuses(world.forge(**claims))

    def test_too_long_a_token(self, world):
        world.refuses(world.forge(padding="x" * 10_000))

    def test_a_nesting_bomb(self, world):
        header = world.sign().split(".")[0]
        bomb = base64.urlsafe_b64encode(b"[" * 4000).decode().rstrip("=")
        world.refuses(f"{header}.{bomb}.AAAA")

    @given(st.text(max_size=300))
    def test_garbage(self, text):
        World().refuses(text)

    @given(st.tuples(*[st.binary(max_size=60)] * 3))
    def test_garbage_in_the_form_of_a_token(self, parts):
        token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        World().refuses(token)


class TestTime:
    def test_a_token_expires_after_the_skew(self, world):
        token = world.sign()
        world.clock.time = START + HOUR + timedelta(seconds=29)
        world.verifier.verify(token)
        world.clock.time = START + HOUR + timedelta(seconds=30)
        world.refuses(token)

    def test_an_expired_token_is_refused_though_it_was_never_seen_before(self, world):
        token = world.sign()
        world.clock.time = START + timedelta(days=2)
        world.refuses(token)

    def test_a_clock_that_lags_by_the_skew_accepts_a_new_token(self, world):
        token = world.sign()
        world.clock.time = START - timedelta(seconds=30)
        world.verifier.verify(token)

    def test_a_token_from_the_future_is_refused(self, world):
        token = world.sign()
        world.clock.time = START - timedelta(seconds=31)
        world.refuses(token)


class TestRotation:
    def test_a_published_key_verifies_before_and_after_it_signs(self, world):
        old = world.sign()
        upcoming = SigningKey.generate()
        world.signer.publish_next(upcoming)
        world.issuer.replace_keys(world.signer.jwks)
        assert jwt.get_unverified_header(world.sign())["kid"] != upcoming.kid
        world.signer.rotate()
        new = world.sign()
        assert jwt.get_unverified_header(new)["kid"] == upcoming.kid
        world.verifier.verify(new)
        world.verifier.verify(old)

    def test_there_is_no_rotation_to_a_key_nobody_knows(self, world):
        with pytest.raises(ValueError, match="publish"):
            world.signer.rotate()

    def test_a_withdrawn_key_takes_its_tokens_with_it_even_cached_ones(self, world):
        old_kid, token = world.signer.active.kid, world.sign()
        world.verifier.verify(token)
        world.signer.publish_next(SigningKey.generate())
        world.signer.rotate()
        world.signer.retire(old_kid)
        world.issuer.replace_keys(world.signer.jwks)
        world.refuses(token)

    @pytest.mark.parametrize(
        "jwks",
        [
            {},
            {"keys": None},
            {"keys": [{"kty": "OKP"}]},
            {"keys": [{"kid": "k", "kty": "oct", "k": "c2VjcmV0"}]},
            {"keys": [{"kid": "k", "kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}]},
            {"keys": ["k"]},
            {"keys": [{"kid": "k", "kty": "OKP", "crv": "Ed25519"}]},
            {"keys": [{"kid": "k", "kty": "OKP", "crv": "Ed25519", "x": "AA"}]},
            {"keys": [{**SigningKey.generate().jwk, "kid": "k" * 200}]},
            {"keys": [SigningKey.generate().jwk for _ in range(MAX_KEYS + 1)]},
        ],
    )
    def test_a_bad_key_set_leaves_the_old_one_in_use(self, world, jwks):
        with pytest.raises(ValueError, match="key"):
            world.issuer.replace_keys(jwks)
        world.verifier.verify(world.sign())


class TestCache:
    def test_a_revoked_subject_is_refused_though_its_token_is_cached(self, world):
        token = world.sign()
        world.verifier.verify(token)
        world.revoked.subjects.add(SUBJECT)
        world.refuses(token)

    def test_the_cache_is_bounded(self, world, monkeypatch):
        monkeypatch.setattr("meshkit.tokens.MAX_CACHED", 3)
        tokens = [world.sign() for _ in range(5)]
        for token in tokens:
            world.verifier.verify(token)
        assert len(world.verifier._cache) == 3
        assert MAX_CACHED > 3
        world.verifier.verify(tokens[0])

    def test_garbage_does_not_fill_it(self, world):
        for text in ("", "a.b.c", world.forge(key=SigningKey.generate().key)):
            world.refuses(text)
        assert not world.verifier._cache


class TestOpaqueTokens:
    def test_a_made_secret_is_read_back(self):
        text, token = opaque.make(opaque.API_KEY, uuid4().hex)
        assert text.startswith("weft_key_")
        assert opaque.parse(text) == token
        assert opaque.matches(opaque.parse(text), token.digest)
        assert token.id in text
        assert text.encode() not in token.digest

    @given(st.integers(min_value=9, max_value=100), st.sampled_from("0a_Z"))
    def test_any_changed_character_is_noticed(self, position, character):
        text, token = opaque.make(opaque.PERSONAL_ACCESS_TOKEN, "0123456789abcdef" * 2)
        position = min(position, len(text) - 1)
        changed = text[:position] + character + text[position + 1 :]
        if changed != text:
            with pytest.raises(ValueError, match="not a token of ours"):
                opaque.parse(changed)
        assert opaque.parse(text) == token

    @given(st.text(max_size=400))
    def test_garbage_is_refused(self, text):
        with pytest.raises(ValueError, match="not a token of ours"):
            opaque.parse(text)
