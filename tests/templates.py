"""Migrated databases to copy: made once by each process of a run, with the real migrations.

Nearly every test wants a database of its own and does not care how it came to be; the tests of
the migrations themselves start from an empty one.
"""

import asyncio
import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import asyncpg
import sqlalchemy as sa

import controlplane.upgrade
import workspace.server
import workspace.upgrade
from controlplane.store.schema import Base
from meshkit.migrations import migrate
from tests.postgres import Server
from workspace.store.base import metadata

T = TypeVar("T")


@dataclass
class Template:
    """The database of one service as a first start makes it: the newest tables, without a row."""

    service: str
    scripts: Path
    tables: sa.MetaData

    def fill(self, url: str) -> None:
        """Makes the SQLite file of a new database; leaves alone what there is already."""
        parsed = sa.make_url(url)
        file = Path(parsed.database or "")
        if parsed.get_backend_name() == "sqlite" and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self._file)

    async def create(self, name: str, server: Server, connection: asyncpg.Connection) -> None:
        """Makes a new PostgreSQL database of that name."""
        source = f"template_{self.service}_{os.getpid()}"
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", source):
            await connection.execute(f"CREATE DATABASE {source}")
            await migrate(server.url(source), self.scripts, self.tables)
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY file_copy")

    @cached_property
    def _file(self) -> bytes:
        with tempfile.TemporaryDirectory(prefix="weft-test-") as folder:
            path = Path(folder) / "template.db"
            # On a loop of its own: this may be asked for on a running one.
            with ThreadPoolExecutor(1) as threads:
                made = migrate(f"sqlite:///{path}", self.scripts, self.tables)
                threads.submit(asyncio.run, made).result()
            with contextlib.closing(sqlite3.connect(path)) as connection:
                # Everything into the one file, and nothing beside it.
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return path.read_bytes()


class Keeper:
    """Makes and drops databases of PostgreSQL over one connection, on a loop of its own.

    A connection costs more than copying a database does, and each test has a loop of its own.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._runner = asyncio.Runner()
        # The loop belongs to this thread; fixtures may be called while another one runs.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keeper")
        self._connection: asyncpg.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection:
            self._run(self._connection.close())
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    def create(self, name: str, template: Template | None) -> str:
        """The URL of a new database: a copy, or with nothing in it."""
        self._run(self._create(name, template))
        return self._server.url(name)

    def drop(self, name: str) -> None:
        self._run(self._drop(name))

    async def _create(self, name: str, template: Template | None) -> None:
        connection = await self._connected()
        if template:
            await template.create(name, self._server, connection)
        else:
            await connection.execute(f"CREATE DATABASE {name}")

    async def _drop(self, name: str) -> None:
        connection = await self._connected()
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def _connected(self) -> asyncpg.Connection:
        if self._connection:
            # Some tests restart the server.
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await self._connection.execute("SELECT 1")
                return self._connection
        self._connection = await asyncpg.connect(self._server.url("postgres"))
        return self._connection

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(self._runner.run, work).result()


CONTROL_PLANE = Template("controlplane", controlplane.upgrade.MIGRATIONS, Base.metadata)
WORKSPACE = Template("workspace", workspace.upgrade.MIGRATIONS, metadata)
