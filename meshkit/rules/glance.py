"""A glance at a message: whether anything in it can break a rule, without a word on what.

Nearly every message breaks none. To say so takes neither the paths of its fields nor a list of
findings: this costs a third of the look that names what is wrong, which follows only where the
glance has a doubt.

The glance is exact or cautious: what it lets pass breaks no rule.
"""

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from meshkit.rules.columns import Look
from meshkit.rules.shapes import has_text_keys, is_map
from meshkit.rules.values import KEY
from weftapi.options.v1.options_pb2 import FieldRules

# Whatever is true about a value that may break a rule; also what says what is wrong with it.
Doubt = Callable[[Any], object]

# Items from which on a look at their columns is quicker than one at each.
MANY = 4


class Glance:
    """What raises doubts about messages of one type, by the numbers of their fields."""

    __slots__ = ("_doubts", "_needed")

    def __init__(self) -> None:
        self._needed: set[int] = set()
        self._doubts: dict[int, tuple[Doubt, ...]] = {}

    def need(self, number: int) -> None:
        """A message in which this field is not set breaks a rule."""
        self._needed.add(number)

    def add(self, number: int, doubts: Iterable[Doubt]) -> None:
        """Doubts about a field that is set; they get its value, list or map."""
        self._doubts[number] = (*self._doubts.get(number, ()), *doubts)

    def doubts(self, message: Message) -> bool:
        """Whether the message may break a rule."""
        known = self._doubts
        present = []
        # Most fields of most messages are unset; gRPC's C code finds those that are not.
        for field, value in message.ListFields():
            number = field.number
            present.append(number)
            for doubt in known.get(number, ()):
                if doubt(value):
                    return True
        return not self._needed.issubset(present)

    def at_required(self, field: FieldDescriptor) -> None:
        """Doubts about a single field that must say something."""
        self.need(field.number)
        if field.cpp_type == FieldDescriptor.CPPTYPE_STRING or not field.has_presence:
            self.add(field.number, [is_empty])

    def at_count(self, field: FieldDescriptor, rules: FieldRules) -> None:
        """Doubts about how many items a list or map has, and about the keys of a map."""
        least, most = max(rules.min_items, int(rules.required)), rules.max_items
        if least:
            self.need(field.number)
        if least or most:
            self.add(field.number, [_unless_sized(least, most)])
        if has_text_keys(field):
            self.add(field.number, [lambda items: not all(map(KEY.fullmatch, items))])

    def at_values(self, field: FieldDescriptor, doubts: list[Doubt], *, is_needed: bool) -> None:
        """Doubts about the value, or each item, of a field; `is_needed` where unset breaks one."""
        if is_needed:
            self.need(field.number)
        self.add(field.number, of_field(field, doubts))


def is_empty(value: Any) -> bool:
    """The doubt about what must hold something."""
    return not value


def of_field(field: FieldDescriptor, doubts: list[Doubt]) -> list[Doubt]:
    """Doubts about a value, as ones about its field."""
    if is_map(field):
        return [_each_value(doubts)]
    return [_each(doubts)] if field.is_repeated else doubts


def by_columns(look: Look, otherwise: Doubt) -> Doubt:
    """A doubt about a list of messages, of which many are looked at by their columns."""

    def doubt(items: Iterable[Message]) -> object:
        messages = list(items)
        return (len(messages) < MANY or not look(messages)) and otherwise(messages)

    return doubt


def _unless_sized(least: int, most: int) -> Doubt:
    """There is no bound where `most` is 0."""
    return lambda items: len(items) < least or (most and len(items) > most)


def _each(doubts: list[Doubt]) -> Doubt:
    if len(doubts) == 1:
        return lambda items: any(map(doubts[0], items))
    return lambda items: any(doubt(item) for item in items for doubt in doubts)


def _each_value(doubts: list[Doubt]) -> Doubt:
    about = _each(doubts)
    return lambda items: about(items.values())
