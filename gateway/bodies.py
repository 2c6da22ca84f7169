"""Limits of requests: bodies, read incrementally and for a time, addresses and heads; rule 17."""

import asyncio
from collections.abc import Iterable, Mapping

from starlette.types import Receive

from gateway.errors import Refused
from meshkit.errors import DeadlineExceeded, InvalidArgument, ResourceExhausted


class ClientGoneError(Exception):
    """The client closed the connection in the middle of its request."""


async def read_body(
    headers: Mapping[bytes, bytes], receive: Receive, *, limit: int, timeout_s: float
) -> bytes:
    """Reads the whole body; raises Refused 413 or 408, or ClientGoneError."""
    length = headers.get(b"content-length")
    if length is None and b"transfer-encoding" not in headers:
        return b""
    if length is not None and (not length.isdigit() or int(length) > limit):
        raise _too_large(limit)
    try:
        async with asyncio.timeout(timeout_s):
            return await _read(receive, limit)
    except TimeoutError:
        raise Refused(
            DeadlineExceeded("BODY_TIMEOUT", "the request's body did not arrive in time"),
            http_status=408,
            headers={"connection": "close"},
        ) from None


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _too_large(limit: int) -> Refused:
    return Refused(
        ResourceExhausted("BODY_TOO_LARGE", f"the body may hold {limit} bytes"),
        http_status=413,
        headers={"connection": "close"},
    )


def refuse_long_url(path: bytes, query: bytes, limit: int) -> None:
    """Raises Refused 414 for an address longer than the limit."""
    if len(path) + len(query) > limit:
        raise Refused(
            InvalidArgument("URL_TOO_LONG", f"the URL may hold {limit} bytes"), http_status=414
        )


def refuse_large_head(headers: Iterable[tuple[bytes, bytes]], limit: int) -> None:
    """Raises Refused 431 for more header fields than services would take as metadata."""
    if sum(len(name) + len(value) for name, value in headers) > limit:
        raise Refused(
            InvalidArgument("HEADERS_TOO_LARGE", f"the headers may hold {limit} bytes"),
            http_status=431,
        )
