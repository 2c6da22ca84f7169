"""JSON schemas of messages: ProtoJSON's forms, with the contract's field rules as constraints."""

from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from gateway.contract import Contract, options
from gateway.printer import is_map, is_well_known

_F = FieldDescriptor
_SCALARS: Final[dict[int, dict[str, Any]]] = {
    _F.TYPE_STRING: {"type": "string"},
    _F.TYPE_BOOL: {"type": "boolean"},
    _F.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    _F.TYPE_FLOAT: {"type": ["number", "string"], "format": "float"},
    _F.TYPE_DOUBLE: {"type": ["number", "string"], "format": "double"},
    **{
        key: {"type": "integer", "format": "int32"}
        for key in (_F.TYPE_INT32, _F.TYPE_SINT32, _F.TYPE_SFIXED32)
    },
    **{key: {"type": "integer", "minimum": 0} for key in (_F.TYPE_UINT32, _F.TYPE_FIXED32)},
    # 64-bit integers are strings in JSON: its numbers lose digits beyond 2^53.
    **{
        key: {"type": "string", "format": "int64"}
        for key in (_F.TYPE_INT64, _F.TYPE_SINT64, _F.TYPE_SFIXED64)
    },
    **{key: {"type": "string", "format": "uint64"} for key in (_F.TYPE_UINT64, _F.TYPE_FIXED64)},
}
_WELL_KNOWN: Final[dict[str, dict[str, Any]]] = {
    "Any": {"type": "object", "properties": {"@type": {"type": "string"}}},
    "Duration": {"type": "string", "pattern": r"^-?\d+(\.\d{1,9})?s$"},
    "FieldMask": {"type": "string"},
    "ListValue": {"type": "array", "items": {}},
    "Struct": {"type": "object", "additionalProperties": True},
    "Timestamp": {"type": "string", "format": "date-time"},
    "Value": {},
}
_FORMATS: Final = {
    options.FieldRules.FORMAT_UUID: {"format": "uuid"},
    options.FieldRules.FORMAT_EMAIL: {"format": "email"},
    options.FieldRules.FORMAT_URI: {"format": "uri"},
    options.FieldRules.FORMAT_SHA256: {"pattern": "^[0-9a-f]{64}$"},
}


class Schemas:
    """Schemas of the messages asked for, and of those that they refer to."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._messages: dict[str, dict[str, Any]] = {}

    def collected(self) -> dict[str, dict[str, Any]]:
        """The named schemas, in the order of their names."""
        return dict(sorted(self._messages.items()))

    def is_open(self, field: FieldDescriptor) -> bool:
        """Whether the field holds messages with fields, rather than a value of one form."""
        kind = field.message_type
        return kind is not None and not is_map(field) and not is_well_known(kind)

    def of_message(self, descriptor: Descriptor) -> dict[str, Any]:
        """A reference to the message's schema, or its form if it is well known."""
        if descriptor.file.name == "google/protobuf/wrappers.proto":
            return self._scalar(descriptor.fields_by_name["value"])
        if is_well_known(descriptor):
            return _WELL_KNOWN[descriptor.name]
        name = descriptor.full_name
        if name not in self._messages:
            self._messages[name] = {}
            self._messages[name] = self._object(descriptor)
        return {"$ref": f"#/components/schemas/{name}"}

    def of_field(self, field: FieldDescriptor, *, in_query: bool = False) -> dict[str, Any]:
        """The field's schema with its rules and its comment."""
        rules = field.GetOptions().Extensions[options.field]
        if is_map(field):
            assert field.message_type is not None
            value = field.message_type.fields_by_name["value"]
            schema = {"type": "object", "additionalProperties": self._singular(value)}
        elif field.is_repeated:
            items = self._singular(field) | _value_rules(field, rules)
            schema = {"type": "array", "items": items, **_item_rules(rules)}
        else:
            schema = self._singular(field) | _value_rules(field, rules)
        if in_query:
            return schema
        return schema | self._annotations(field, rules)

    def _object(self, descriptor: Descriptor) -> dict[str, Any]:
        properties = {field.json_name: self.of_field(field) for field in descriptor.fields}
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        required = [
            field.json_name
            for field in descriptor.fields
            if field.GetOptions().Extensions[options.field].required
        ]
        if required:
            schema["required"] = required
        comment = self._contract.comment(descriptor.full_name)
        return schema | ({"description": comment} if comment else {})

    def _annotations(self, field: FieldDescriptor, rules: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        comment = self._contract.comment(field.full_name)
        if comment:
            found["description"] = comment
        if rules.output_only:
            found["readOnly"] = True
        if rules.input_only:
            found["writeOnly"] = True
        return found

    def _singular(self, field: FieldDescriptor) -> dict[str, Any]:
        if field.message_type is not None:
            return dict(self.of_message(field.message_type))
        return self._scalar(field)

    def _scalar(self, field: FieldDescriptor) -> dict[str, Any]:
        if field.enum_type is not None:
            return _enum(field.enum_type)
        return dict(_SCALARS[field.type])


def _enum(enum: EnumDescriptor) -> dict[str, Any]:
    if enum.full_name == "google.protobuf.NullValue":
        return {"type": "null"}
    return {"type": "string", "enum": [value.name for value in enum.values]}


def _value_rules(field: FieldDescriptor, rules: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if field.type == _F.TYPE_STRING:
        found |= {"minLength": rules.min_length} if rules.min_length else {}
        found |= {"maxLength": rules.max_length} if rules.max_length else {}
        found |= {"pattern": f"^(?:{rules.pattern})$"} if rules.pattern else {}
        found |= _FORMATS.get(rules.format, {})
    elif field.type in _SCALARS and "integer" in _SCALARS[field.type]["type"]:
        found |= {"minimum": rules.minimum} if rules.HasField("minimum") else {}
        found |= {"maximum": rules.maximum} if rules.HasField("maximum") else {}
    return found


def _item_rules(rules: Any) -> dict[str, Any]:
    found = {"minItems": rules.min_items} if rules.min_items else {}
    return found | ({"maxItems": rules.max_items} if rules.max_items else {})
