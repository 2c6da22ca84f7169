"""The toy service as descriptors, made at run time; the joints under test read their options."""

import itertools
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import ServiceDescriptor

from weftapi.options.v1 import options_pb2

_counter = itertools.count()
STRING = descriptor_pb2.FieldDescriptorProto.TYPE_STRING


@dataclass(frozen=True)
class MethodSpec:
    """One method of a described service; None leaves an option out."""

    name: str
    auth: options_pb2.AuthPolicy | None
    audit: int | None = options_pb2.AuditPolicy.MODE_NONE
    client_streaming: bool = False
    server_streaming: bool = False
    stream: options_pb2.StreamPolicy | None = None


def describe(*methods: MethodSpec, package: str = "") -> ServiceDescriptor:
    """Describes `ToyService` with Request{name, text, nested, count} and Response{text}."""
    package = package or f"toy{next(_counter)}.v1"
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package.replace('.', '/')}.proto",
        package=package,
        syntax="proto3",
        dependency=["weftapi/options/v1/options.proto"],
    )
    request = file.message_type.add(name="Request")
    for number, name in enumerate(("name", "text"), start=1):
        request.field.add(name=name, number=number, type=STRING, label=1)
    request.field.add(name="nested", number=3, type=11, label=1, type_name=f".{package}.Request")
    request.field.add(name="names", number=4, type=STRING, label=3)
    request.field[1].options.Extensions[options_pb2.field].max_length = 1_000_000
    file.message_type.add(name="Response").field.add(name="text", number=1, type=STRING, label=1)
    service = file.service.add(name="ToyService")
    for spec in methods:
        _add_method(service, spec, package)
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindServiceByName(f"{package}.ToyService")


def _add_method(
    service: descriptor_pb2.ServiceDescriptorProto, spec: MethodSpec, package: str
) -> None:
    method = service.method.add(
        name=spec.name,
        input_type=f".{package}.Request",
        output_type=f".{package}.Response",
        client_streaming=spec.client_streaming,
        server_streaming=spec.server_streaming,
    )
    extensions = method.options.Extensions
    if spec.auth is not None:
        extensions[options_pb2.auth].CopyFrom(spec.auth)
    if spec.audit is not None:
        extensions[options_pb2.audit].mode = spec.audit
    if spec.stream is not None:
        extensions[options_pb2.stream].CopyFrom(spec.stream)


def permission(verb: str, field_name: str = "name", **more: Any) -> options_pb2.AuthPolicy:
    return options_pb2.AuthPolicy(
        permission=options_pb2.Permission(verb=verb, resource_field=field_name), **more
    )


READ = permission("toys.get")
ANYONE = options_pb2.AuthPolicy(public=True)
SIGNED_IN = options_pb2.AuthPolicy(any_principal=True)
EDGE_ONLY = options_pb2.AuthPolicy(any_principal=True, listeners=[options_pb2.LISTENER_EDGE])
GATEWAYS = options_pb2.AuthPolicy(peer=options_pb2.PEER_ROLE_GATEWAY)
ANY_PEER = options_pb2.AuthPolicy(peer=options_pb2.PEER_ROLE_ANY)
WRITE = options_pb2.AuditPolicy.MODE_WRITE

DESCRIPTOR = describe(
    MethodSpec("Echo", READ),
    MethodSpec("Write", permission("toys.write"), WRITE),
    MethodSpec("Checked", permission("toys.get", extra_check="short_text")),
    MethodSpec("Fail", SIGNED_IN),
    MethodSpec("Ping", ANYONE),
    MethodSpec("Runs", options_pb2.AuthPolicy(any_principal=True, principals=[3])),
    MethodSpec("Edge", EDGE_ONLY),
    MethodSpec("Gateways", GATEWAYS),
    MethodSpec("Peers", ANY_PEER),
    MethodSpec("Hang", SIGNED_IN),
    MethodSpec("Watch", READ, server_streaming=True),
    MethodSpec("Flood", READ, server_streaming=True),
    MethodSpec("Collect", READ, client_streaming=True),
    MethodSpec("Chat", READ, client_streaming=True, server_streaming=True),
    MethodSpec("PeerChat", ANY_PEER, client_streaming=True, server_streaming=True),
    package="weft.toy.v1",
)
SERVICE = DESCRIPTOR.full_name
Request: Any = message_factory.GetMessageClass(DESCRIPTOR.methods[0].input_type)
Response: Any = message_factory.GetMessageClass(DESCRIPTOR.methods[0].output_type)


def add_to_server(servicer: Any, server: Any, descriptor: ServiceDescriptor = DESCRIPTOR) -> None:
    """What generated code does."""
    request: Any = message_factory.GetMessageClass(descriptor.methods[0].input_type)
    response: Any = message_factory.GetMessageClass(descriptor.methods[0].output_type)
    handlers = {}
    for method in descriptor.methods:
        kinds = (method.client_streaming, method.server_streaming)
        make = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[kinds]
        handlers[method.name] = make(
            getattr(servicer, method.name), request.FromString, response.SerializeToString
        )
    server.add_registered_method_handlers(descriptor.full_name, handlers)
