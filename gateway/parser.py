"""Reads ProtoJSON into messages, strictly: rules 16, 17, 19-24.

Stricter than `json_format.ParseDict`, never laxer: what this accepts, that reads alike (a
property test compares the two). Errors name the field's path in the JSON.
"""

import json
from collections.abc import Callable
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from gateway.printer import descriptor_of, is_map, is_well_known
from gateway.scalars import (
    Convert,
    from_json,
    set_duration,
    set_field_mask,
    set_timestamp,
    text,
)
from meshkit.errors import FieldViolation, InvalidArgument

MAX_NESTING = 100
_MAX_QUOTED = 300

Fill = Callable[[Any, Any, str], None]


def invalid_field(path: str, description: str, *, reason: str = "INVALID_FIELD") -> InvalidArgument:
    """An error about one field of the request; quotes only so much of it."""
    path, description = path[:_MAX_QUOTED], description[:_MAX_QUOTED]
    return InvalidArgument(
        reason, f"{path}: {description}", violations=(FieldViolation(path, description),)
    )


def loads(body: bytes) -> Any:
    """Decodes JSON: strict UTF-8, no duplicate keys, no NaN, limited nesting."""
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except ValueError as error:
        raise InvalidArgument("MALFORMED_JSON", f"malformed JSON: {error}") from None
    except RecursionError:
        raise _too_deep() from None
    if body.count(b"{") + body.count(b"[") > MAX_NESTING and _nests_deeper(value, MAX_NESTING):
        raise _too_deep()
    return value


def _too_deep() -> InvalidArgument:
    return InvalidArgument("MALFORMED_JSON", f"JSON nests deeper than {MAX_NESTING} levels")


def _nests_deeper(value: Any, limit: int) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in members if names.count(name) > 1)
        raise ValueError(f"duplicate key {twice[:_MAX_QUOTED]!r}")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON; write it as a string")


class Parser:
    """Compiled parsers for the message types of one pool."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool
        self._compiled: dict[str, Fill] = {}
        self._special: dict[str, Fill] = {
            "google.protobuf.Any": self._any,
            "google.protobuf.Duration": _text_form(set_duration),
            "google.protobuf.FieldMask": _text_form(set_field_mask),
            "google.protobuf.ListValue": _list_value,
            "google.protobuf.Struct": _struct,
            "google.protobuf.Timestamp": _text_form(set_timestamp),
            "google.protobuf.Value": _value,
        }

    def fill(self, value: Any, message: Message, path: str = "") -> None:
        """Reads JSON values into an empty message; raises InvalidArgument."""
        self.of(descriptor_of(message))(value, message, path)

    def of(self, descriptor: Descriptor) -> Fill:
        """Answers the parser of a message type."""
        fill = self._compiled.get(descriptor.full_name)
        if fill is None:
            fill = self._compile(descriptor)
            self._compiled[descriptor.full_name] = fill
        return fill

    def _compile(self, descriptor: Descriptor) -> Fill:
        special = self._special.get(descriptor.full_name)
        if special is not None:
            return special
        if is_well_known(descriptor):
            field = descriptor.fields_by_name["value"]
            return _scalar(field, from_json(field))
        members = {field.name: (field, self._field(field)) for field in descriptor.fields}
        members |= {field.json_name: members[field.name] for field in descriptor.fields}
        return _message_parser(members)

    def _field(self, field: FieldDescriptor) -> Fill:
        if is_map(field):
            return self._map(field)
        if field.message_type is not None:
            return self._messages(field) if field.is_repeated else self._message(field)
        convert = from_json(field)
        return _scalars(field, convert) if field.is_repeated else _scalar(field, convert)

    def _message(self, field: FieldDescriptor) -> Fill:
        name, descriptor = field.name, field.message_type
        assert descriptor is not None

        def fill(value: Any, message: Any, path: str) -> None:
            inner = getattr(message, name)
            inner.SetInParent()
            self.of(descriptor)(value, inner, path)

        return fill

    def _messages(self, field: FieldDescriptor) -> Fill:
        name, descriptor = field.name, field.message_type
        assert descriptor is not None
        takes_null = descriptor.full_name == "google.protobuf.Value"

        def fill(value: Any, message: Any, path: str) -> None:
            items = getattr(message, name)
            for index, item in enumerate(_expect_list(value, path)):
                if item is None and not takes_null:
                    raise invalid_field(f"{path}[{index}]", "null is no list element")
                self.of(descriptor)(item, items.add(), f"{path}[{index}]")

        return fill

    def _map(self, field: FieldDescriptor) -> Fill:
        assert field.message_type is not None
        name = field.name
        key_field, value_field = (field.message_type.fields_by_name[n] for n in ("key", "value"))
        read_key = from_json(key_field, is_key=True)
        inner = value_field.message_type
        read_value = None if inner else from_json(value_field)

        def fill(value: Any, message: Any, path: str) -> None:
            entries = getattr(message, name)
            for key_text, item in _expect_object(value, path).items():
                place = f"{path}[{key_text}]"
                key = _converted(read_key, key_text, place)
                if key in entries:
                    raise invalid_field(place, "the key stands twice")
                if read_value is None:
                    self.of(inner)(item, entries[key], place)  # type: ignore[arg-type]
                else:
                    entries[key] = _converted(read_value, item, place)

        return fill

    def _any(self, value: Any, message: Any, path: str) -> None:
        members = dict(_expect_object(value, path))
        if not members:
            return
        type_url = members.pop("@type", None)
        inner = self._new(type_url) if isinstance(type_url, str) else None
        if inner is None:
            raise invalid_field(f"{path}.@type", "names no known message type")
        if is_well_known(descriptor_of(inner)):
            if set(members) != {"value"}:
                raise invalid_field(path, "holds exactly '@type' and 'value' for this type")
            self.fill(members["value"], inner, f"{path}.value")
        else:
            self.fill(members, inner, path)
        message.type_url, message.value = type_url, inner.SerializeToString()

    def _new(self, type_url: str) -> Message | None:
        prefix, slash, full_name = type_url.rpartition("/")
        if not (prefix and slash):
            return None
        try:
            descriptor = self._pool.FindMessageTypeByName(full_name)
        except KeyError:
            return None
        return message_factory.GetMessageClass(descriptor)()


def _message_parser(members: dict[str, tuple[FieldDescriptor, Fill]]) -> Fill:
    def fill(value: Any, message: Any, path: str) -> None:
        prefix = f"{path}." if path else ""
        seen: dict[str, str] = {}
        for key, item in _expect_object(value, path).items():
            place = prefix + key
            if key not in members:
                raise invalid_field(place, "no such field", reason="UNKNOWN_FIELD")
            field, fill_field = members[key]
            _refuse_second(seen, field, key, place, is_null=item is None)
            if item is not None or _takes_null(field):
                fill_field(item, message, place)

    return fill


def _refuse_second(
    seen: dict[str, str], field: FieldDescriptor, key: str, place: str, *, is_null: bool
) -> None:
    if seen.setdefault(field.name, key) != key:
        raise invalid_field(place, f"stands also as {seen[field.name]!r}")
    if field.containing_oneof is None or is_null:
        return
    # A field's name cannot hold a space, so this never meets one.
    group = f"oneof {field.containing_oneof.name}"
    if seen.setdefault(group, key) != key:
        raise invalid_field(place, f"excludes {seen[group]!r}: only one of them may be set")


def _takes_null(field: FieldDescriptor) -> bool:
    if field.is_repeated:
        return False
    kind = field.message_type or field.enum_type
    return kind is not None and kind.full_name in (
        "google.protobuf.Value",
        "google.protobuf.NullValue",
    )


def _scalar(field: FieldDescriptor, convert: Convert) -> Fill:
    name = field.name

    def fill(value: Any, message: Any, path: str) -> None:
        setattr(message, name, _converted(convert, value, path))

    return fill


def _scalars(field: FieldDescriptor, convert: Convert) -> Fill:
    name = field.name

    def fill(value: Any, message: Any, path: str) -> None:
        items = getattr(message, name)
        for index, item in enumerate(_expect_list(value, path)):
            items.append(_converted(convert, item, f"{path}[{index}]"))

    return fill


def _converted(convert: Convert, value: Any, path: str) -> Any:
    try:
        return convert(value)
    except ValueError as error:
        raise invalid_field(path, str(error)) from None


def _expect_object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid_field(path or "body", "must be a JSON object")
    return value


def _expect_list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise invalid_field(path, "must be a JSON array")
    return value


def _text_form(assign: Callable[[Any, str], None]) -> Fill:
    def fill(value: Any, message: Any, path: str) -> None:
        if not isinstance(value, str):
            raise invalid_field(path, "must be a string")
        try:
            assign(message, value)
        except ValueError as error:
            raise invalid_field(path, str(error)) from None

    return fill


def _struct(value: Any, message: Any, path: str) -> None:
    message.SetInParent()
    for key, item in _expect_object(value, path).items():
        place = f"{path}.{key}"
        _value(item, message.fields[_converted(text, key, place)], place)


def _list_value(value: Any, message: Any, path: str) -> None:
    for index, item in enumerate(_expect_list(value, path)):
        _value(item, message.values.add(), f"{path}[{index}]")


def _value(value: Any, message: Any, path: str) -> None:
    if value is None:
        message.null_value = 0
    elif isinstance(value, dict):
        message.struct_value.SetInParent()
        _struct(value, message.struct_value, path)
    elif isinstance(value, list):
        message.list_value.SetInParent()
        _list_value(value, message.list_value, path)
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, str):
        message.string_value = _converted(text, value, path)
    else:
        message.number_value = _finite(value, path)


def _finite(value: float, path: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if number in (float("inf"), float("-inf")):
        raise invalid_field(path, "is out of range")
    return number
