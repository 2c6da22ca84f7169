"""A fake OpenID Connect issuer, as CI systems and clusters are: discovery and keys over https.

It serves on the loopback interface with a certificate of its own CA, signs whatever it is told
to, and lies on demand.
"""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from meshkit import certificates
from meshkit.spiffe import Role, SpiffeId

_AUTHORITY = certificates.make_authority("fake issuers", now=datetime.now(UTC))


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@dataclass
class FakeIssuer:
    """What it serves can be changed by tests; `asked` counts requests by path."""

    url: str = ""
    keys: dict[str, Any] = field(default_factory=lambda: {"k1": new_key()})
    answers: dict[str, bytes] = field(default_factory=dict)
    hangs: bool = False
    released: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)

    def token(self, *, kid: str = "k1", key: Any = None, algorithm: str = "RS256", **changes: Any):
        """A token as a CI job gets it; a claim that is None is left out."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": "weft",
            "sub": "repo:acme/model:ref:refs/heads/main",
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": str(uuid4()),
            "environment": "production",
            "ref_protected": True,
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key or self.keys[kid], algorithm, headers={"kid": kid})

    def jwks(self) -> dict[str, Any]:
        shapes = {
            kid: json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
            for kid, key in self.keys.items()
        }
        return {"keys": [{**shape, "kid": kid, "use": "sig"} for kid, shape in shapes.items()]}

    def _answer(self, path: str) -> bytes:
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            return json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/keys"}).encode()
        return json.dumps(self.jwks()).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            path = request.split()[1].decode()
            self.asked.append(path)
            if self.hangs:
                await self.released.wait()
            body = self._answer(path)
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def fake_issuer(directory: Path) -> AsyncIterator[FakeIssuer]:
    """Serves until the block ends; `ca.pem` in the directory is its CA."""
    key = certificates.new_key()
    identity = SpiffeId("issuer.test", Role.GATEWAY, uuid4())
    chain = certificates.sign_leaf(
        _AUTHORITY, key.public_key(), identity, now=datetime.now(UTC), extra_names=["127.0.0.1"]
    )
    (directory / "issuer.pem").write_bytes(certificates.key_to_pem(key) + chain)
    (directory / "ca.pem").write_bytes(_AUTHORITY.pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / "issuer.pem")
    issuer = FakeIssuer()
    server = await asyncio.start_server(issuer.serve, "127.0.0.1", 0, ssl=context)
    issuer.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield issuer
        issuer.released.set()
