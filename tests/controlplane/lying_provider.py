"""A fake OpenID provider that says whatever a test wants: wrong, late, too much, or nothing.

Honest until told otherwise. It has no pages: a test grants a code where a person would sign in.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from tests.controlplane.sign_on import CLIENT_ID

DISCOVERY = "/.well-known/openid-configuration"
Claims = dict[str, Any]
P = TypeVar("P", bound="LyingProvider")


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@dataclass
class Key:
    """A signing key and how it is published."""

    private: PrivateKeyTypes
    algorithm: str
    kid: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def jwk(self) -> dict[str, Any]:
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        public: dict[str, Any] = json.loads(algorithm.to_jwk(self.private.public_key()))
        return {**public, "kid": self.kid, "use": "sig"}


@dataclass
class Reply:
    """An HTTP answer; `hangs` gives none."""

    body: bytes = b"{}"
    code: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False


def in_json(document: Any, code: int = 200) -> Reply:
    return Reply(json.dumps(document).encode(), code)


class LyingProvider:
    """Serves on a loopback port; `replies` by path replace what it would answer."""

    def __init__(self) -> None:
        self.issuer = ""
        self.key = Key(ec.generate_private_key(ec.SECP256R1()), "ES256")
        self.published: list[dict[str, Any]] = [self.key.jwk]
        self.document: dict[str, Any] = {}
        self.replies: dict[str, Reply] = {}
        self.userinfo: Claims = {}
        self.asked: list[str] = []
        # Makes the token; a lie replaces it.
        self.encode: Callable[[Claims], Any] = self.signed
        self._codes: dict[str, Claims] = {}

    def signed(self, claims: Claims, *, key: Key | None = None, **header: Any) -> str:
        key = key or self.key
        return jwt.encode(
            claims, key.private, algorithm=key.algorithm, headers={"kid": key.kid, **header}
        )

    def grant(
        self, authorization_uri: str, subject: str = "grace", **claims: Any
    ) -> dict[str, str]:
        """What the redirect brings back once a person has signed in."""
        asked = dict(parse_qsl(urlsplit(authorization_uri).query))
        code, now = secrets.token_hex(8), int(time.time())
        self._codes[code] = {
            "iss": self.issuer,
            "sub": subject,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "challenge": asked["code_challenge"],
            **claims,
        }
        return {"state": asked["state"], "code": code, "iss": self.issuer}

    def answer(self, path: str, body: str, head: str) -> Reply:
        self.asked.append(path)
        if path in self.replies:
            return self.replies[path]
        if path == DISCOVERY:
            return in_json(self._discovery() | self.document)
        if path == "/jwks":
            return in_json({"keys": self.published})
        if path == "/token":
            return self._token(parse_qs(body))
        if path == "/userinfo":
            return in_json(self.userinfo)
        return in_json({}, 404)

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def _token(self, form: dict[str, list[str]]) -> Reply:
        claims = self._codes.pop(form["code"][0], None)
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if claims is None or claims.pop("challenge") != challenge:
            return in_json({"error": "invalid_grant"}, 400)
        tokens = {"access_token": "opaque", "token_type": "Bearer", "id_token": self.encode(claims)}
        return in_json(tokens)


@contextlib.asynccontextmanager
async def lying(provider: P | None = None) -> AsyncIterator[P]:
    """A provider, a lying one by default, until the block ends."""
    provider = provider or cast("P", LyingProvider())
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await _exchange(provider, reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    provider.issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield provider
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _exchange(
    provider: LyingProvider, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(
        (
            int(line[15:])
            for line in head.split("\r\n")
            if line.lower().startswith("content-length:")
        ),
        0,
    )
    body = (await reader.readexactly(length)).decode()
    reply = provider.answer(urlsplit(head.split(" ")[1]).path, body, head)
    if reply.hangs:
        await asyncio.Event().wait()
    headers = {"content-type": "application/json", **reply.headers}
    lines = [
        f"HTTP/1.1 {reply.code} Said",
        f"content-length: {len(reply.body)}",
        "connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + reply.body)
    await writer.drain()
