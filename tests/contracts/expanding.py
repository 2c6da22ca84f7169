"""Whether a migration only expands: servers that do not know it go on as if nothing had happened.

Judged by what a migration does to a database, not by how it is written.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from meshkit.migrations import migrate

_CHANGE = re.compile(r'\s*(UPDATE|DELETE FROM|INSERT INTO) "?(\w+)', re.IGNORECASE)
# What alembic writes for itself, and the copies in which it rebuilds tables of SQLite.
_ALEMBICS = ("alembic_version", "_alembic_tmp_")


@dataclass(frozen=True, slots=True)
class Column:
    """What an INSERT or an UPDATE of an old server meets."""

    type: str
    is_required: bool
    has_default: bool


@dataclass(frozen=True, slots=True)
class Table:
    """`rules` are what rows must fulfil: keys, checks, references."""

    columns: dict[str, Column]
    rules: frozenset[str]


Tables = dict[str, Table]


def tables_of(url: str) -> Tables:
    engine = sa.create_engine(url)
    try:
        found = sa.inspect(engine)
        return {name: _table(found, name) for name in found.get_table_names()}
    finally:
        engine.dispose()


def problems(before: Tables, after: Tables) -> Iterator[str]:
    """What a server that knows `before` would stumble over."""
    for name, old in before.items():
        new = after.get(name)
        if new is None:
            yield f"{name} is gone"
            continue
        yield from (f"{name}.{word}" for word in _of_columns(old.columns, new.columns))
        yield from (f"{name} requires: {rule}" for rule in sorted(new.rules - old.rules))


async def steps(
    scripts: Path, baseline: str, metadata: sa.MetaData, folder: Path
) -> dict[str, list[str]]:
    """The problems of each migration after the baseline, by its revision."""
    known = folder / "migrations"
    (known / "versions").mkdir(parents=True)
    url = f"sqlite:///{folder / 'expanding.db'}"
    found: dict[str, list[str]] = {}
    later = []
    for script in sorted((scripts / "versions").glob("[0-9]*.py")):
        if script.stem.partition("_")[0] > baseline:
            later.append(script)
        else:
            shutil.copy(script, known / "versions")
    await migrate(url, known, metadata)
    for script in later:
        shutil.copy(script, known / "versions")
        before = tables_of(url)
        with _noted_changes() as changed:
            await migrate(url, known, metadata)
        rows = [f"rows of {name} are changed" for name in sorted(changed & set(before))]
        found[script.stem.partition("_")[0]] = [*problems(before, tables_of(url)), *rows]
    return found


@contextmanager
def _noted_changes() -> Iterator[set[str]]:
    """The tables whose rows are written meanwhile."""
    changed: set[str] = set()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        match = _CHANGE.match(statement)
        if match and not match[2].startswith(_ALEMBICS):
            changed.add(match[2])

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield changed
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def _of_columns(old: dict[str, Column], new: dict[str, Column]) -> Iterator[str]:
    for name, column in old.items():
        if name not in new:
            yield f"{name} is gone"
            continue
        if new[name].type != column.type:
            yield f"{name} was {column.type} and is {new[name].type}"
        if new[name].is_required and not column.is_required:
            yield f"{name} must not be empty any more"
        if column.has_default and not new[name].has_default:
            yield f"{name} has no default any more"
    for name in new.keys() - old.keys():
        if new[name].is_required and not new[name].has_default:
            yield f"{name} is new and must not be empty: give it a server default, and keep it"


def _table(found: sa.Inspector, name: str) -> Table:
    columns = {
        column["name"]: Column(
            str(column["type"]), not column["nullable"], column["default"] is not None
        )
        for column in found.get_columns(name)
    }
    key = found.get_pk_constraint(name)["constrained_columns"]
    rules = {f"PRIMARY KEY {key}"}
    rules |= {f"CHECK {check['sqltext']}" for check in found.get_check_constraints(name)}
    rules |= {f"UNIQUE {each['column_names']}" for each in found.get_unique_constraints(name)}
    rules |= {
        f"UNIQUE {each['column_names']}" for each in found.get_indexes(name) if each["unique"]
    }
    rules |= {
        f"REFERENCE {each['constrained_columns']} {each['referred_table']}"
        for each in found.get_foreign_keys(name)
    }
    return Table(columns, frozenset(rules))
