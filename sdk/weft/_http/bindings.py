"""Where a call stands in HTTP: method, path, query and body, as `google.api.http` says it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import grpc
from google.api import annotations_pb2
from google.protobuf import descriptor_pool, json_format

from weft._http.errors import HttpCallError

if TYPE_CHECKING:
    from google.api.http_pb2 import HttpRule
    from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
    from google.protobuf.message import Message

_VARIABLE = re.compile(r"\{([a-z0-9_.]+)(?:=([^}]*))?\}")
_WHOLE = "*"
# What stays as it is in a variable of several segments: RFC 6570's reserved characters, but those
# that would end the path.
_RESERVED = "/:@!$&'()*+,;="
_KNOWN_TYPES = "google.protobuf."


@dataclass(frozen=True, slots=True)
class Place:
    """A request in HTTP; `body` is None where there is none."""

    method: str
    path: str
    query: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class _Rule:
    """One binding: the verb, the path with its variables, and the field that is the body."""

    method: str
    template: str
    variables: tuple[tuple[str, str], ...]
    body: str

    def misfit(self, request: Message) -> str:
        """The variable whose value has no place in the path; "" where all have."""
        for name, pattern in self.variables:
            if not re.fullmatch(_expression(pattern), str(_value(request, name))):
                return name
        return ""

    def place(self, request: Message) -> Place:
        """The request at its place."""

        def fill(match: re.Match[str]) -> str:
            kept = _RESERVED if "/" in (match[2] or "") else ""
            return quote(str(_value(request, match[1])), safe=kept)

        covered = {name for name, _ in self.variables} | ({self.body} if self.body else set())
        query = () if self.body == _WHOLE else _parameters(request, covered)
        path = _VARIABLE.sub(fill, self.template)
        return Place(self.method, path, urlencode(list(query)), self._content(request))

    def _content(self, request: Message) -> bytes | None:
        is_whole = self.body == _WHOLE
        if not self.body or not (is_whole or request.HasField(self.body)):
            return None
        part = request if is_whole else getattr(request, self.body)
        return json.dumps(json_format.MessageToDict(part), separators=(",", ":")).encode()


def place_of(path: str, request: Message) -> Place:
    """The place of a request to an RPC, "/package.Service/Method".

    Raises HttpCallError where it has none: the RPC is not served over HTTP, or a name that would
    stand in the path is none.
    """
    rules = _rules(path)
    # The most telling first: without a parent a list is another one.
    for rule in rules:
        if not rule.misfit(request):
            return rule.place(request)
    name = rules[-1].misfit(request)
    raise HttpCallError(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"{name} is {str(_value(request, name))!r}, and must be {dict(rules[-1].variables)[name]}",
    )


@cache
def _rules(path: str) -> list[_Rule]:
    method = _method(path)
    options = method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        raise HttpCallError(
            grpc.StatusCode.UNIMPLEMENTED, f"{method.name} is not served over HTTP, only over gRPC"
        )
    first = options.Extensions[annotations_pb2.http]
    rules = [_rule(one) for one in (first, *first.additional_bindings)]
    return sorted(rules, key=lambda rule: -len(rule.variables))


def _method(path: str) -> MethodDescriptor:
    service, _, method = path.removeprefix("/").rpartition("/")
    found = descriptor_pool.Default().FindServiceByName(service)
    return found.methods_by_name[method]


def _rule(rule: HttpRule) -> _Rule:
    verb = rule.WhichOneof("pattern") or ""
    template = str(getattr(rule, verb))
    variables = tuple((m[1], m[2] or "*") for m in _VARIABLE.finditer(template))
    return _Rule(verb.upper(), template, variables, rule.body)


@cache
def _expression(pattern: str) -> str:
    """A path pattern as a regular expression; a segment is never empty."""
    parts = re.split(r"(\*\*|\*)", pattern)
    known = {"*": "[^/]+", "**": ".+"}
    return "".join(known.get(part) or re.escape(part) for part in parts)


def _value(message: Message, name: str) -> Any:
    for part in name.split("."):
        message = getattr(message, part)
    return message


def _parameters(message: Message, covered: set[str], prefix: str = "") -> Iterator[tuple[str, str]]:
    """What stands in the query: every field that is set, and stands nowhere else."""
    for field, value in message.ListFields():
        name = f"{prefix}{field.name}"
        if name in covered:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            of_value = field.message_type.fields_by_name["value"]
            yield from ((f"{name}[{key}]", _text(of_value, value[key])) for key in value)
        elif field.is_repeated:
            yield from ((name, _text(field, item)) for item in value)
        elif field.message_type is None or field.message_type.full_name.startswith(_KNOWN_TYPES):
            yield name, _text(field, value)
        else:
            yield from _parameters(value, covered, f"{name}.")


def _text(field: FieldDescriptor, value: Any) -> str:
    """A value as a parameter."""
    if field.message_type is not None:
        value = json_format.MessageToDict(value)
        return value if isinstance(value, str) else json.dumps(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
