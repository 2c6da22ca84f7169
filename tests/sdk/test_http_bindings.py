"""What the SDK asks over HTTP is read by the gateway as the request that was meant: every RPC."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import Default

import weftapi
from gateway.contract import Contract
from gateway.parser import Parser
from gateway.printer import Printer
from gateway.routes import Route, RouteTable
from gateway.server import CONTROL_PLANE_PACKAGE, WORKSPACE_PACKAGE
from gateway.transcoder import HttpRequest, Transcoder
from weft._http.bindings import place_of
from weft._http.errors import HttpCallError
from weft.cli.api import _methods
from weftapi.workspace.v1 import runs_pb2, server_pb2

CONTRACT = Contract.load(Path(weftapi.__path__[0]) / "weftapi.protoset")
TABLE = RouteTable(
    [*CONTRACT.services(CONTROL_PLANE_PACKAGE), *CONTRACT.services(WORKSPACE_PACKAGE)]
)
PARSER, PRINTER = Parser(CONTRACT.pool), Printer(CONTRACT.pool)
_methods()  # loads every file of the contract
WORDS = ("", "a", "é ß", 'x=1&y="2"', "50 %", "a+b/c?d#e")
TURNS = 4


def routes() -> Iterator[Any]:
    seen = set()
    for route in TABLE.routes:
        if not route.takes_raw and route.rpc.full_name not in seen:
            seen.add(route.rpc.full_name)
            yield pytest.param(route, id=route.rpc.full_name.removeprefix("weftapi."))


@pytest.mark.parametrize("route", list(routes()))
def test_the_gateway_reads_what_was_meant(route: Route) -> None:
    for seed in range(TURNS):
        meant = made(route, random.Random(seed))
        place = place_of(route.rpc_path, meant)
        match = TABLE.find(place.method, place.path)
        assert match.route.rpc.full_name == route.rpc.full_name
        headers = {b"content-type": b"application/json"} if place.body else {}
        asked = HttpRequest(
            place.method, match.segments, place.query.encode(), headers, place.body or b""
        )
        read = Transcoder(match.route, PARSER, PRINTER).read(asked)
        assert type(meant).FromString(read) == meant


def made(route: Route, dice: random.Random) -> Any:
    """A request with names that fit its path, and whatever else may be set."""
    cls = message_factory.GetMessageClass(
        Default().FindMessageTypeByName(route.rpc.input_type.full_name)
    )
    request = cls()
    fill(request, dice, depth=0)
    for capture in route.captures:
        *parents, last = capture.variable.field_path.split(".")
        target = request
        for parent in parents:
            target = getattr(target, parent)
        segments = route.template.segments[capture.variable.start : capture.variable.end]
        text = "/".join("a-1" if segment in ("*", "**") else segment for segment in segments)
        setattr(target, last, text)
    if "update_mask" in cls.DESCRIPTOR.fields_by_name:
        # Left out, the gateway makes one of what the body sets.
        request.update_mask.paths[:] = ["display_name"]
    return request


def fill(message: Any, dice: random.Random, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if dice.random() < 0.4 or depth > 3:
            continue
        kind = field.message_type
        if kind is not None and kind.GetOptions().map_entry:
            fill_map(getattr(message, field.name), kind.fields_by_name["value"], dice, depth)
        elif kind is not None and field.is_repeated:
            fill_one(getattr(message, field.name).add(), dice, depth)
        elif kind is not None:
            getattr(message, field.name).SetInParent()
            fill_one(getattr(message, field.name), dice, depth)
        elif field.is_repeated:
            getattr(message, field.name).extend(scalar(field, dice) for _ in range(2))
        else:
            setattr(message, field.name, scalar(field, dice))


def fill_map(target: Any, value: FieldDescriptor, dice: random.Random, depth: int) -> None:
    if value.message_type is not None:
        fill_one(target["key"], dice, depth)
    else:
        target["a key"] = scalar(value, dice)


def fill_one(message: Any, dice: random.Random, depth: int) -> None:
    known: dict[str, Callable[[], object]] = {
        "google.protobuf.Timestamp": lambda: message.FromMilliseconds(1_700_000_000_123),
        "google.protobuf.Duration": lambda: message.FromMilliseconds(90_500),
        "google.protobuf.FieldMask": lambda: message.paths.append("display_name"),
        "google.protobuf.Struct": lambda: message.update({"a": [1, "b", None, {"c": True}]}),
        "google.protobuf.Value": lambda: setattr(message, "string_value", dice.choice(WORDS)),
        "google.protobuf.ListValue": lambda: message.extend([1, "b"]),
        "google.protobuf.Any": lambda: None,
    }
    name = message.DESCRIPTOR.full_name
    if name in known:
        known[name]()
    else:
        fill(message, dice, depth + 1)


def scalar(field: FieldDescriptor, dice: random.Random) -> Any:
    if field.enum_type is not None:
        return dice.choice([value.number for value in field.enum_type.values])
    return {
        FieldDescriptor.CPPTYPE_STRING: dice.choice(WORDS)
        if field.type == FieldDescriptor.TYPE_STRING
        else b"\xff\x00>?",
        FieldDescriptor.CPPTYPE_BOOL: dice.random() < 0.5,
        FieldDescriptor.CPPTYPE_INT64: -(2**60) - 1,
        FieldDescriptor.CPPTYPE_UINT64: 2**63 + 1,
        FieldDescriptor.CPPTYPE_INT32: -7,
        FieldDescriptor.CPPTYPE_UINT32: 7,
        FieldDescriptor.CPPTYPE_DOUBLE: dice.choice([0.1, -2.5e300]),
        FieldDescriptor.CPPTYPE_FLOAT: 0.25,
    }[field.cpp_type]


def test_a_name_that_fits_no_path_is_told_at_once() -> None:
    path = "/weftapi.workspace.v1.RunService/GetRun"
    with pytest.raises(HttpCallError, match="name is 'runs/x'") as caught:
        place_of(path, runs_pb2.GetRunRequest(name="runs/x"))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_call_without_a_place_says_so() -> None:
    with pytest.raises(HttpCallError, match="AppendLogs is not served over HTTP") as caught:
        place_of("/weftapi.workspace.v1.LogService/AppendLogs", runs_pb2.GetRunRequest())
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_more_telling_of_two_places_is_taken() -> None:
    path = "/weftapi.workspace.v1.ServerService/GetUsage"
    assert place_of(path, server_pb2.GetUsageRequest()).path == "/api/workspace/v1/usage"
    of_one = place_of(path, server_pb2.GetUsageRequest(parent="projects/p"))
    assert of_one.path == "/api/workspace/v1/projects/p/usage"
