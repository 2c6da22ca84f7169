"""The field mask of a PATCH that does not say one: rules 35 and 36."""

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from weftapi.options.v1 import options_pb2

_FIELD_MASK = "google.protobuf.FieldMask"


def mask_field(descriptor: Descriptor) -> FieldDescriptor | None:
    """The request's FieldMask field, if it has exactly one."""
    found = [
        field
        for field in descriptor.fields
        if field.message_type is not None
        and field.message_type.full_name == _FIELD_MASK
        and not field.is_repeated
    ]
    return found[0] if len(found) == 1 else None


def paths_of(descriptor: Descriptor, members: Mapping[str, Any]) -> list[str]:
    """The paths that a JSON object sets: objects recurse, everything else is a leaf."""
    return sorted(_paths(descriptor, members, ""))


def _paths(descriptor: Descriptor, members: Mapping[str, Any], prefix: str) -> Iterator[str]:
    names = {field.json_name: field for field in descriptor.fields}
    for key, value in members.items():
        field = names.get(key) or descriptor.fields_by_name[key]
        path = f"{prefix}{field.name}"
        if _is_given_back(field, path):
            continue
        inner = field.message_type
        if _recurses(field) and inner is not None and isinstance(value, dict) and value:
            yield from _paths(inner, value, f"{path}.")
        else:
            yield path


def _is_given_back(field: FieldDescriptor, path: str) -> bool:
    # Who sends back what a Get answered changes neither what the server sets nor the etag,
    # which says what the change is based on.
    return path == "etag" or field.GetOptions().Extensions[options_pb2.field].output_only


def _recurses(field: FieldDescriptor) -> bool:
    # Lists, maps, Struct, Any and the types with a text form change as a whole.
    inner = field.message_type
    return inner is not None and not field.is_repeated and inner.file.package != "google.protobuf"
