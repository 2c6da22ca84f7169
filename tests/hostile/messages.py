"""Messages nobody sane would send: of the right shape, with the worst values."""

from functools import cache
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from weftapi.options.v1 import options_pb2

HOSTILE = (
    "",
    "-",
    "\0",
    "a\0b",
    "a\nb\r\nx-weft-role: admin",
    "\u202egnp.exe",
    "\U0001f9f5\U0010ffff",
    "\ufeff\u200d\u0301",
    "../../etc/passwd",
    "projects/../projects/demo",
    "projects/%2e%2e/runs/first",
    "projects/demo/runs/first%00",
    "projects//runs/",
    "projects/-/runs/-",
    "PROJECTS/DEMO",
    "'; DROP TABLE runs; --",
    '" OR ""="',
    "%s%n%x {0.__class__} {{7*7}} ${jndi:ldap://x/a} $(id) `id`",
    "\\u0000\\x00%00",
    "NaN",
    "-9223372036854775809",
    "a" * 63 + "-",
    "x" * 5_000,
    "\u00e9" * 1_100,
    '{"a":' * 200,
    "(" * 300,
    'name = "x" AND ' * 15,
    "*",
    "a.b.c.d",
)
_PLAUSIBLE = {
    options_pb2.FieldRules.FORMAT_RESOURCE_ID: ("thing-1", "first"),
    options_pb2.FieldRules.FORMAT_UUID: ("018f0000-0000-7000-8000-000000000001",),
    options_pb2.FieldRules.FORMAT_EMAIL: ("eve@example.com", "a@b.co"),
    options_pb2.FieldRules.FORMAT_URI: ("file:///tmp/x", "https://example.com/%2e%2e/x?y#z"),
    options_pb2.FieldRules.FORMAT_SHA256: ("a" * 64,),
}
_SIMPLE = ("thing-1", "first", "fit", "train", "A_B", "1", "state = RUNNING", "create_time desc")
_WHOLE = (0, 1, -1, 2, 500, 2**31 - 1, -(2**31))
_LONG = (*_WHOLE, 2**63 - 1, -(2**63), 10**12, 253402300800)
_REAL = (0.0, -0.0, 0.5, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"))
_MAX_DEPTH = 4
_T = FieldDescriptor
_NUMBERS: dict[int, tuple[Any, ...]] = {
    **dict.fromkeys((_T.TYPE_INT32, _T.TYPE_SINT32, _T.TYPE_SFIXED32), _WHOLE),
    **dict.fromkeys((_T.TYPE_INT64, _T.TYPE_SINT64, _T.TYPE_SFIXED64), _LONG),
    **dict.fromkeys((_T.TYPE_UINT32, _T.TYPE_FIXED32), (0, 1, 2**32 - 1)),
    **dict.fromkeys((_T.TYPE_UINT64, _T.TYPE_FIXED64), (0, 1, 2**64 - 1)),
    _T.TYPE_DOUBLE: _REAL,
    _T.TYPE_FLOAT: (0.0, 0.5, float("nan"), float("inf")),
    _T.TYPE_BOOL: (True, False),
    _T.TYPE_BYTES: (b"", b"\0\xff", b"x" * 70_000, b"{}"),
}


def rules_of(field: FieldDescriptor) -> options_pb2.FieldRules:
    return field.GetOptions().Extensions[options_pb2.field]


def field_at(descriptor: Descriptor, path: str) -> FieldDescriptor:
    """The field at the end of a path such as "run.name"."""
    *parents, last = path.split(".")
    for parent in parents:
        descriptor = descriptor.fields_by_name[parent].message_type
    return descriptor.fields_by_name[last]


def put(message: Message, path: str, value: Any) -> None:
    """Sets the field at the end of a path."""
    *parents, last = path.split(".")
    for parent in parents:
        message = getattr(message, parent)
    setattr(message, last, value)


def spoil(request: Message) -> None:
    """Makes every text far too long, and every number negative."""
    for field in request.DESCRIPTOR.fields:
        if field.is_repeated or field.message_type is not None:
            continue
        if field.type == field.TYPE_STRING:
            setattr(request, field.name, HOSTILE[3] * 700)
        elif field.type in (field.TYPE_INT32, field.TYPE_INT64):
            setattr(request, field.name, -5)


class Messages:
    """Strategies of messages around the names that exist somewhere."""

    def __init__(self, names: dict[str, str], *, secret: str = "") -> None:
        self._names = names
        self._secret = secret
        self.of = cache(self._of)

    def _of(self, descriptor: Descriptor) -> st.SearchStrategy[Message]:
        """Messages of a type; cached, since making a strategy costs more than a draw."""
        return st.randoms(use_true_random=False).map(
            lambda random: self.make(descriptor, random, depth=0)
        )

    def make(self, descriptor: Descriptor, random: Any, *, depth: int) -> Message:
        message = message_factory.GetMessageClass(descriptor)()
        for field in descriptor.fields:
            required = rules_of(field).required or depth == 0
            if random.random() < (0.8 if required else 0.35) and depth < _MAX_DEPTH:
                self._set(message, field, random, depth)
        return message

    def _set(self, message: Message, field: FieldDescriptor, random: Any, depth: int) -> None:
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if is_map:
            self._fill_map(getattr(message, field.name), field, random, depth)
        elif field.is_repeated:
            items = [self._value(field, random, depth) for _ in range(random.choice((1, 1, 2, 3)))]
            getattr(message, field.name).extend(items)
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(self._value(field, random, depth))
        else:
            setattr(message, field.name, self._value(field, random, depth))

    def _fill_map(self, target: Any, field: FieldDescriptor, random: Any, depth: int) -> None:
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        for _ in range(random.choice((1, 2))):
            name = self._value(key, random, depth)
            if rules_of(field).sensitive and self._secret:
                target[name] = self._secret
            elif value.message_type is None:
                target[name] = self._value(value, random, depth)
            else:
                target[name].CopyFrom(self._value(value, random, depth))

    def _value(self, field: FieldDescriptor, random: Any, depth: int) -> Any:
        if field.message_type is not None:
            return self.make(field.message_type, random, depth=depth + 1)
        if field.type == _T.TYPE_STRING:
            return self._text(rules_of(field), random)
        if field.type == _T.TYPE_ENUM:
            return random.choice([*field.enum_type.values_by_number, 99, -1])
        return random.choice(_NUMBERS[field.type])

    def _text(self, rules: options_pb2.FieldRules, random: Any) -> str:
        if rules.sensitive and self._secret:
            return self._secret
        if random.random() < 0.3:
            return random.choice(HOSTILE)
        if rules.resource_type:
            known = self._names.get(rules.resource_type, "absent/things")
            return random.choice((known, known, known.rpartition("/")[0] + "/absent"))
        if rules.format:
            return random.choice(_PLAUSIBLE[rules.format])
        if rules.pattern:
            return random.choice((*self._names.values(), "projects/-", *_SIMPLE))
        return random.choice(_SIMPLE)
