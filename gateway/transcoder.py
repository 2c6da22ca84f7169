"""One route's translation between HTTP and protobuf bytes; pure, without sockets.

Rules 13-18 and 25 (requests), 35-40 (masks, etags, responses).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from gateway import query, templates
from gateway.contract import message_class
from gateway.errors import Refused
from gateway.masks import mask_field, paths_of
from gateway.parser import Parser, loads
from gateway.printer import Convert, Printer, dumps
from gateway.routes import HTTP_BODY, WHOLE_BODY, Route
from meshkit.errors import Internal, InvalidArgument

_JSON_TYPE: Final = re.compile(
    r'application/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?', re.IGNORECASE
)
_INDENT: Final = re.compile(rb"application/json\s*;\s*indent\s*=\s*([0-8])\b")
_ETAG: Final = re.compile(r'(?:W/)?"([^"]*)"')
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SHALLOW_BYTES: Final = 200
_HEADER_TEXT: Final = re.compile(r"[\x20-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a client asked, once its route is known. `headers` are lower-case, one value each."""

    http_method: str
    segments: list[str]
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response in one piece."""

    status: int
    content_type: bytes
    body: bytes
    etag: str = ""


class Transcoder:
    """Compiled from a route, then used for each of its requests."""

    def __init__(self, route: Route, parser: Parser, printer: Printer) -> None:
        self.route = route
        self._parser = parser
        self._request = message_class(route.rpc.input_type)
        self._response = message_class(route.rpc.output_type)
        self._query = query.QueryReader(route.rpc.input_type, parser, _covered(route))
        self._mask = mask_field(route.rpc.input_type) if _makes_masks(route) else None
        self._resume = _resume_field(route)
        self._captures = [
            (capture.variable, query.capture_setter(capture.fields)) for capture in route.captures
        ]
        self._etag = _etag_reader(route)
        self._print = _response_printer(route, printer)
        self._takes_raw = route.takes_raw
        self.is_raw = route.rpc.output_type.full_name == HTTP_BODY

    def read(self, request: HttpRequest) -> bytes:
        """Turns a request into protobuf bytes; raises MeshError or Refused."""
        message = self._request()
        members = self._read_body(message, request)
        self._read_path(message, request)
        parameters = query.parse(request.query)
        if parameters and self.route.body == WHOLE_BODY:
            raise InvalidArgument(
                "NOT_A_PARAMETER", f"{parameters[0].name}: this method takes its body alone"
            )
        self._query.fill(message, parameters)
        self._resume_after(message, request.headers.get(b"last-event-id"))
        self._fill_request_id(message, request.headers.get(b"idempotency-key"))
        self._fill_etag(message, request)
        self._fill_mask(message, members)
        return _serialized(message)

    def write(self, data: bytes, request: HttpRequest) -> Answer:
        """Turns the response's bytes into HTTP."""
        message = self.parse(data)
        if self.is_raw:
            return Answer(self.route.success_code, raw_type(message), message.data)
        etag = self._etag(message) if self._etag is not None else ""
        if etag and request.http_method in ("GET", "HEAD") and _is_known(etag, request.headers):
            return Answer(304, b"", b"", etag)
        if self.route.success_code == 204:  # noqa: PLR2004
            return Answer(204, b"", b"", etag)
        indent = _INDENT.search(request.headers.get(b"accept", b""))
        body = dumps(self.to_json(message), int(indent[1]) if indent else None)
        return Answer(self.route.success_code, b"application/json", body, etag)

    def parse(self, data: bytes) -> Any:
        """Parses response bytes; a service that sends something else is at fault."""
        try:
            return self._response.FromString(data)
        except DecodeError:
            raise Internal("UPSTREAM_MALFORMED", "the service's answer is malformed") from None

    def to_json(self, message: Message) -> Any:
        """The response as plain JSON values."""
        return self._print(message)

    def _read_body(self, message: Any, request: HttpRequest) -> dict[str, Any]:
        if self._takes_raw:
            target = getattr(message, self.route.body)
            target.SetInParent()
            target.data = request.body
            sent = request.headers.get(b"content-type", b"").decode("latin-1")
            target.content_type = sent if _HEADER_TEXT.fullmatch(sent) else ""
            return {}
        if not request.body:
            return {}
        if not self.route.body:
            if request.body.isspace():
                return {}
            raise InvalidArgument("BODY_NOT_ALLOWED", "this method takes no body")
        _check_content_type(request.headers.get(b"content-type", b""))
        if request.body.isspace():
            return {}
        members = loads(request.body)
        if self.route.body == WHOLE_BODY:
            self._parser.fill(members, message)
        else:
            target = getattr(message, self.route.body)
            target.SetInParent()
            self._parser.fill(members, target, self.route.body)
        return members if isinstance(members, dict) else {}

    def _read_path(self, message: Message, request: HttpRequest) -> None:
        for variable, set_captured in self._captures:
            try:
                value = templates.capture(variable, request.segments)
            except ValueError:
                raise InvalidArgument(
                    "MALFORMED_PATH", f"{variable.field_path}: malformed escape in the path"
                ) from None
            set_captured(message, value)

    def _resume_after(self, message: Message, last_event_id: bytes | None) -> None:
        if last_event_id and self._resume is not None:
            query.set_resume_point(message, self._resume, last_event_id.decode("latin-1"))

    def _fill_request_id(self, message: Any, key: bytes | None) -> None:
        if key is None:
            return
        request_id = key.decode("latin-1")
        if not _UUID.fullmatch(request_id):
            raise InvalidArgument("MALFORMED_IDEMPOTENCY_KEY", "Idempotency-Key must be a UUID")
        if _is_text(message.DESCRIPTOR, "request_id"):
            if message.request_id not in ("", request_id):
                raise InvalidArgument(
                    "IDEMPOTENCY_KEY_CONFLICT", "Idempotency-Key differs from the request_id"
                )
            message.request_id = request_id

    def _fill_etag(self, message: Any, request: HttpRequest) -> None:
        sent = request.headers.get(b"if-match", b"").decode("latin-1")
        if not sent or sent == "*" or request.http_method in ("GET", "HEAD"):
            return
        match = _ETAG.fullmatch(sent)
        if match is None or sent.startswith("W/"):
            raise InvalidArgument("MALFORMED_IF_MATCH", "If-Match must hold one strong ETag")
        holder = self._etag_holder(message)
        if holder is None:
            # A condition that nobody checks must not look as if it held.
            raise InvalidArgument("IF_MATCH_NOT_SUPPORTED", "this method takes no If-Match")
        holder.etag = holder.etag or match[1]

    def _etag_holder(self, message: Any) -> Any:
        if _is_text(message.DESCRIPTOR, "etag"):
            return message
        body = self.route.body
        if body and body != WHOLE_BODY and _is_text(getattr(message, body).DESCRIPTOR, "etag"):
            return getattr(message, body)
        return None

    def _fill_mask(self, message: Any, members: dict[str, Any]) -> None:
        if self._mask is None:
            return
        mask = getattr(message, self._mask.name)
        if mask.paths:
            return
        body = self.route.body
        # What the path says identifies the resource; it is no change to it.
        captured = {capture.variable.field_path for capture in self.route.captures}
        found = paths_of(getattr(message, body).DESCRIPTOR, members)
        paths = [path for path in found if f"{body}.{path}" not in captured]
        if not paths:
            raise InvalidArgument("NOTHING_TO_UPDATE", "the body is empty and no mask is given")
        mask.paths.extend(paths)


def _covered(route: Route) -> list[str]:
    covered = [capture.variable.field_path for capture in route.captures]
    return [*covered, route.body] if route.body else covered


def _makes_masks(route: Route) -> bool:
    return route.http_method == "PATCH" and route.body not in ("", WHOLE_BODY)


def _resume_field(route: Route) -> FieldDescriptor | None:
    if route.stream is None or not route.stream.resume_field:
        return None
    return route.rpc.input_type.fields_by_name[route.stream.resume_field]


def _response_printer(route: Route, printer: Printer) -> Convert:
    if not route.response_body:
        return printer.of(route.rpc.output_type)
    field = route.rpc.output_type.fields_by_name[route.response_body]
    convert, name = printer.field(field), field.name
    return lambda message: convert(getattr(message, name))


def _check_content_type(sent: bytes) -> None:
    if not _JSON_TYPE.fullmatch(sent.decode("latin-1")):
        raise Refused(
            InvalidArgument("UNSUPPORTED_MEDIA_TYPE", "send Content-Type: application/json"),
            http_status=415,
        )


def _serialized(message: Message) -> bytes:
    data = message.SerializeToString()
    # Parsers stop at 100 levels, and a level takes two bytes at least: what could be too deep
    # for the service is tried here, where it is a client's error.
    if len(data) > _SHALLOW_BYTES:
        try:
            type(message).FromString(data)
        except DecodeError:
            raise InvalidArgument(
                "NESTED_TOO_DEEPLY", "the request nests too deeply for protobuf"
            ) from None
    return data


def _is_text(descriptor: Descriptor, name: str) -> bool:
    field = descriptor.fields_by_name.get(name)
    return field is not None and field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated


def _etag_reader(route: Route) -> Callable[[Any], str] | None:
    """Reads the etag of a response; None where its message has none."""
    name = route.response_body
    field = route.rpc.output_type.fields_by_name[name] if name else None
    source = field.message_type if field is not None else route.rpc.output_type
    is_list = field is not None and field.is_repeated
    if source is None or is_list or not _is_text(source, "etag"):
        return None

    def read(message: Any) -> str:
        etag = str((getattr(message, name) if name else message).etag)
        return etag if _HEADER_TEXT.fullmatch(etag) and '"' not in etag else ""

    return read


def _is_known(etag: str, headers: Mapping[bytes, bytes]) -> bool:
    sent = headers.get(b"if-none-match", b"").decode("latin-1")
    return sent.strip() == "*" or etag in _ETAG.findall(sent)


def raw_type(message: Any) -> bytes:
    """The content type of an HttpBody; bytes of unknown kind where it is not fit for a header."""
    content_type = str(message.content_type)
    fits = _HEADER_TEXT.fullmatch(content_type)
    return content_type.encode() if fits else b"application/octet-stream"
