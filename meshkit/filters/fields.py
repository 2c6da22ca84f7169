"""Which fields of a resource can be filtered, of which types, and where their values are."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import EnumDescriptor
from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

Column = ColumnElement[Any] | InstrumentedAttribute[Any]


class Kind(enum.Enum):
    """Types of fields; the value says to people what such a field takes."""

    STRING = "a text"
    UUID = "a UUID"
    ENUM = "one of its values"
    BOOL = "true or false"
    INT = "a whole number of 64 bits"
    FLOAT = "a number"
    TIMESTAMP = 'a time such as 2025-01-31T12:00:00Z or now()-"24h"'
    MAP = "a key and a text"
    VALUES = "a key and a number, a text, true or false"


MAPS = frozenset({Kind.MAP, Kind.VALUES})
# Longer texts only count as being there, so that indexes can hold what is compared.
MAX_TEXT = 256
MAX_KEY = 256


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of an enum; databases may keep either."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Choices:
    """Values of an enum: numbers by name without the prefix of its type."""

    numbers: Mapping[str, int]
    prefix: str = ""

    @classmethod
    def of(cls, descriptor: EnumDescriptor) -> "Choices":
        """The values of a protobuf enum except `..._UNSPECIFIED`."""
        prefix = descriptor.values_by_number[0].name.removesuffix("UNSPECIFIED")
        values = [value for value in descriptor.values if value.number]
        return cls({value.name.removeprefix(prefix): value.number for value in values}, prefix)

    def find(self, name: str) -> Choice | None:
        """The value of a name, with or without the prefix."""
        short = name.removeprefix(self.prefix)
        return Choice(short, self.numbers[short]) if short in self.numbers else None


@dataclass(frozen=True, slots=True)
class Beside:
    """Where a map stands in SQL if it has to be found by: a table with a row for each value.

    `owner` is the uid of the resource, `uid` the same in that table. `prefix` stands before each
    key, since several maps share the table. `text` holds texts, true and false; `number` numbers;
    a value that is none of these has neither.
    """

    owner: Column
    uid: Column
    key: Column
    text: Column
    number: Column
    prefix: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a filter table.

    `column` holds the value in SQL and stands in an index. An ENUM is stored as its number or
    its name without prefix; a map (MAP, VALUES) beside its resource or, where a list is short by
    nature, as a JSON object in a column. `getter` reads the same value from an item in memory: a
    message, a mapping or a row; the default follows the dots of `name`.
    """

    name: str
    kind: Kind
    column: Column | Beside | None = None
    getter: Callable[[Any], Any] | None = None
    choices: Choices | None = None

    def __post_init__(self) -> None:
        if (self.kind is Kind.ENUM) != (self.choices is not None):
            raise ValueError(f"filter field {self.name!r}: an ENUM, and nothing else, has choices")

    @property
    def sql(self) -> Column:
        """The column; TypeError where there is none, as for a resource that lives in memory."""
        if self.column is None or isinstance(self.column, Beside):
            raise TypeError(f"filter field {self.name!r} has no column")
        return self.column
