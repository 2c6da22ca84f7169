"""Migrated databases to copy: made once by each process of a run, with the real migrations.

Nearly every test wants a database of its own and does not care how it came to be; the tests of
the migrations themselves start from an empty one.
"""

import asyncio
import contextlib
import os
import sqlite3
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import asyncpg
import sqlalchemy as sa

import controlplane.server
import workspace.server
import workspace.upgrade
from controlplane.store.schema import Base
from meshkit.migrations import migrate
from tests.postgres import Server
from workspace.store.base import metadata


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


CONTROL_PLANE = Template("controlplane", controlplane.server.MIGRATIONS, Base.metadata)
WORKSPACE = Template("workspace", workspace.upgrade.MIGRATIONS, metadata)
