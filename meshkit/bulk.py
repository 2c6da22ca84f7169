"""One statement for many rows, at the price of the driver alone.

SQLAlchemy's own executemany spends more time on naming and converting parameters than SQLite
takes to store them. `Bulk` compiles once, converts by the columns' own types, and hands plain
tuples to the driver.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

Converter = Callable[[Any], Any] | None


class Bulk:
    """An INSERT, UPDATE or DELETE, given once, that runs for a list of rows of parameters.

    `names` are the parameters that a row holds, in its order: columns of an INSERT, or
    `bindparam`s of the others (which must not carry the names of columns).
    """

    def __init__(self, statement: sa.Insert | sa.Update | sa.Delete, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = list(names)
        self._compiled: dict[str, tuple[str, list[tuple[int, Converter]]]] = {}

    def run(self, connection: sa.Connection, rows: Iterable[Sequence[Any]]) -> None:
        """Runs the statement for each row; nothing where there are none."""
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = self._compile(dialect)
        sql, columns = self._compiled[dialect.name]
        parameters = [
            tuple([convert(row[i]) if convert else row[i] for i, convert in columns])
            for row in rows
        ]
        if parameters:
            connection.exec_driver_sql(sql, parameters)

    def _compile(self, dialect: sa.Dialect) -> tuple[str, list[tuple[int, Converter]]]:
        keys = self._names if isinstance(self._statement, sa.Insert) else None
        compiled = self._statement.compile(dialect=dialect, column_keys=keys)
        assert isinstance(compiled, SQLCompiler)
        columns: list[tuple[int, Converter]] = []
        for name in compiled.positiontup or ():
            kind = compiled.binds[name].type.dialect_impl(dialect)
            columns.append((self._names.index(name), kind.bind_processor(dialect)))
        return compiled.string, columns
