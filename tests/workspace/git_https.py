"""A real `git http-backend` behind TLS and a door that wants a login."""

import asyncio
import base64
import os
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from aiohttp import web

from meshkit import certificates
from meshkit.spiffe import Role, SpiffeId

# No DNS knows it.
NAME = "git.example"
LOGIN = ("robot", "a-token-that-reads-code")


@dataclass
class GitHttps:
    """Serves the bare repositories of a folder; a test sets what goes wrong."""

    folder: Path
    ca_file: Path
    login: tuple[str, str] | None = LOGIN
    # Answered to everything instead of what is right.
    failure: tuple[int, dict[str, str]] | None = None
    host: str = ""
    seen: list[str] = field(default_factory=list)

    def url(self, repository: str) -> str:
        return f"https://{self.host}/{repository}"

    async def handle(self, request: web.Request) -> web.Response:
        given = request.headers.get("authorization", "")
        self.seen.append(given)
        if self.failure:
            return web.Response(status=self.failure[0], headers=self.failure[1])
        if self.login and given != _basic(*self.login):
            return web.Response(status=401, headers={"www-authenticate": 'Basic realm="git"'})
        body = await request.read()
        answer = await asyncio.to_thread(self._backend, request, body)
        head, _, content = answer.partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode().split("\r\n")]
        headers = {name: value for name, _, value in lines}
        status = int(headers.pop("Status", "200").split()[0])
        return web.Response(status=status, headers=headers, body=content)

    def _backend(self, request: web.Request, body: bytes) -> bytes:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "REQUEST_METHOD": request.method,
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
        }
        command = ["git", "http-backend"]
        done = subprocess.run(
            command, env=environment, input=body, capture_output=True, check=False
        )
        return done.stdout


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _write_keys(folder: Path) -> tuple[Path, Path]:
    """A CA, and a file with a key and certificate of it for this machine and `NAME`."""
    folder.mkdir()
    now, key = datetime.now(UTC), certificates.new_key()
    authority = certificates.make_authority("CA of the host", now=now)
    identity = SpiffeId("code.test", Role.GATEWAY, UUID(int=1))
    names = ["127.0.0.1", NAME]
    leaf = certificates.sign_leaf(authority, key.public_key(), identity, now=now, extra_names=names)
    ca, pair = folder / "ca.pem", folder / "pair.pem"
    ca.write_bytes(authority.pem)
    pair.write_bytes(certificates.key_to_pem(key) + leaf)
    return ca, pair


@asynccontextmanager
async def git_https(folder: Path, keys: Path) -> AsyncIterator[GitHttps]:
    """Serves it on a loopback port until the block ends; `keys` gets its CA."""
    ca_file, pair = _write_keys(keys)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pair)
    server = GitHttps(folder, ca_file)
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    server.host = f"127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
