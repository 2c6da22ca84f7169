"""HTTP listeners: uvicorn with TLS, limits of our own, and an end that we decide."""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

# A request's head: beyond the longest URL, so that an overlong one still gets its 414.
_MAX_HEAD_BYTES = 64 << 10
_KEEP_ALIVE_S = 75


class JsonH11Protocol(H11Protocol):
    """Answers what is not HTTP in the form of every other error."""

    def send_400_response(self, msg: str) -> None:
        body = json.dumps({"code": 3, "message": msg, "details": []}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        response = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which would end the process by the signal."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class HttpListener:
    """One listening socket; `address` is "host:port", where port 0 takes any free one."""

    def __init__(
        self, app: Any, address: str, *, tls: ssl.SSLContext | None = None, drain_s: float = 20
    ) -> None:
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, int(port)), family=family, backlog=1024)
        self.port = int(self._socket.getsockname()[1])
        self._server = _Server(_config(app, tls, drain_s))
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serves from now on."""
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        ready = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait({self._serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            await self._serving

    async def stop(self) -> None:
        """Closes the socket, and waits for requests under way."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving


def _config(app: Any, tls: ssl.SSLContext | None, drain_s: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=JsonH11Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        # Forwarded headers are believed by rule 45 alone.
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(drain_s)),
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
        ssl_context_factory=(lambda *_: tls) if tls else None,
    )


def tls_context(certificate_file: Path, key_file: Path) -> ssl.SSLContext:
    """TLS for browsers: 1.2 or newer, HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate_file, key_file)
    return context
