"""The services' contract, as descriptors: a descriptor set loaded into a pool of its own.

The gateway knows services from here alone; nothing of theirs is imported.
"""

from collections.abc import Iterator
from pathlib import Path

from google.api import (
    annotations_pb2,  # noqa: F401 - registers the HTTP option, so that it is readable
)
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from weftapi.options.v1 import options_pb2 as options  # registers our options likewise

__all__ = ["Contract", "message_class", "options"]


class Contract:
    """Services, messages and their comments."""

    def __init__(self, files: FileDescriptorSet) -> None:
        self.pool = DescriptorPool()
        self._files = list(files.file)
        for file in self._files:
            self.pool.Add(file)
        self._comments = dict(_comments(self._files))

    @classmethod
    def load(cls, path: Path) -> "Contract":
        """Reads a set that protoc wrote with imports and source info."""
        return cls(FileDescriptorSet.FromString(path.read_bytes()))

    def services(self, package: str) -> list[ServiceDescriptor]:
        """The services of a proto package."""
        return [
            self.pool.FindServiceByName(f"{file.package}.{service.name}")
            for file in self._files
            if file.package == package
            for service in file.service
        ]

    def comment(self, full_name: str) -> str:
        """The comment above a service, method, message, field, enum or value; may be empty."""
        return self._comments.get(full_name, "")


def message_class(descriptor: Descriptor) -> type[Message]:
    """The class of a message type."""
    return message_factory.GetMessageClass(descriptor)


# Field numbers in FileDescriptorProto & co.: what the paths of source info are made of.
_CHILDREN = {
    "file": {4: ("message_type", "message"), 5: ("enum_type", "enum"), 6: ("service", "service")},
    "message": {
        2: ("field", "field"),
        3: ("nested_type", "message"),
        4: ("enum_type", "enum"),
    },
    "enum": {2: ("value", "value")},
    "service": {2: ("method", "method")},
}


def _comments(files: list[FileDescriptorProto]) -> Iterator[tuple[str, str]]:
    for file in files:
        for location in file.source_code_info.location:
            if location.leading_comments:
                name = _name_at(file, list(location.path))
                if name:
                    yield name, location.leading_comments.strip()


def _name_at(file: FileDescriptorProto, path: list[int]) -> str:
    node, kind, name = file, "file", file.package
    if len(path) % 2:
        return ""
    for number, index in zip(path[::2], path[1::2], strict=True):
        child = _CHILDREN.get(kind, {}).get(number)
        if child is None:
            return ""
        field, kind = child
        node = getattr(node, field)[index]
        name = f"{name}.{node.name}"
    return name
