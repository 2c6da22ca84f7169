"""The HTTP table, built once from the `google.api.http` options: rules 1-5 and 9-11.

A wrong annotation stops the start: an API that half works is found later, by users.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from google.api import annotations_pb2
from google.protobuf.descriptor import (
    Descriptor,
    FieldDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)

from gateway import templates
from gateway.contract import options
from gateway.errors import Refused
from gateway.templates import REST, STAR, Template
from meshkit.errors import NotFound, Unimplemented

WHOLE_BODY = "*"
HTTP_BODY = "google.api.HttpBody"
_BODILESS = frozenset(("GET", "DELETE"))
# HEAD is served from GET, OPTIONS belongs to CORS, the others to connections.
_RESERVED_METHODS = frozenset(("HEAD", "OPTIONS", "CONNECT", "TRACE"))
_METHOD = re.compile(r"[A-Z]{1,20}")
_SUCCESS_CODES = frozenset((0, 200, 201, 202, 204))


class RouteError(Exception):
    """An annotation that cannot be served."""


@dataclass(frozen=True, slots=True)
class Capture:
    """A path variable and the chain of fields that it sets."""

    variable: templates.Variable
    fields: tuple[FieldDescriptor, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """One binding of one RPC: an HTTP method and a path template."""

    rpc: MethodDescriptor
    http_method: str
    path: str
    template: Template
    captures: tuple[Capture, ...]
    body: str
    response_body: str
    success_code: int
    stream: options.StreamPolicy | None

    @property
    def is_stream(self) -> bool:
        return bool(self.rpc.server_streaming)

    @property
    def takes_raw(self) -> bool:
        """Whether the body is passed on as it stands, with headers that say what it is."""
        field = self.rpc.input_type.fields_by_name.get(self.body)
        return bool(field and field.message_type and field.message_type.full_name == HTTP_BODY)

    @property
    def rpc_path(self) -> str:
        """The method as gRPC calls it."""
        assert self.rpc.containing_service is not None
        return f"/{self.rpc.containing_service.full_name}/{self.rpc.name}"


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    star: "_Node | None" = None
    rest: "_Node | None" = None
    # Routes that end here: by verb ("" without), then by HTTP method.
    ends: dict[str, dict[str, Route]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A route and the raw segments that it matched, without the verb."""

    route: Route
    segments: list[str]


class RouteTable:
    """Finds the route of a request."""

    def __init__(self, services: Iterable[ServiceDescriptor]) -> None:
        self._root = _Node()
        self.routes: list[Route] = []
        for service in services:
            for rpc in service.methods:
                for route in _routes_of(rpc):
                    self._add(route)
                    self.routes.append(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.template.segments:
            node = _child(node, segment)
        methods = node.ends.setdefault(route.template.verb, {})
        if route.http_method in methods:
            other = methods[route.http_method]
            raise RouteError(
                f"{route.rpc.full_name} and {other.rpc.full_name} both serve "
                f"{route.http_method} {route.path}"
            )
        methods[route.http_method] = route

    def find(self, http_method: str, path: str) -> Match:
        """Finds the route for a raw path; raises NotFound (404) or Refused (405)."""
        method = "GET" if http_method == "HEAD" else http_method
        segments = path.split("/")[1:]
        allowed: set[str] = set()
        for methods, matched in _walk(self._root, segments, 0):
            route = methods.get(method)
            if route is not None:
                return Match(route, matched)
            allowed.update(methods)
        if allowed:
            raise not_allowed(allowed)
        raise NotFound("ROUTE_NOT_FOUND", "there is nothing at this path")


def _child(node: _Node, segment: str) -> _Node:
    if segment == STAR:
        node.star = node.star or _Node()
        return node.star
    if segment == REST:
        node.rest = node.rest or _Node()
        return node.rest
    return node.literals.setdefault(segment, _Node())


def _walk(
    node: _Node, segments: list[str], index: int
) -> Iterator[tuple[dict[str, Route], list[str]]]:
    """Yields what matches, best first: literal, `*`, `**`, and a verb before none."""
    remaining = len(segments) - index
    if remaining == 0 and "" in node.ends:
        yield node.ends[""], segments
    if remaining == 1:
        yield from _walk_last(node, segments, index)
    elif remaining > 1:
        segment = segments[index]
        if segment in node.literals:
            yield from _walk(node.literals[segment], segments, index + 1)
        if node.star is not None and segment:
            yield from _walk(node.star, segments, index + 1)
    if node.rest is not None and all(segments[index:]):
        yield from _ends(node.rest, segments)


def _walk_last(
    node: _Node, segments: list[str], index: int
) -> Iterator[tuple[dict[str, Route], list[str]]]:
    """Matches the last segment, which may carry a verb."""
    segment = segments[index]
    bare, colon, verb = segment.rpartition(":")
    if colon and bare in node.literals:
        yield from _with_verb(node.literals[bare], [*segments[:-1], bare], verb)
    if segment in node.literals:
        yield from _walk(node.literals[segment], segments, index + 1)
    if node.star is not None and segment:
        if colon and bare:
            yield from _with_verb(node.star, [*segments[:-1], bare], verb)
        yield from _walk(node.star, segments, index + 1)


def _with_verb(
    node: _Node, segments: list[str], verb: str
) -> Iterator[tuple[dict[str, Route], list[str]]]:
    if verb and verb in node.ends:
        yield node.ends[verb], segments
    # `**` matches zero segments too.
    if verb and node.rest is not None and verb in node.rest.ends:
        yield node.rest.ends[verb], segments


def _ends(node: _Node, segments: list[str]) -> Iterator[tuple[dict[str, Route], list[str]]]:
    bare, colon, verb = segments[-1].rpartition(":")
    if colon and bare and verb in node.ends:
        yield node.ends[verb], [*segments[:-1], bare]
    if "" in node.ends:
        yield node.ends[""], segments


def not_allowed(allowed: Iterable[str]) -> Refused:
    """The refusal (405) of a method at a path that takes others."""
    allowed = set(allowed)
    names = allowed | {"HEAD"} if "GET" in allowed else allowed
    listed = ", ".join(sorted(names))
    return Refused(
        Unimplemented("METHOD_NOT_ALLOWED", f"this path takes {listed}"),
        http_status=405,
        headers={"allow": listed},
    )


def _routes_of(rpc: MethodDescriptor) -> Iterator[Route]:
    rpc_options = rpc.GetOptions()
    if not rpc_options.HasExtension(annotations_pb2.http):
        return
    rule = rpc_options.Extensions[annotations_pb2.http]
    if rpc.client_streaming:
        raise RouteError(f"{rpc.full_name} streams requests, which HTTP cannot carry")
    yield _route(rpc, rule)
    for binding in rule.additional_bindings:
        if binding.additional_bindings:
            raise RouteError(f"{rpc.full_name} nests additional bindings")
        yield _route(rpc, binding)


def _route(rpc: MethodDescriptor, rule: Any) -> Route:
    http_method, path = _pattern(rpc, rule)
    try:
        template = templates.parse(path)
    except ValueError as error:
        raise RouteError(f"{rpc.full_name}: {error}") from None
    _check_body(rpc, http_method, rule.body, template)
    _check_response_body(rpc, rule.response_body)
    rpc_options = rpc.GetOptions()
    success_code = rpc_options.Extensions[options.success_code]
    if success_code not in _SUCCESS_CODES:
        raise RouteError(f"{rpc.full_name} has the success code {success_code}")
    has_policy = rpc_options.HasExtension(options.stream)
    return Route(
        rpc=rpc,
        http_method=http_method,
        path=path,
        template=template,
        captures=tuple(_capture(rpc, variable) for variable in template.variables),
        body=rule.body,
        response_body=rule.response_body,
        success_code=success_code or 200,
        stream=_stream_policy(rpc, rpc_options.Extensions[options.stream]) if has_policy else None,
    )


def _pattern(rpc: MethodDescriptor, rule: Any) -> tuple[str, str]:
    kind = rule.WhichOneof("pattern")
    if kind is None:
        raise RouteError(f"{rpc.full_name} has a binding without a path")
    if kind != "custom":
        return kind.upper(), getattr(rule, kind)
    method = rule.custom.kind
    if not _METHOD.fullmatch(method) or method in _RESERVED_METHODS:
        raise RouteError(f"{rpc.full_name} has the HTTP method {method!r}")
    return method, rule.custom.path


def _check_body(rpc: MethodDescriptor, http_method: str, body: str, template: Template) -> None:
    if not body:
        return
    if http_method in _BODILESS:
        raise RouteError(f"{rpc.full_name} has a body on {http_method}")
    if body == WHOLE_BODY:
        return
    found = rpc.input_type.fields_by_name.get(body)
    if found is None or found.is_repeated or found.message_type is None:
        raise RouteError(f"{rpc.full_name}: the body {body!r} is no single message field")
    if any(variable.field_path == body for variable in template.variables):
        raise RouteError(f"{rpc.full_name}: the path also captures the body {body!r}")


def _check_response_body(rpc: MethodDescriptor, response_body: str) -> None:
    if response_body and response_body not in rpc.output_type.fields_by_name:
        raise RouteError(f"{rpc.full_name}: the response has no field {response_body!r}")
    if response_body and rpc.server_streaming:
        raise RouteError(f"{rpc.full_name}: streams have no response_body")


def _stream_policy(rpc: MethodDescriptor, policy: options.StreamPolicy) -> options.StreamPolicy:
    for name, descriptor in (
        (policy.resume_field, rpc.input_type),
        (policy.cursor_field, rpc.output_type),
    ):
        if name and name not in descriptor.fields_by_name:
            raise RouteError(f"{rpc.full_name}: {descriptor.full_name} has no field {name!r}")
    return policy


def _capture(rpc: MethodDescriptor, variable: templates.Variable) -> Capture:
    fields: list[FieldDescriptor] = []
    descriptor: Descriptor | None = rpc.input_type
    for part in variable.field_path.split("."):
        found = descriptor.fields_by_name.get(part) if descriptor is not None else None
        if found is None:
            raise RouteError(f"{rpc.full_name}: the request has no {variable.field_path!r}")
        if found.is_repeated:
            raise RouteError(f"{rpc.full_name}: the path captures the list {part!r}")
        fields.append(found)
        descriptor = found.message_type
    if descriptor is not None:
        raise RouteError(f"{rpc.full_name}: the path captures the message {variable.field_path!r}")
    return Capture(variable, tuple(fields))
