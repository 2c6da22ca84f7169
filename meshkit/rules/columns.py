"""A quick look at many messages of one type: whether none of them can break a rule.

The rules of a hundred log lines cost 290 us when each value of each line is checked by itself,
five times what gRPC takes for the message that carries them. A whole column of values costs a
fraction of that: `max` and `set` over `map` never leave C. So lists of plain messages are first
looked at by column; where that finds anything to doubt, they are checked item by item, which
also says where.

The look is exact or cautious: what it passes breaks no rule.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from meshkit.rules.values import FIRST_SECOND, LAST_SECOND, NANOS, TIMESTAMP
from weftapi.options.v1 import options_pb2
from weftapi.options.v1.options_pb2 import FieldRules

# True where no item breaks a rule of the columns that it looks at.
Look = Callable[[Sequence[Message]], bool]

_F = FieldDescriptor
# Rules that are about more than how long a text is, or that no column shows.
_DEEP = ("required", "min_length", "pattern", "format", "resource_type", "sensitive")
_PLAIN = frozenset({_F.CPPTYPE_BOOL, _F.CPPTYPE_STRING, _F.CPPTYPE_ENUM})


def quick_look(descriptor: Descriptor) -> Look | None:
    """The look at messages of a type; None for types whose rules need more than columns."""
    looks: list[Look] = []
    bounds: list[tuple[str, int]] = []
    for field in descriptor.fields:
        rules = field.GetOptions().Extensions[options_pb2.field]
        if rules.output_only:
            continue
        if field.is_repeated or any(getattr(rules, rule) for rule in _DEEP):
            return None
        if _is_time(field):
            looks.append(_times(field.name))
        elif field.cpp_type == _F.CPPTYPE_STRING and rules.max_length:
            bounds.append((field.name, rules.max_length))
        elif not _is_free(field, rules):
            return None
    return _all(_enums(descriptor) + _texts(descriptor, bounds) + looks)


def _is_time(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name == TIMESTAMP


def _is_free(field: FieldDescriptor, rules: FieldRules) -> bool:
    """Whether nothing, or nothing but what `_enums` looks at, holds for the field's values."""
    is_bounded = rules.HasField("minimum") or rules.HasField("maximum")
    is_integer = field.cpp_type in {_F.CPPTYPE_INT32, _F.CPPTYPE_INT64}
    return not is_bounded and (is_integer or field.cpp_type in _PLAIN)


def _texts(descriptor: Descriptor, bounds: list[tuple[str, int]]) -> list[Look]:
    """No text of a message is longer than the message is in bytes: most need no other look."""
    if not bounds:
        return []
    shortest = min(most for _, most in bounds)
    # Of the class itself: `map` then calls it without a step through Python.
    size: Callable[[Message], int] = GetMessageClass(descriptor).ByteSize

    def look(items: Sequence[Message]) -> bool:
        if max(map(size, items)) <= shortest:
            return True
        return all(max(map(len, map(attrgetter(name), items))) <= most for name, most in bounds)

    return [look]


def _enums(descriptor: Descriptor) -> list[Look]:
    """Few combinations of values stand in many messages."""
    fields = [field for field in descriptor.fields if field.enum_type is not None]
    if not fields:
        return []
    known = [frozenset(field.enum_type.values_by_number) for field in fields]  # type: ignore[union-attr]
    names = [field.name for field in fields]
    if len(fields) == 1:
        return [lambda items: known[0].issuperset(map(attrgetter(names[0]), items))]
    read: Callable[[Message], tuple[int, ...]] = attrgetter(*names)

    def look(items: Sequence[Message]) -> bool:
        combinations = set(map(read, items))
        return all(
            value in values
            for combination in combinations
            for value, values in zip(combination, known, strict=True)
        )

    return [look]


def _times(name: str) -> Look:
    # A time that is absent reads as 0, which is a valid one.
    seconds, nanos = attrgetter("seconds"), attrgetter("nanos")
    time: Callable[[Any], Any] = attrgetter(name)

    def look(items: Sequence[Message]) -> bool:
        times = list(map(time, items))
        all_seconds: list[int] = list(map(seconds, times))
        all_nanos: list[int] = list(map(nanos, times))
        return (
            min(all_seconds) >= FIRST_SECOND
            and max(all_seconds) <= LAST_SECOND
            and min(all_nanos) >= 0
            and max(all_nanos) < NANOS
        )

    return look


def _all(looks: list[Look]) -> Look:
    def look(items: Sequence[Message]) -> bool:
        return all(one(items) for one in looks)

    return look
