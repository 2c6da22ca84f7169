"""Statements that are compiled once find their rows by an index: they run with every write."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

import workspace.store
from meshkit.driver import compile_for
from meshkit.query import Query
from workspace.store.base import Rows, metadata

# Of these there are a handful, and who asks wants nearly all.
_SMALL = frozenset(
    {"data_keys", "secret_backends", "secret_stores", "feed_positions", "stacks", "flavors"}
)


def statements() -> Iterator[tuple[str, Query]]:
    for module in pkgutil.iter_modules(workspace.store.__path__):
        named = vars(importlib.import_module(f"workspace.store.{module.name}"))
        for name, found in named.items():
            query = found._query if isinstance(found, Rows) else found
            if isinstance(query, Query):
                yield f"{module.name}.{name}", query


@pytest.fixture(scope="module")
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_no_statement_reads_a_whole_table(connection: sa.Connection) -> None:
    """SQLite's plans, which do not depend on what is stored."""
    found = dict(statements())
    assert len(found) > 30
    reading = {name: scans(connection, query) for name, query in found.items()}
    assert {name: tables for name, tables in reading.items() if tables - _SMALL} == {}


def scans(connection: sa.Connection, query: Query) -> set[str]:
    compiled = compile_for(connection.dialect, query._statement, query._names)
    parameters = (None,) * compiled.sql.count("?")
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled.sql}", parameters)
    whole = [line.split() for *_, line in rows if line.startswith("SCAN")]
    return {words[1] for words in whole if words[1] in metadata.tables and "USING" not in words}
