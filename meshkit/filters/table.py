"""The filter table of a resource, and filters that fit it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, UniqueConstraint

from meshkit.filters import grammar, memory, sql
from meshkit.filters.binding import Binder, Bound, field_names
from meshkit.filters.fields import Beside, Field
from meshkit.filters.leading import Lead, leads_of


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that fits its resource; `text` is what the caller wrote."""

    text: str
    bound: Bound

    def where(self) -> ColumnElement[bool]:
        """The condition for WHERE; TypeError where a field has no column."""
        return sql.condition(self.bound)

    def leads(self) -> list[Lead]:
        """The values of maps by which a database can find what matches."""
        return leads_of(self.bound)

    def predicate(self) -> Callable[[Any], bool]:
        """The same decision about items in memory, compiled once for many of them."""
        return memory.predicate(self.bound)

    def __str__(self) -> str:
        return self.text


class Fields:
    """The filter table of a resource: the only names its filters can use."""

    def __init__(self, *fields: Field) -> None:
        self._fields = {field.name: field for field in fields}
        if len(self._fields) != len(fields):
            raise ValueError("two filter fields have the same name")

    def parse(self, text: str, *, now: datetime) -> Filter:
        """Reads a filter; `now()` in it means `now` (UTC) for good.

        Raises InvalidArgument INVALID_FILTER, with the position, for text that is no filter,
        an unknown field or a value of another type.
        """
        return Filter(text, Binder(self._fields, now).bind(grammar.parse(text)))

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields.values())

    def names(self) -> list[str]:
        """Fields as messages and manuals list them."""
        return field_names(self._fields)

    def unindexed(self) -> list[str]:
        """Fields whose column stands in no index: a contract test wants none."""
        columns = ((name, field.column) for name, field in self._fields.items())
        return [name for name, column in columns if column is not None and not _indexed(column)]


def _indexed(column: Any) -> bool:
    if isinstance(column, Beside):
        return _indexed(column.uid) and _indexed(column.text) and _indexed(column.number)
    plain = getattr(column, "expression", column)
    if not isinstance(plain, Column) or not isinstance(plain.table, Table):
        return False
    table = plain.table
    groups = [table.primary_key.columns, *(index.columns for index in table.indexes)]
    for rule in table.constraints:
        if isinstance(rule, UniqueConstraint):
            groups.append(rule.columns)  # noqa: PERF401 - types narrow in a loop only
    return any(plain.name in group for group in groups)
