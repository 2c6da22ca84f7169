"""One statement for many rows, at the price of the driver alone."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from meshkit.driver import Compiled, compile_for, run_many


class Bulk:
    """An INSERT, UPDATE or DELETE, given once, that runs for a list of rows of parameters.

    `names` are the parameters that a row holds, in its order: columns of an INSERT, or
    `bindparam`s of the others (which must not carry the names of columns).
    """

    def __init__(self, statement: sa.Insert | sa.Update | sa.Delete, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = tuple(names)
        self._compiled: dict[str, Compiled] = {}

    def run(self, connection: sa.Connection, rows: Iterable[Sequence[Any]]) -> None:
        """Runs the statement for each row; nothing where there are none."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = compile_for(dialect, self._statement, self._names)
            self._compiled[dialect.name] = compiled
        parameters = [compiled.parameters(row) for row in rows]
        if parameters:
            run_many(connection, compiled.sql, parameters)
