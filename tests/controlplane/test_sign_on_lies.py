"""Providers that lie, hang or fall silent: nobody gets in by them, and nobody else notices."""

import asyncio
import base64
import gzip
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from controlplane.identity.providers.keysets import KeySets
from controlplane.identity.providers.model import ProviderError
from tests.controlplane.harness import Client, Plane, refused, running
from tests.controlplane.lying_provider import (
    DISCOVERY,
    Claims,
    Key,
    LyingProvider,
    Reply,
    in_json,
    lying,
    rsa_key,
)
from tests.controlplane.sign_on import SETTINGS, SignIn, add_provider, name_of, who
from weftapi.controlplane.v1 import identity_providers_pb2

REJECTED = ("UNAUTHENTICATED", "IDENTITY_REJECTED")
UNAVAILABLE = ("UNAVAILABLE", "IDENTITY_PROVIDER_UNAVAILABLE")


@pytest.fixture
async def plane(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Plane]:
    async with running(tmp_path, sqlite_url, **SETTINGS) as plane:
        yield plane


@pytest.fixture
async def liar(admin: Client) -> AsyncIterator[LyingProvider]:
    async with lying() as provider:
        await add_provider(admin, "liar", provider.issuer)
        yield provider


async def attempt(plane: Plane, provider: LyingProvider, **claims: Any) -> tuple[str, str]:
    """How a sign-in is refused whose claims are replaced by these."""
    flow = await SignIn.of(plane, "liar")
    return await refused(flow.complete(provider.grant(await flow.begin(), **claims)))


def part(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def by_hand(provider: LyingProvider, header: Claims, claims: Claims, signature: bytes = b"") -> str:
    signed = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    return f"{part(header)}.{part(claims)}.{signed}"


def hs256_by_the_public_key(provider: LyingProvider) -> Callable[[Claims], str]:
    """The classic confusion: the published key, taken for a shared secret."""
    public = provider.key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def encode(claims: Claims) -> str:
        head = f"{part({'alg': 'HS256', 'kid': provider.key.kid})}.{part(claims)}"
        digest = hmac.digest(public, head.encode(), hashlib.sha256)
        return f"{head}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    return encode


def from_the_future(**_: Any) -> Claims:
    return {"iat": int(time.time()) + 120}


CLAIMS: dict[str, Callable[[], Claims]] = {
    "another issuer": lambda: {"iss": "https://accounts.example"},
    "an issuer with a slash": lambda: {"iss": "http://127.0.0.1/"},
    "another client": lambda: {"aud": "another"},
    "two clients and no party": lambda: {"aud": ["weft", "another"]},
    "another party": lambda: {"aud": ["weft", "another"], "azp": "another"},
    "another party alone": lambda: {"azp": "another"},
    "expired": lambda: {"exp": int(time.time()) - 60},
    "from the future": from_the_future,
    "not valid yet": lambda: {"nbf": int(time.time()) + 120},
    "of last week": lambda: {"iat": int(time.time()) - 7 * 86400},
    "a time that is no time": lambda: {"exp": 10**23},
    "a time in words": lambda: {"exp": "tomorrow"},
    "a time that is true": lambda: {"iat": True},
    "no number": lambda: {"exp": float("nan")},
    "another sign-in": lambda: {"nonce": "another"},
    "a nonce that is no text": lambda: {"nonce": ["x"]},
    "nobody": lambda: {"subject": ""},
    "a subject that is no text": lambda: {"subject": 7},
    "a very long subject": lambda: {"subject": "x" * 300},
}


async def test_a_token_for_somebody_or_something_else(plane: Plane, liar: LyingProvider) -> None:
    ends = {case: await attempt(plane, liar, **claims()) for case, claims in CLAIMS.items()}
    assert ends == dict.fromkeys(CLAIMS, REJECTED)


def without(provider: LyingProvider, name: str) -> Callable[[Claims], str]:
    return lambda claims: provider.signed({k: v for k, v in claims.items() if k != name})


TOKENS: dict[str, Callable[[LyingProvider], Callable[[Claims], Any]]] = {
    "alg none": lambda p: lambda claims: by_hand(p, {"alg": "none"}, claims),
    "alg None": lambda p: lambda claims: by_hand(p, {"alg": "nOnE", "kid": p.key.kid}, claims),
    "HS256 by the public key": hs256_by_the_public_key,
    "a key that is not published": lambda p: (
        lambda claims: p.signed(claims, key=Key(ec.generate_private_key(ec.SECP256R1()), "ES256"))
    ),
    "another key under the same id": lambda p: (
        lambda claims: p.signed(
            claims, key=Key(ec.generate_private_key(ec.SECP256R1()), "ES256", p.key.kid)
        )
    ),
    "the algorithm of another kind of key": lambda p: (
        lambda claims: p.signed(claims, key=Key(rsa_key(), "RS256", p.key.kid))
    ),
    "a key that it brings along": lambda p: (
        lambda claims: p.signed(
            claims, key=(own := Key(ec.generate_private_key(ec.SECP256R1()), "ES256")), jwk=own.jwk
        )
    ),
    "an extension nobody knows": lambda p: lambda claims: p.signed(claims, crit=["x"], x=1),
    "a key id that is no text": lambda p: (
        lambda claims: by_hand(p, {"alg": "ES256", "kid": {"a": 1}}, claims, b"x" * 64)
    ),
    "no nonce": lambda p: without(p, "nonce"),
    "no issuer": lambda p: without(p, "iss"),
    "no audience": lambda p: without(p, "aud"),
    "no subject": lambda p: without(p, "sub"),
    "no end": lambda p: without(p, "exp"),
    "no beginning": lambda p: without(p, "iat"),
    "a changed claim": lambda p: lambda claims: p.signed(claims).replace(".", ".e30", 1),
    "no token": lambda p: lambda claims: None,
    "no JWT": lambda p: lambda claims: "a.b.c",
    "not even text": lambda p: lambda claims: {"a": 1},
    "emptiness": lambda p: lambda claims: "",
    "far too much": lambda p: lambda claims: p.signed({**claims, "x": "y" * 100_000}),
}


async def test_a_token_that_proves_nothing(plane: Plane, liar: LyingProvider) -> None:
    ends = {}
    for case, lie in TOKENS.items():
        liar.encode = lie(liar)
        ends[case] = await attempt(plane, liar)
    assert ends == dict.fromkeys(TOKENS, REJECTED)


async def test_the_honest_one_gets_in(plane: Plane, liar: LyingProvider) -> None:
    """Else the refusals above could be for any reason."""
    flow = await SignIn.of(plane, "liar")
    client = await flow.finish(liar.grant(await flow.begin(), name="Grace", azp="weft"))
    assert (await who(client)).display_name == "Grace"


async def test_the_person_whom_userinfo_speaks_of_is_the_same(
    plane: Plane, liar: LyingProvider
) -> None:
    liar.document = {"userinfo_endpoint": f"{liar.issuer}/userinfo"}
    liar.userinfo = {"sub": "somebody else", "email": "ada@example.com", "email_verified": True}
    assert await attempt(plane, liar) == REJECTED
    liar.userinfo = {"email": "ada@example.com"}
    assert await attempt(plane, liar) == UNAVAILABLE


PAGES: dict[str, tuple[str, Reply]] = {
    "no discovery": (DISCOVERY, in_json({}, 404)),
    "a broken discovery": (DISCOVERY, Reply(b"<html>sorry</html>")),
    "a discovery of another": (DISCOVERY, in_json({"issuer": "https://accounts.example"})),
    "a discovery that is a list": (DISCOVERY, in_json([])),
    "a discovery without end": (DISCOVERY, Reply(b"[" * 100_000)),
    "a discovery too large": (DISCOVERY, Reply(b" " * (1 << 20) + b"{}")),
    "a discovery that explodes": (
        DISCOVERY,
        Reply(gzip.compress(b" " * (1 << 24)), headers={"content-encoding": "gzip"}),
    ),
    "a discovery elsewhere": (
        DISCOVERY,
        Reply(code=302, headers={"location": "http://169.254.169.254/latest/meta-data"}),
    ),
    "a discovery of numbers": (DISCOVERY, Reply(b'{"issuer": ' + b"9" * 5000 + b"}")),
}
LATER_PAGES: dict[str, tuple[str, Reply]] = {
    "no keys": ("/jwks", in_json({"keys": []})),
    "keys that are none": ("/jwks", in_json({"keys": [1, None, {"kty": "EC"}]})),
    "keys that are secrets": ("/jwks", in_json({"keys": [{"kty": "oct", "k": "AAAA"}]})),
    "too many keys": ("/jwks", in_json({"keys": [{"kty": "RSA"}] * 101})),
    "keys in HTML": ("/jwks", Reply(b"<html>")),
    "a broken token endpoint": ("/token", Reply(b"oops", 500)),
    "a token endpoint in HTML": ("/token", Reply(b"<html>")),
    "a token endpoint that lists": ("/token", in_json([])),
    "a token endpoint elsewhere": (
        "/token",
        Reply(code=307, headers={"location": "https://collector.example/"}),
    ),
}


async def test_a_discovery_that_is_of_no_use(plane: Plane, liar: LyingProvider) -> None:
    ends = {}
    for case, page in PAGES.items():
        liar.replies = dict([page])
        ends[case] = await refused((await SignIn.of(plane, "liar")).begin())
    assert ends == dict.fromkeys(PAGES, UNAVAILABLE)
    assert set(liar.asked) == {DISCOVERY}


async def test_an_answer_that_is_of_no_use(plane: Plane, liar: LyingProvider) -> None:
    ends = {}
    for case, page in LATER_PAGES.items():
        liar.replies = dict([page])
        ends[case] = await attempt(plane, liar)
    assert ends == dict.fromkeys(LATER_PAGES, UNAVAILABLE)


ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
ADDRESSES = (
    "http://169.254.169.254/latest",
    "http://localhost/token",
    "https://user@weft.example/token",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://",
    "",
    7,
)


async def test_no_endpoint_is_anything_but_an_https_url(plane: Plane, liar: LyingProvider) -> None:
    for name in ENDPOINTS:
        for address in ADDRESSES:
            liar.document = {name: address}
            flow = await SignIn.of(plane, "liar")
            assert await refused(flow.begin()) == UNAVAILABLE, (name, address)


@pytest.mark.parametrize("name", ENDPOINTS[1:])
async def test_no_endpoint_leads_into_our_own_network(
    plane: Plane, liar: LyingProvider, name: str
) -> None:
    liar.document = {name: "https://169.254.169.254/"}
    assert await attempt(plane, liar) == UNAVAILABLE


async def test_a_provider_that_is_away(plane: Plane, admin: Client) -> None:
    async with lying() as gone:
        await add_provider(admin, "liar", gone.issuer)
    flow = await SignIn.of(plane, "liar")
    assert await refused(flow.begin()) == UNAVAILABLE


async def test_a_provider_that_hangs_holds_up_itself_alone(tmp_path: Path, sqlite_url: str) -> None:
    settings = {**SETTINGS, "identity_provider_timeout_s": 1.0}
    async with (
        running(tmp_path, sqlite_url, **settings) as plane,
        lying() as slow,
        lying() as quick,
    ):
        admin = await plane.set_up()
        slow.replies = {DISCOVERY: Reply(hangs=True)}
        await add_provider(admin, "slow", slow.issuer)
        await add_provider(admin, "liar", quick.issuer)
        waiting = [
            asyncio.create_task(refused((await SignIn.of(plane, "slow")).begin()))
            for _ in range(20)
        ]
        flow = await SignIn.of(plane, "liar")
        await flow.finish(quick.grant(await flow.begin()))
        assert set(await asyncio.gather(*waiting)) == {UNAVAILABLE}
        # Twenty asked at once; no more than its places ever reached it.
        assert 0 < len(slow.asked) <= 16
        slow.replies = {}
        late = await SignIn.of(plane, "slow")
        await late.finish(slow.grant(await late.begin()))


async def test_what_is_wrong_is_said_in_words(
    plane: Plane, admin: Client, liar: LyingProvider
) -> None:
    async def told() -> tuple[str, bool, str]:
        request = identity_providers_pb2.TestIdentityProviderRequest(name=name_of("liar"))
        answer = await admin.providers.TestIdentityProvider(request)
        assert answer.healthy == all(check.healthy for check in answer.checks)
        last = answer.checks[-1]
        return last.name, last.healthy, last.message

    assert await told() == ("client", True, "it accepts our client id and secret")
    liar.replies = {"/jwks": in_json({"keys": []})}
    assert await told() == ("keys", False, "the key set holds no key that signs")
    liar.replies = {DISCOVERY: in_json({}, 503)}
    assert await told() == ("discovery", False, f"{liar.issuer}{DISCOVERY} answered 503")
    liar.replies = {DISCOVERY: in_json({"issuer": "https://another.example"})}
    name, _, message = await told()
    assert (name, "compare them letter by letter" in message) == ("discovery", True)


async def test_unknown_keys_make_us_look_again_but_not_for_ever() -> None:
    fetched: list[str] = []
    key = Key(rsa_key(), "RS256")

    async def fetch(url: str) -> dict[str, Any]:
        fetched.append(url)
        return {"keys": [key.jwk]}

    now = 0.0
    keys = KeySets(fetch, lambda: now)
    for _ in range(50):
        with pytest.raises(ProviderError):
            await keys.find("https://idp/jwks", "unknown", "RS256")
    assert len(fetched) == 5
    assert await keys.find("https://idp/jwks", key.kid, "RS256")
    assert len(fetched) == 5
    now += 3600
    assert await keys.find("https://idp/jwks", key.kid, "RS256")
    assert len(fetched) == 6


async def test_short_rsa_keys_and_keys_for_other_uses_do_not_count() -> None:
    short, encrypting = Key(rsa_key(1024), "RS256"), Key(rsa_key(), "RS256")

    async def fetch(_url: str) -> dict[str, Any]:
        return {"keys": [short.jwk, {**encrypting.jwk, "use": "enc"}]}

    for kid in (short.kid, encrypting.kid):
        with pytest.raises(ProviderError):
            await KeySets(fetch, lambda: 0.0).find("https://idp/jwks", kid, "RS256")
