"""Migrations: alembic run in code, by one process at a time, each upgrade all or nothing."""

import asyncio
import contextlib
import fcntl
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from meshkit.engines import DatabaseSettings, sqlite_engine
from meshkit.schema import mesh_tables, new_metadata

# Alembic is imported where it is used: a server whose database is up to date, as at nearly
# every start, does without it and without the revisions' modules.
if TYPE_CHECKING:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext, RevisionStep, StampStep
    from alembic.script import ScriptDirectory
    from sqlalchemy.ext.asyncio import AsyncEngine

# Any number will do, as long as every migrator of the database takes the same.
_ADVISORY_LOCK = 0x77656674

# Who waits for a table keeps everybody from it who comes later, so nobody waits for long: a
# dump that reads for an hour must not stop the servers that an upgrade leaves running.
_LOCK_WAIT_MS = 1000
_LOCK_PAUSE_S = 1.0
_LOCK_TRIES = 60
# lock_not_available and deadlock_detected
_LOCKED = ("55P03", "40P01")


class DatabaseTooNewError(Exception):
    """The database was upgraded by a newer version of the code."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"the database is at schema revision {revision}, which this version does not know: "
            "a newer version upgraded it. Start that version, or restore the backup that it made "
            "before upgrading."
        )


class DatabaseBusyError(Exception):
    """Somebody holds a table that is to be changed."""

    def __init__(self) -> None:
        super().__init__(
            "the database is busy: somebody has been reading or changing a table for minutes that "
            "is to be upgraded, a backup say. Nothing was changed; try again when it is done."
        )


async def migrate(url: str, script_location: str | Path, metadata: sa.MetaData) -> None:
    """Brings a database to the newest revision of `script_location`, which holds `versions/`.

    The files there are named `<revision>.py` or `<revision>_<what>.py`, and sort in their order.
    Safe to run from several processes at once: one upgrades, the others find it done. An upgrade
    that fails leaves the database as it was. A SQLite file with content is copied first, to
    `<file>.<revision>-<time>.backup`. On PostgreSQL servers go on working meanwhile: what they
    hold is asked for again and again, and nobody is kept waiting for long. Raises
    DatabaseTooNewError, and DatabaseBusyError where somebody never lets go.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        await asyncio.to_thread(_migrate_sqlite, parsed, Path(script_location), metadata)
        return
    from meshkit.postgres import async_engine

    engine = async_engine(parsed)
    try:
        for _ in range(_LOCK_TRIES):
            if await _upgraded_beside_others(engine, Path(script_location), metadata):
                return
            await asyncio.sleep(_LOCK_PAUSE_S)
        raise DatabaseBusyError
    finally:
        await engine.dispose()


async def _upgraded_beside_others(
    engine: "AsyncEngine", scripts: Path, metadata: sa.MetaData
) -> bool:
    """Whether every table could be had; while one is waited for, all who use it wait, too."""
    try:
        async with engine.begin() as connection:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            await connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_LOCK_WAIT_MS}")
            await connection.run_sync(_upgrade, scripts, metadata)
    except sa.exc.DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _LOCKED:
            return False
        raise
    return True


async def drift(url: str, metadata: sa.MetaData) -> list[object]:
    """What the migrated database lacks of the code's tables, or has too much; for tests."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    parsed = sa.make_url(url)

    def compare(connection: sa.Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    if parsed.get_backend_name() == "sqlite":
        engine = sqlite_engine(parsed, DatabaseSettings(), begin="BEGIN")
        try:
            with engine.connect() as connection:
                return compare(connection)
        finally:
            engine.dispose()
    from meshkit.postgres import async_engine

    postgres = async_engine(parsed)
    try:
        async with postgres.connect() as asynchronous:
            return await asynchronous.run_sync(compare)
    finally:
        await postgres.dispose()


def create_mesh_tables(operations: "Operations") -> None:
    """For a service's first revision: `create_mesh_tables(op)` makes the write door's tables."""
    metadata = new_metadata()
    mesh_tables(metadata)
    metadata.create_all(operations.get_bind(), checkfirst=False)


def _migrate_sqlite(url: sa.URL, scripts: Path, metadata: sa.MetaData) -> None:
    path = Path(url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sqlite_engine(url, DatabaseSettings(), begin="BEGIN IMMEDIATE", foreign_keys=False)
    with _file_lock(path.with_name(path.name + ".lock")):
        try:
            with engine.connect() as connection:
                _upgrade_sqlite(connection, path, scripts, metadata)
        finally:
            engine.dispose()


def _upgrade_sqlite(
    connection: sa.Connection, path: Path, scripts: Path, metadata: sa.MetaData
) -> None:
    with connection.begin():
        current = _revision(connection)
    if current is not None and current != _newest(scripts):
        _backup(path, current)
    with connection.begin():
        if not _upgrade(connection, scripts, metadata):
            return
        # Tables are rebuilt with the checks off; nothing may dangle afterwards.
        if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
            raise sa.exc.IntegrityError(f"{len(broken)} rows refer to nothing", None, ValueError())


def _upgrade(connection: sa.Connection, scripts: Path, metadata: sa.MetaData) -> bool:
    """Runs what is missing, inside the transaction that the caller began; whether anything was."""
    current = _revision(connection)
    if current == _newest(scripts):
        return False
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    directory = ScriptDirectory(str(scripts))
    if current is not None and not _knows(directory, current):
        raise DatabaseTooNewError(current)

    def steps(heads: str, _context: "MigrationContext") -> "list[StampStep | RevisionStep]":
        return list(directory._upgrade_revs("head", heads))  # noqa: SLF001 - as alembic's command does

    with EnvironmentContext(Config(), directory, fn=steps) as environment:
        environment.configure(
            connection=connection,
            target_metadata=metadata,
            transactional_ddl=True,
            render_as_batch=connection.dialect.name == "sqlite",
        )
        environment.run_migrations()
    return True


def _revision(connection: sa.Connection) -> str | None:
    """What alembic has noted in the database; None in an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    versions = sa.select(sa.column("version_num", sa.String)).select_from(
        sa.table("alembic_version")
    )
    return connection.scalar(versions)


def _newest(scripts: Path) -> str:
    """The newest revision, by the names of the files."""
    return max(path.stem.partition("_")[0] for path in (scripts / "versions").glob("[!_]*.py"))


def _knows(directory: "ScriptDirectory", revision: str) -> bool:
    return any(script.revision == revision for script in directory.walk_revisions())


def _backup(path: Path, revision: str) -> None:
    """A consistent copy, also of what still stands in the write-ahead log."""
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    target = path.with_name(f"{path.name}.{revision}-{time}.backup")
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
