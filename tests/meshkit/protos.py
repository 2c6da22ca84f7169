"""Messages for tests, declared in text format with the contract's own options."""

import itertools

from google.api import resource_pb2  # noqa: F401 - makes the option readable in text format
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    field_mask_pb2,
    message_factory,
    struct_pb2,
    text_format,
    timestamp_pb2,
)
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message

from weftapi.options.v1 import options_pb2

_IMPORTS = (
    "google/api/resource.proto",
    any_pb2.DESCRIPTOR.name,
    duration_pb2.DESCRIPTOR.name,
    field_mask_pb2.DESCRIPTOR.name,
    struct_pb2.DESCRIPTOR.name,
    timestamp_pb2.DESCRIPTOR.name,
    options_pb2.DESCRIPTOR.name,
)
_count = itertools.count()


def declare(text: str, *, imports: tuple[str, ...] = ()) -> FileDescriptor:
    """A new file with these messages; "PACKAGE" stands for its package, unlike all others."""
    package = f"tests.t{next(_count)}"
    file = text_format.Parse(text.replace("PACKAGE", package), descriptor_pb2.FileDescriptorProto())
    file.name, file.package, file.syntax = f"{package}.proto", package, "proto3"
    file.dependency.extend(_IMPORTS + imports)
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindFileByName(file.name)


def message_type(file: FileDescriptor, name: str) -> type[Message]:
    """The class of a message in a declared file."""
    return message_factory.GetMessageClass(file.message_types_by_name[name])
