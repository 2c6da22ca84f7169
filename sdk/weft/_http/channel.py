"""A channel whose calls are HTTP requests to the gateway, shaped as `grpc.Channel` is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPException, HTTPResponse
from importlib import metadata as packages
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import grpc
from google.api.httpbody_pb2 import HttpBody
from google.protobuf import json_format

from weft._http.bindings import place_of
from weft._http.errors import HttpCallError, of_answer, of_failure, of_status
from weft._http.reports import STREAM_REPORTS, report_by_calls
from weft._http.wire import CancelledError, Exchange, Origin, Question

if TYPE_CHECKING:
    from google.protobuf.message import Message

Metadata = Sequence[tuple[str, str | bytes]] | None
_FAILURES = (OSError, HTTPException, CancelledError)
_LINES = "application/x-ndjson"
_ANNOTATED = "/api/workspace"
_PART_BYTES = 1 << 16
_MAX_TIMEOUT_MS = 99_999_999


class HttpChannel:
    """Calls to a control plane, `https://gateway`, or `https://gateway/api/workspaces/<id>`."""

    def __init__(self, url: str, ca_pem: str) -> None:
        self._prefix = urlsplit(url).path.rstrip("/")
        self._origin = Origin(url, ca_pem)
        self._agent = f"weft/{packages.version('weft')}"

    def unary_unary(self, method: str, *_: Any, response_deserializer: Any, **__: Any) -> Any:
        """A method that answers once."""
        new = _maker(response_deserializer)

        def call(
            request: Message, *, timeout: float | None = None, metadata: Metadata = None
        ) -> Any:
            return self._answer(self._question(method, request, timeout, metadata), new, timeout)

        return call

    def unary_stream(self, method: str, *_: Any, response_deserializer: Any, **__: Any) -> Any:
        """A method that answers with a stream."""
        new = _maker(response_deserializer)

        def call(
            request: Message, *, timeout: float | None = None, metadata: Metadata = None
        ) -> HttpStream:
            question = self._question(method, request, timeout, metadata, accept=_LINES)
            return HttpStream(Exchange(self._origin), question, new)

        return call

    def stream_stream(self, method: str, *_: Any, **__: Any) -> Any:
        """A method that is spoken to in a stream: its unary twin in turns, or UNIMPLEMENTED."""

        def call(requests: Iterator[Any], *, metadata: Metadata = None, **_: Any) -> Any:
            self._origin.check_open()
            if method != STREAM_REPORTS:
                raise HttpCallError(grpc.StatusCode.UNIMPLEMENTED, f"{method} is gRPC's alone")
            return report_by_calls(cast("grpc.Channel", self), requests, metadata)

        return call

    stream_unary = stream_stream

    def close(self) -> None:
        """Ends open calls with CANCELLED; later ones raise ValueError."""
        self._origin.close()

    def _question(
        self,
        method: str,
        request: Message,
        timeout_s: float | None,
        metadata: Metadata,
        *,
        accept: str = "application/json",
    ) -> Question:
        self._origin.check_open()
        place = place_of(method, request)
        headers = {key: str(value) for key, value in metadata or ()}
        headers |= {"accept": accept, "user-agent": self._agent}
        if timeout_s is not None:
            headers["grpc-timeout"] = f"{min(round(timeout_s * 1000), _MAX_TIMEOUT_MS)}m"
        if place.body is not None:
            headers["content-type"] = "application/json"
        path = self._prefix + place.path.removeprefix(_ANNOTATED) if self._prefix else place.path
        target = f"{path}?{place.query}" if place.query else path
        return Question(place.method, target, headers, place.body)

    def _answer(self, question: Question, new: Callable[[], Any], timeout_s: float | None) -> Any:
        exchange = Exchange(self._origin)
        try:
            response = exchange.ask(question, timeout_s)
            content = response.read()
            exchange.raise_if_cancelled()
        except _FAILURES as error:
            exchange.abandon()
            raise of_failure(exchange.cause(error)) from None
        except BaseException:
            exchange.abandon()
            raise
        exchange.finish()
        if not _is_well(response):
            raise of_answer(response.status, response.headers, content)
        return _message(new(), response, content)


class HttpStream:
    """The messages of a stream, read line by line; opened when the first is asked for."""

    def __init__(self, exchange: Exchange, question: Question, new: Callable[[], Any]) -> None:
        self._exchange = exchange
        self._question = question
        self._new = new
        self._is_over = False
        self._messages = self._read()

    def __iter__(self) -> HttpStream:
        return self

    def __next__(self) -> Any:
        return next(self._messages)

    def cancel(self) -> None:
        """Ends the stream, from any thread."""
        self._exchange.cancel()

    def done(self) -> bool:
        """Whether nothing comes any more."""
        return self._is_over

    def _read(self) -> Iterator[Any]:
        try:
            response = self._exchange.ask(self._question, None)
            if not _is_well(response):
                raise of_answer(response.status, response.headers, response.read())
            is_raw = self._new().DESCRIPTOR is HttpBody.DESCRIPTOR
            yield from self._parts(response) if is_raw else self._lines(response)
        except _FAILURES as error:
            raise of_failure(self._exchange.cause(error)) from None
        finally:
            self._is_over = True
            self._exchange.abandon()

    def _lines(self, response: HTTPResponse) -> Iterator[Any]:
        for line in _lines_of(response):
            try:
                said = json.loads(line)
                message = _result(said, self._new())
            except (ValueError, KeyError, TypeError, json_format.ParseError) as error:
                raise _of_no_gateway(response, error) from None
            if "error" in said:
                raise of_status(said["error"], {"x-request-id": response.headers["x-request-id"]})
            yield message
        self._exchange.raise_if_cancelled()

    def _parts(self, response: HTTPResponse) -> Iterator[Any]:
        kind = response.headers.get("content-type", "")
        while data := response.read1(_PART_BYTES):
            yield HttpBody(content_type=kind, data=data)
        self._exchange.raise_if_cancelled()


def _maker(deserializer: Any) -> Callable[[], Any]:
    """Makes empty messages with what makes full ones: stubs tell the type in no other way."""
    return lambda: deserializer(b"")


def _lines_of(response: HTTPResponse) -> Iterator[bytes]:
    """The lines of a response; raises IncompleteRead where it was cut, as `readline` does not."""
    rest = b""
    while data := response.read1(_PART_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        yield from lines


def _is_well(response: HTTPResponse) -> bool:
    return 200 <= response.status < 300  # noqa: PLR2004


def _message(message: Any, response: HTTPResponse, content: bytes) -> Any:
    if message.DESCRIPTOR is HttpBody.DESCRIPTOR:
        return HttpBody(content_type=response.headers.get("content-type", ""), data=content)
    if not content:
        return message
    try:
        return json_format.Parse(content, message, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise _of_no_gateway(response, error) from None


def _result(said: Any, message: Any) -> Any:
    """The message that a line of a stream holds; empty where it holds the stream's error."""
    if "error" in said:
        return message
    return json_format.ParseDict(said["result"], message, ignore_unknown_fields=True)


def _of_no_gateway(response: HTTPResponse, error: Exception) -> HttpCallError:
    """Of a portal that answers 200 with a page of its own."""
    detail = f"HTTP {response.status} of no gateway: {error}"
    return HttpCallError(grpc.StatusCode.UNAVAILABLE, detail)
