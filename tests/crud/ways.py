"""The two ways to the same methods: gRPC, and HTTP as their annotations say."""

import re
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from google.api import annotations_pb2
from google.protobuf.json_format import MessageToDict, Parse
from google.protobuf.message import Message
from google.rpc import code_pb2

from tests.hostile.calls import Method
from tests.hostile.test_http import Front
from tests.hostile.world import World

_VARIABLE = re.compile(r"\{([a-z_.]+)=[^}]*\}")


@dataclass(frozen=True)
class Answer:
    """What came of a call: the code, the reason of a refusal, the message of a success."""

    code: str
    reason: str
    message: Message


class Way(Protocol):
    def call(self, method: Method, request: Message, *, who: str = "admin") -> Answer: ...


@dataclass(frozen=True)
class Grpc:
    hosts: World

    def call(self, method: Method, request: Message, *, who: str = "admin") -> Answer:
        site = self.hosts.of(method)
        ask = site.as_admin if who == "admin" else site.as_nobody
        outcome = ask(method, request.SerializeToString())
        raw = outcome.answers[0] if outcome.answers else b""
        return Answer(outcome.code, outcome.reason, method.answer.FromString(raw))


@dataclass(frozen=True)
class Http:
    front: Front

    def call(self, method: Method, request: Message, *, who: str = "admin") -> Answer:
        verb, url, body = to_http(method, request)
        ask = self.front.admin if who == "admin" else self.front.stranger
        reply = ask(verb, url, json_body=body)
        if reply.status < 300:
            text = reply.body.decode() or "{}"
            return Answer("OK", "", Parse(text, method.answer()))
        infos = [each for each in reply.json["details"] if "reason" in each]
        return Answer(code_pb2.Code.Name(reply.json["code"]), infos[0]["reason"], method.answer())


def to_http(method: Method, request: Message) -> tuple[str, str, Any]:
    """A request as verb, address and JSON body."""
    rule = method.descriptor.GetOptions().Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    document: dict[str, Any] = MessageToDict(request)

    def bind(match: re.Match[str]) -> str:
        return quote(_taken(document, [_camel(part) for part in match[1].split(".")]), safe="/")

    url = _VARIABLE.sub(bind, getattr(rule, verb))
    body = None
    if rule.body == "*":
        body, document = document, {}
    elif rule.body:
        body = document.pop(_camel(rule.body), {})
    query = urlencode(list(_flat(document)))
    return verb.upper(), f"{url}?{query}" if query else url, body


def _taken(document: dict[str, Any], path: list[str]) -> str:
    *parents, last = path
    for parent in parents:
        document = document.get(parent, {})
    value: str = document.pop(last, "")
    return value


def _flat(document: dict[str, Any], prefix: str = "") -> Any:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield from ((prefix + name, item) for item in value)
        else:
            yield prefix + name, value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)
