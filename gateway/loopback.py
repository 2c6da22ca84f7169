"""Listeners without TLS: for browsers of this machine under names that mean it, and for probes."""

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_OURS: Final = re.compile(rb"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_MISDIRECTED: Final = 421
_NOT_FOUND: Final = 404
_HEALTH_ALONE: Final = b'{"code":5,"message":"this address serves health alone","details":[]}'
_TOLD: Final = b'{"code":9,"message":"this address serves localhost alone","details":[]}'


class OfThisMachine:
    """Refuses requests for any other name.

    A page of somebody else's can have its own name resolved to 127.0.0.1, and would then be of
    the same origin as what it finds there.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1 and _OURS.fullmatch(hosts[0]):
            await self._app(scope, receive, send)
            return
        await _refuse(send, _MISDIRECTED, _TOLD)


class ForProbes:
    """Serves these paths alone: everything else is asked for over TLS."""

    def __init__(self, app: ASGIApp, paths: frozenset[str]) -> None:
        self._app = app
        self._paths = frozenset(path.encode() for path in paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["raw_path"] in self._paths:
            await self._app(scope, receive, send)
            return
        await _refuse(send, _NOT_FOUND, _HEALTH_ALONE)


async def _refuse(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
