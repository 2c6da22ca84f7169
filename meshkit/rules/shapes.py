"""Shapes of fields, and the rules that fit none of them."""

from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from weftapi.options.v1.options_pb2 import FieldRules


def type_of(message: Message) -> Descriptor:
    """The message's type; stubs also name the C class behind it."""
    return cast("Descriptor", message.DESCRIPTOR)


def is_map(field: FieldDescriptor) -> bool:
    """Whether the field is a map, which descriptors show as repeated entries."""
    type_ = field.message_type
    return bool(field.is_repeated and type_ is not None and type_.GetOptions().map_entry)


def item_field(field: FieldDescriptor) -> FieldDescriptor:
    """The field that describes one value: a map's values, otherwise the field itself."""
    entry = field.message_type
    return entry.fields_by_name["value"] if entry is not None and is_map(field) else field


def has_text_keys(field: FieldDescriptor) -> bool:
    """Whether the field is a map whose keys are texts that people choose."""
    entry = field.message_type
    if entry is None or not is_map(field) or field.full_name == "google.protobuf.Struct.fields":
        return False
    return entry.fields_by_name["key"].type == FieldDescriptor.TYPE_STRING


def refuse_contradictions(field: FieldDescriptor, rules: FieldRules) -> None:
    """ValueError where rules contradict each other or the field's shape."""
    if (rules.min_items or rules.max_items) and not field.is_repeated:
        raise ValueError("item counts are rules for repeated fields and maps")
    if rules.max_items and rules.min_items > rules.max_items:
        raise ValueError("min_items exceeds max_items")
    if rules.output_only and (rules.required or rules.input_only):
        raise ValueError("an output-only field is neither required nor input-only")
    if not rules.required:
        return
    if field.type == FieldDescriptor.TYPE_BOOL and not field.has_presence and not field.is_repeated:
        raise ValueError("a bool that is not optional cannot be required: false reads as unset")
    if _in_oneof(field):
        raise ValueError("a member of a oneof cannot be required: nothing else could be chosen")


def _in_oneof(field: FieldDescriptor) -> bool:
    oneof = field.containing_oneof
    # `optional` makes a oneof of its own, named after the field.
    return oneof is not None and oneof.name != f"_{field.name}"
