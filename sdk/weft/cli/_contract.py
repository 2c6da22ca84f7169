"""The contract with its comments, as the package of stubs carries it: what resources consist of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

Path = tuple[int, ...]
_MESSAGES, _FIELDS, _NESTED, _ENUMS, _VALUES = 4, 2, 3, 5, 2
# First where a message of the same name stands in several.
_PACKAGES = ("weftapi.workspace.v1", "weftapi.controlplane.v1", "weftapi.common.v1")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message.

    Attributes:
        name: As JSON and the files of `weft apply` have it.
        type: "string", "list of Step", "map of string to string".
        of: Full name of the message or the enum that it holds; "" for plain values.
        rules: "required", "immutable", "set by the server" and so on.
    """

    name: str
    type: str
    of: str
    said: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A message: what it is, and its fields."""

    full_name: str
    said: str
    is_resource: bool
    fields: tuple[Field, ...]

    @property
    def name(self) -> str:
        """Without its package."""
        return self.full_name.rpartition(".")[2]


class Contract:
    """All messages and enums of Weft."""

    def __init__(self) -> None:
        from importlib.resources import files

        # The options of fields and messages can be read once these are known.
        from google.api import resource_pb2 as _resource_pb2  # noqa: F401
        from google.protobuf.descriptor_pb2 import FileDescriptorSet

        from weftapi.options.v1 import options_pb2 as _options_pb2  # noqa: F401

        content = (files("weftapi") / "weftapi.protoset").read_bytes()
        found = FileDescriptorSet.FromString(content).file
        self._files = [file for file in found if file.package in _PACKAGES]
        self._files.sort(key=lambda file: _PACKAGES.index(file.package))
        self._protos: dict[str, DescriptorProto] = {}
        self._said: dict[str, str] = {}
        self.values: dict[str, Mapping[str, str]] = {}
        """The values of enums by name, and what each means, by the enum's full name."""
        for file in self._files:
            self._read(file)

    @cached_property
    def messages(self) -> dict[str, Message]:
        """By full name."""
        return {name: self._message(name) for name in self._protos}

    def message(self, text: str) -> Message | None:
        """The message of a name in any case: "stack" and "Stack" are the same, "stacks" too."""
        from weft.cli._kinds import KINDS

        text = KINDS[text].noun if text in KINDS else text
        wanted = text.lower().replace("-", "").replace("_", "")
        singular = f"{wanted[:-3]}y" if wanted.endswith("ies") else wanted.removesuffix("s")
        for message in self.messages.values():
            if message.name.lower() in {wanted, singular}:
                return message
        return None

    def _read(self, file: Any) -> None:
        said = {
            tuple(place.path): " ".join(place.leading_comments.split())
            for place in file.source_code_info.location
        }
        for index, proto in enumerate(file.message_type):
            self._read_message(f"{file.package}.{proto.name}", proto, (_MESSAGES, index), said)
        for index, enum in enumerate(file.enum_type):
            self._read_enum(f"{file.package}.{enum.name}", enum, (_ENUMS, index), said)

    def _read_message(self, name: str, proto: Any, path: Path, said: Mapping[Path, str]) -> None:
        self._protos[name] = proto
        self._said[name] = said.get(path, "")
        for index, field in enumerate(proto.field):
            self._said[f"{name}.{field.name}"] = said.get((*path, _FIELDS, index), "")
        for index, nested in enumerate(proto.nested_type):
            self._read_message(f"{name}.{nested.name}", nested, (*path, _NESTED, index), said)
        for index, enum in enumerate(proto.enum_type):
            self._read_enum(f"{name}.{enum.name}", enum, (*path, _ENUMS, index), said)

    def _read_enum(self, name: str, enum: Any, path: Path, said: Mapping[Path, str]) -> None:
        self.values[name] = {
            value.name: said.get((*path, _VALUES, index), "")
            for index, value in enumerate(enum.value)
            if value.number
        }

    def _message(self, name: str) -> Message:
        from google.api import resource_pb2

        proto = self._protos[name]
        is_resource = proto.options.HasExtension(resource_pb2.resource)
        fields = tuple(self._field(name, field) for field in proto.field)
        return Message(name, self._said[name], is_resource, fields)

    def _field(self, message: str, field: FieldDescriptorProto) -> Field:
        of = field.type_name.removeprefix(".")
        entry = self._protos.get(of)
        type_ = _type(field)
        if entry is not None and entry.options.map_entry:
            key, value = entry.field
            type_, of = f"map of {_type(key)} to {_type(value)}", value.type_name.removeprefix(".")
        elif field.label == field.LABEL_REPEATED:
            type_ = f"list of {type_}"
        said = self._said[f"{message}.{field.name}"]
        return Field(field.json_name, type_, of, said, tuple(_rules(field)))


def _type(field: FieldDescriptorProto) -> str:
    if field.type_name:
        return field.type_name.rpartition(".")[2]
    names = {number: name for name, number in field.Type.items()}
    return names[field.type].removeprefix("TYPE_").lower()


def _rules(field: FieldDescriptorProto) -> Iterator[str]:
    from weftapi.options.v1 import options_pb2

    rules = field.options.Extensions[options_pb2.field]
    told = {
        "required": rules.required,
        "never changes": rules.immutable,
        "set by the server": rules.output_only,
        "secret": rules.sensitive,
        "never returned": rules.input_only,
    }
    yield from (text for text, holds in told.items() if holds)
    if rules.pattern:
        yield f"matches {rules.pattern}"
    if rules.max_length:
        yield f"at most {rules.max_length} long"
    if rules.max_items:
        yield f"at most {rules.max_items} items"
