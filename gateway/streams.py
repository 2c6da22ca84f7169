"""Server streams over HTTP: JSON lines, server-sent events, and files; rules 53-60."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import grpc

from gateway.errors import Problem
from gateway.printer import dumps
from gateway.transcoder import HttpRequest, Transcoder, raw_type
from meshkit.errors import DeadlineExceeded, Unavailable

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
RawHeaderList = list[tuple[bytes, bytes]]

ENDED_METADATA: Final = "x-weft-ended"
_HEADERS: Final = [
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
_RECONNECT_MS: Final = 2000


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that streams wait.

    `open_s` bounds the time to the service's metadata. After it, the head of the response waits
    `head_s` for a first message or error, so that a refusal still gets its HTTP status.
    """

    open_s: float = 10
    head_s: float = 1
    ping_s: float = 15


class Framing(Protocol):
    """How messages become bytes."""

    preamble: bytes
    ping: bytes

    def content_type(self, first: Any) -> bytes:
        """The response's type; `first` is the first message, if one has come."""

    def message(self, message: Any) -> bytes:
        """Frames a message."""

    def error(self, problem: Problem) -> bytes:
        """Frames an error after which the stream closes."""

    def is_last(self, message: Any) -> bool:
        """Whether nothing may follow this message."""


class Lines:
    """`{"result": ...}` per line; a late error is the last line."""

    preamble = b""
    ping = b""

    def __init__(self, transcoder: Transcoder, content_type: bytes) -> None:
        self._to_json = transcoder.to_json
        self._content_type = content_type

    def content_type(self, first: Any) -> bytes:  # noqa: ARG002
        return self._content_type

    def message(self, message: Any) -> bytes:
        return dumps({"result": self._to_json(message)}) + b"\n"

    def error(self, problem: Problem) -> bytes:
        return dumps({"error": problem.body}) + b"\n"

    def is_last(self, message: Any) -> bool:  # noqa: ARG002
        return False


class Events:
    """Server-sent events, each with the stream's resume point as its id."""

    preamble = f"retry: {_RECONNECT_MS}\n\n".encode()
    ping = b": ping\n\n"

    def __init__(self, transcoder: Transcoder) -> None:
        self._to_json = transcoder.to_json
        fields = transcoder.route.rpc.output_type.fields_by_name
        policy = transcoder.route.stream
        self._cursor = policy.cursor_field if policy else ""
        self._has_end = "end_of_stream" in fields
        self._has_bookmark = "bookmark" in fields and fields["bookmark"].has_presence
        self._has_more = "more_in_revision" in fields

    def content_type(self, first: Any) -> bytes:  # noqa: ARG002
        return b"text/event-stream"

    def message(self, message: Any) -> bytes:
        return self._event(self._kind(message), self._to_json(message), self._id(message))

    def error(self, problem: Problem) -> bytes:
        return self._event("error", problem.body, "")

    def is_last(self, message: Any) -> bool:
        return self._has_end and bool(message.end_of_stream)

    def _kind(self, message: Any) -> str:
        if self.is_last(message):
            return "end"
        return "bookmark" if self._has_bookmark and message.HasField("bookmark") else "message"

    def _id(self, message: Any) -> str:
        # A message in the middle of a revision is no point to resume from (S7).
        if not self._cursor or (self._has_more and message.more_in_revision):
            return ""
        value = getattr(message, self._cursor)
        text = str(value) if value else ""
        return text if text.isprintable() else ""

    def _event(self, kind: str, data: Any, event_id: str) -> bytes:
        line = f"id: {event_id}\n" if event_id else ""
        return f"{line}event: {kind}\ndata: ".encode() + dumps(data) + b"\n\n"


class Parts:
    """The data of HttpBody messages, one after the other; an error cuts the connection."""

    preamble = b""
    ping = b""

    def content_type(self, first: Any) -> bytes:
        return raw_type(first) if first is not None else b"application/octet-stream"

    def message(self, message: Any) -> bytes:
        return bytes(message.data)

    def error(self, problem: Problem) -> bytes:
        raise StreamCutError(problem.body["message"])

    def is_last(self, message: Any) -> bool:  # noqa: ARG002
        return False


class StreamCutError(Exception):
    """A file broke off: the server closes the connection, so that nobody takes it for whole."""


def framing_of(transcoder: Transcoder, accept: bytes) -> Framing:
    """The framing that a client accepts."""
    if transcoder.is_raw:
        return Parts()
    if b"text/event-stream" in accept:
        return Events(transcoder)
    ndjson = b"application/x-ndjson" in accept
    return Lines(transcoder, b"application/x-ndjson" if ndjson else b"application/json")


class Relay:
    """One stream from a service to a client.

    Holds one message at most: the next is read after the server has taken the last.
    """

    def __init__(
        self,
        call: Any,
        transcoder: Transcoder,
        request: HttpRequest,
        *,
        timing: Timing,
        describe: Callable[[BaseException], Problem],
        headers: Callable[[Iterable[tuple[str, str | bytes]]], RawHeaderList],
    ) -> None:
        self._call = call
        self._parse = transcoder.parse
        self._framing = framing_of(transcoder, request.headers.get(b"accept", b""))
        self._is_reconnect = (
            isinstance(self._framing, Events) and b"last-event-id" in request.headers
        )
        self._head_only = request.http_method == "HEAD"
        self._timing = timing
        self._describe = describe
        self._headers = headers
        self._gone = False
        self._stopping = False

    async def run(self, receive: Receive, send: Send) -> int:
        """Relays until either side ends; answers the HTTP status.

        Raises what the service answered if that came before the response's head.
        """
        watcher = asyncio.ensure_future(self._watch(receive))
        try:
            return await self._relay(send)
        except asyncio.CancelledError:
            # Cancelling the call, by `stop` or the watcher, shows up here as well.
            if self._gone:
                return 499
            if self._stopping:
                raise Unavailable("GATEWAY_STOPPING", "the gateway is restarting") from None
            raise
        finally:
            self._call.cancel()
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher

    def stop(self) -> None:
        """Ends the stream with an error that asks to come again."""
        self._stopping = True
        self._call.cancel()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._call.cancel()

    async def _relay(self, send: Send) -> int:
        metadata = await self._opened()
        if self._is_reconnect and any(key == ENDED_METADATA for key, _ in metadata):
            await _send_head(send, 204, self._headers(metadata))
            await send({"type": "http.response.body", "body": b""})
            return 204
        read = asyncio.ensure_future(self._read())
        try:
            await asyncio.wait({read}, timeout=self._timing.head_s)
            first = read.result() if read.done() else None
            content_type = (b"content-type", self._framing.content_type(first))
            await _send_head(send, 200, [content_type, *_HEADERS, *self._headers(metadata)])
            if not self._head_only:
                await self._send_body(read, send)
        finally:
            read.cancel()
        await send({"type": "http.response.body", "body": b""})
        return 200

    async def _opened(self) -> Any:
        try:
            async with asyncio.timeout(self._timing.open_s):
                return await self._call.initial_metadata()
        except TimeoutError:
            raise DeadlineExceeded("UPSTREAM_SILENT", "the service did not answer") from None

    async def _read(self) -> Any:
        """The next message, or None at the end."""
        data = await self._call.read()
        return None if data is grpc.aio.EOF else self._parse(data)

    async def _send_body(self, read: "asyncio.Future[Any]", send: Send) -> None:
        try:
            if self._framing.preamble:
                await _send_part(send, self._framing.preamble)
            await self._send_messages(read, send)
        except asyncio.CancelledError:
            if self._gone or not self._stopping:
                raise
            stopping = Unavailable("GATEWAY_STOPPING", "the gateway is restarting")
            await _send_part(send, self._framing.error(self._describe(stopping)))
        except StreamCutError:
            raise
        except Exception as error:  # noqa: BLE001 - the head is sent: every error is an event now
            await _send_part(send, self._framing.error(self._describe(error)))

    async def _send_messages(self, read: "asyncio.Future[Any]", send: Send) -> None:
        while True:
            message = await self._next(read, send)
            if message is None:
                return
            await _send_part(send, self._framing.message(message))
            if self._framing.is_last(message):
                return
            read = asyncio.ensure_future(self._read())

    async def _next(self, read: "asyncio.Future[Any]", send: Send) -> Any:
        try:
            while self._framing.ping:
                done, _ = await asyncio.wait({read}, timeout=self._timing.ping_s)
                if done:
                    break
                await _send_part(send, self._framing.ping)
            return await read
        finally:
            read.cancel()


async def _send_head(send: Send, status: int, headers: RawHeaderList) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _send_part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
