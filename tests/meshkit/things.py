"""A message type with every kind of field rule, for tests of rules and treatment."""

import itertools
from typing import Any

from tests.meshkit.protos import declare, message_type

NUMBERS = itertools.count(1)


def field(name: str, kind: str, rule: str = "", *, more: str = "", number: int = 0) -> str:
    """A field in text format: kind is a scalar type, or the name of a message or enum."""
    number = number or next(NUMBERS)
    scalar = kind in {"STRING", "BYTES", "INT32", "UINT64", "DOUBLE", "BOOL"}
    type_ = f"type: TYPE_{kind}" if scalar else f'type_name: ".{kind}"'
    label = "" if "label" in more else "label: LABEL_OPTIONAL"
    options = f"options {{ [weftapi.options.v1.field] {{ {rule} }} }}" if rule else ""
    return f'field {{ name: "{name}" number: {number} {type_} {label} {options} {more} }}\n'


REPEATED = "label: LABEL_REPEATED"
DURATION, TIMESTAMP = "google.protobuf.Duration", "google.protobuf.Timestamp"
STRUCT, ANY = "google.protobuf.Struct", "google.protobuf.Any"


def map_of(name: str, kind: str, rule: str = "") -> tuple[str, str]:
    """A map of strings to `kind`: its field, and the entry type that `Thing` needs for it."""
    entry = name.capitalize() + "Entry"
    pair = field("key", "STRING", number=1) + field("value", kind, number=2)
    nested = f'nested_type {{ name: "{entry}" options {{ map_entry: true }} {pair} }}'
    return field(name, f"PACKAGE.Thing.{entry}", rule, more=REPEATED), nested


LABELS, LABELS_ENTRY = map_of("labels", "STRING", "max_length: 5 max_items: 2")
PARTS, PARTS_ENTRY = map_of("parts", "PACKAGE.Thing")
VAULT, VAULT_ENTRY = map_of("vault", "STRING", "sensitive: true max_length: 5")

PROJECT = (
    'message_type { name: "Project" options { [google.api.resource] '
    '{ type: "test.dev/Project" pattern: "projects/{project}" } } }\n'
)
THING = (
    'message_type { name: "Thing" \n'
    + field("id", "STRING", "required: true format: FORMAT_RESOURCE_ID")
    + field("title", "STRING", "min_length: 2 max_length: 4")
    + field("code", "STRING", 'max_length: 8 pattern: "[a-z]+(-[a-z]+)*"')
    + field("raw", "BYTES", "max_length: 3")
    + field("uuid", "STRING", "format: FORMAT_UUID")
    + field("email", "STRING", "format: FORMAT_EMAIL")
    + field("uri", "STRING", "format: FORMAT_URI")
    + field("hash", "STRING", "format: FORMAT_SHA256")
    + field("parent", "STRING", 'resource_type: "test.dev/Project"')
    + field("project", "STRING", 'resource_type: "test.dev/Project"')
    + field("count", "INT32", "minimum: 0 maximum: 10")
    + field("score", "DOUBLE")
    + field("timeout", DURATION, "minimum: 1 maximum: 60")
    + field("at", TIMESTAMP)
    + field("color", "PACKAGE.Color")
    + field("tags", "STRING", "required: true max_length: 3 max_items: 2", more=REPEATED)
    + field("child", "PACKAGE.Thing")
    + field("children", "PACKAGE.Thing", "max_items: 2", more=REPEATED)
    + field("settings", STRUCT)
    + field("name", "STRING")
    + field("creator", "STRING", "output_only: true max_length: 1")
    + field("kind", "STRING", "immutable: true")
    + field("password", "STRING", "sensitive: true input_only: true max_length: 5")
    + field("anything", ANY)
    + LABELS
    + PARTS
    + VAULT
    + LABELS_ENTRY
    + PARTS_ENTRY
    + VAULT_ENTRY
    + field("limit", "UINT64", "minimum: 1", more="proto3_optional: true oneof_index: 0")
    + field("need", "INT32", "required: true", more="proto3_optional: true oneof_index: 1")
    + 'oneof_decl { name: "_limit" } oneof_decl { name: "_need" }'
    + "}\n"
    + 'message_type { name: "Plain" '
    + field("text", "STRING")
    + field("number", "INT32")
    + "}\n"
    + 'message_type { name: "Secrets" '
    + field("one", "STRING", "sensitive: true")
    + field("thing", "PACKAGE.Thing")
    + "}\n"
    + 'enum_type { name: "Color" value { name: "COLOR_UNSPECIFIED" number: 0 } '
    + 'value { name: "COLOR_RED" number: 1 } }\n'
)
FILE = declare(PROJECT + THING)
Thing, Plain = message_type(FILE, "Thing"), message_type(FILE, "Plain")


def thing(**values: Any) -> Any:
    """A thing that breaks no rule, changed."""
    made: Any = Thing(**{"id": "a", "tags": ["x"], "need": 0, **values})
    return made
