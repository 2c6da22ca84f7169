"""The listener without TLS: for browsers of this machine, and for names that mean this machine."""

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_OURS: Final = re.compile(rb"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_MISDIRECTED: Final = 421
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
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(_TOLD)).encode()),
        ]
        await send({"type": "http.response.start", "status": _MISDIRECTED, "headers": headers})
        await send({"type": "http.response.body", "body": _TOLD})
