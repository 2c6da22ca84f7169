"""The contract as the tests read it: every service, method, message and comment."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

# Importing the stubs fills the default pool, in which options are known.
from weftapi.options.v1 import options_pb2

PACKAGES = ("weftapi.controlplane.v1", "weftapi.workspace.v1", "weftapi.workloads.v1")
_SERVICE, _METHOD, _MESSAGE, _FIELD, _NESTED, _ENUM = 6, 2, 4, 2, 3, 5

__all__ = ["PACKAGES", "comments", "file_protos", "methods", "options_pb2", "uncommented"]


@cache
def file_protos() -> tuple[FileDescriptorProto, ...]:
    """Our own files, with source info."""
    content = (files("weftapi") / "weftapi.protoset").read_bytes()
    parsed = FileDescriptorSet.FromString(content)
    return tuple(file for file in parsed.file if file.package.startswith("weftapi."))


Method = tuple[
    FileDescriptorProto,
    descriptor_pb2.ServiceDescriptorProto,
    descriptor_pb2.MethodDescriptorProto,
]


def methods() -> Iterator[Method]:
    """Every method of every service."""
    for file in file_protos():
        for service in file.service:
            for method in service.method:
                yield file, service, method


def comments(file: FileDescriptorProto) -> dict[tuple[int, ...], str]:
    """Leading comments by path."""
    return {
        tuple(location.path): location.leading_comments.strip()
        for location in file.source_code_info.location
    }


def uncommented(file: FileDescriptorProto) -> Iterator[str]:
    """Names of methods, messages, fields and enum values that nobody explained."""
    said = comments(file)
    for s, service in enumerate(file.service):
        for m, method in enumerate(service.method):
            if not said.get((_SERVICE, s, _METHOD, m)):
                yield f"{service.name}.{method.name}"
    for index, message in enumerate(file.message_type):
        yield from _uncommented_message(said, (_MESSAGE, index), message)
    for e, enum in enumerate(file.enum_type):
        for v, value in enumerate(enum.value):
            if not said.get((_ENUM, e, 2, v)):
                yield f"{enum.name}.{value.name}"


def _uncommented_message(
    said: dict[tuple[int, ...], str], path: tuple[int, ...], message: descriptor_pb2.DescriptorProto
) -> Iterator[str]:
    if message.options.map_entry:
        return
    if not said.get(path):
        yield message.name
    for f, field in enumerate(message.field):
        if not said.get((*path, _FIELD, f)):
            yield f"{message.name}.{field.name}"
    for n, nested in enumerate(message.nested_type):
        yield from _uncommented_message(said, (*path, _NESTED, n), nested)
