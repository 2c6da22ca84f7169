"""Statements compiled once, and handed to the driver as they are.

SQLAlchemy writes the SQL and knows the types. Building a statement anew, finding it in its cache
and describing the result costs it ten times what SQLite takes to find a row by its key, so what
runs in every call goes around that: `Query` for one statement, `Bulk` for many rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NoReturn

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

Converter = Callable[[Any], Any] | None
Statement = sa.Select[Any] | sa.Insert | sa.Update | sa.Delete


@dataclass(frozen=True, slots=True)
class Compiled:
    """The SQL of one dialect; where each parameter comes from, and which ones are converted.

    `constants` are parameters that the statement itself brings: they follow the caller's.
    """

    sql: str
    pick: Callable[[Sequence[Any]], tuple[Any, ...]]
    converted: tuple[tuple[int, Callable[[Any], Any]], ...]
    constants: tuple[Any, ...]

    def parameters(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """What the driver gets for these values."""
        if self.constants:
            values = (*values, *self.constants)
        picked = self.pick(values)
        if not self.converted:
            return picked
        parameters = list(picked)
        for place, convert in self.converted:
            parameters[place] = convert(parameters[place])
        return tuple(parameters)


def compile_for(dialect: sa.Dialect, statement: Statement, names: Sequence[str]) -> Compiled:
    """Compiles a statement whose parameters `names` come in this order."""
    keys = list(names) if isinstance(statement, sa.Insert) else None
    compiled = statement.compile(dialect=dialect, column_keys=keys)
    assert isinstance(compiled, SQLCompiler)
    places = {name: place for place, name in enumerate(names)}
    sources: list[int] = []
    converted: list[tuple[int, Callable[[Any], Any]]] = []
    constants: list[Any] = []
    for name in compiled.positiontup or ():
        bind = compiled.binds[name]
        if name not in places:
            places[name] = len(names) + len(constants)
            constants.append(bind.effective_value)
        convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if convert:
            converted.append((len(sources), convert))
        sources.append(places[name])
    return Compiled(compiled.string, picker(sources), tuple(converted), tuple(constants))


def picker(places: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Gives the values at these places as a tuple, without a step through Python for each."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple(values[place] for place in places)


def fetch_all(connection: sa.Connection, sql: str, parameters: tuple[Any, ...]) -> list[Any]:
    """Runs one statement; its rows as the driver made them."""
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute(sql, parameters)
        rows: list[Any] = cursor.fetchall()
    except BaseException as error:  # noqa: BLE001 - whatever the driver raises
        _fail(connection, sql, error, cursor)
    cursor.close()
    return rows


def run_many(connection: sa.Connection, sql: str, parameters: list[tuple[Any, ...]]) -> None:
    """Runs one statement for each tuple of parameters."""
    cursor: Any = connection.connection.cursor()
    try:
        cursor.executemany(sql, parameters)
    except BaseException as error:  # noqa: BLE001 - whatever the driver raises
        _fail(connection, sql, error, cursor)
    cursor.close()


def _fail(connection: sa.Connection, sql: str, error: BaseException, cursor: Any) -> NoReturn:
    """Fails as SQLAlchemy does: its own errors and events, broken connections dropped.

    So are those on which a caller was cancelled: one that went away during BEGIN left a
    transaction open that nobody knew of, and all later reads there saw its old snapshot.
    """
    is_of_driver = isinstance(error, connection.dialect.loaded_dbapi.Error)
    # It has no public name, and written again it would drift from what `execute` raises.
    connection._handle_dbapi_exception(error, sql if is_of_driver else None, None, cursor, None)  # noqa: SLF001
