"""One statement that returns rows, at the price of the driver alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from meshkit.driver import Compiled, Converter, compile_for, fetch_all


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A compiled statement, and how the columns that need it are converted."""

    compiled: Compiled
    results: tuple[tuple[int, Converter], ...]


class Query:
    """A SELECT, or an UPDATE with RETURNING, given once and compiled once for each dialect.

    `names` are its `bindparam`s, in the order in which `all` and `first` take their values.
    Lists go through `schema.among(column, name)`. Rows are plain sequences of the columns'
    Python values.
    """

    def __init__(self, statement: sa.Select[Any] | sa.Update, *names: str) -> None:
        self._statement = statement
        self._names = names
        self._prepared: dict[str, _Prepared] = {}

    def all(self, connection: sa.Connection, *values: Any) -> list[Sequence[Any]]:
        """Every row."""
        prepared = self._prepared.get(connection.dialect.name) or self._prepare(connection.dialect)
        compiled = prepared.compiled
        rows = fetch_all(connection, compiled.sql, compiled.parameters(values))
        if not prepared.results:
            return rows
        return [_converted(row, prepared.results) for row in rows]

    def first(self, connection: sa.Connection, *values: Any) -> Sequence[Any] | None:
        """The first row; None where there is none."""
        rows = self.all(connection, *values)
        return rows[0] if rows else None

    def _prepare(self, dialect: sa.Dialect) -> _Prepared:
        results = []
        for place, column in enumerate(self._statement.exported_columns):
            convert = column.type.dialect_impl(dialect).result_processor(dialect, None)
            if convert:
                results.append((place, convert))
        compiled = compile_for(dialect, self._statement, self._names)
        prepared = self._prepared[dialect.name] = _Prepared(compiled, tuple(results))
        return prepared


def _converted(row: Sequence[Any], converters: Sequence[tuple[int, Any]]) -> list[Any]:
    values = list(row)
    for place, convert in converters:
        values[place] = convert(values[place])
    return values
