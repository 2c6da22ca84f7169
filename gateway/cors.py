"""Cross-origin requests: off unless an origin is listed; rule 64."""

from collections.abc import Iterable, Mapping
from typing import Final

_ANY: Final = "*"
_EXPOSED: Final = ("ETag", "Retry-After", "x-request-id")
_REQUEST_HEADERS: Final = (
    b"authorization, content-type, grpc-timeout, idempotency-key, if-match, if-none-match,"
    b" last-event-id, traceparent, tracestate, x-request-id, x-weft-client, x-weft-csrf"
)
_MAX_AGE_S: Final = b"600"

RawHeaderList = list[tuple[bytes, bytes]]


class Cors:
    """Answers which origins may read what; with "*", none may send credentials."""

    def __init__(self, origins: frozenset[str], public_metadata: Iterable[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)
        self._any = _ANY in origins
        metadata = (f"Grpc-Metadata-{key}" for key in sorted(public_metadata))
        self._exposed = ", ".join((*_EXPOSED, *metadata)).encode()

    def headers(self, request: Mapping[bytes, bytes]) -> RawHeaderList:
        """Headers that let the page that asks read the response; empty for most requests."""
        origin = request.get(b"origin")
        if origin is None or not self._origins:
            return []
        exposed = (b"access-control-expose-headers", self._exposed)
        if self._any:
            return [(b"access-control-allow-origin", b"*"), exposed]
        vary = (b"vary", b"origin")
        if origin not in self._origins:
            return [vary]
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            exposed,
            vary,
        ]

    def preflight(self, request: Mapping[bytes, bytes]) -> RawHeaderList:
        """Headers of a preflight's answer; empty where the origin is not listed."""
        wanted = request.get(b"access-control-request-method")
        allowed = self.headers(request)
        if wanted is None or not any(key == b"access-control-allow-origin" for key, _ in allowed):
            return []
        return [
            *allowed,
            (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
            (b"access-control-allow-headers", _REQUEST_HEADERS),
            (b"access-control-max-age", _MAX_AGE_S),
        ]
