"""The least that a durable change costs: one bare SQL transaction for all that one call says.

What a watcher may see must not vanish with the power: so the rows that changed and the events
that say so are written together, numbered, and synced, as ours are; with nothing around them.
"""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_TABLES = """
CREATE TABLE head (revision INTEGER NOT NULL);
INSERT INTO head VALUES (0);
CREATE TABLE steps (id TEXT PRIMARY KEY, state INTEGER NOT NULL, revision INTEGER NOT NULL);
CREATE TABLE events (
    revision INTEGER, "index" INTEGER, event BLOB, PRIMARY KEY (revision, "index")
);
"""
_MOVE = (
    "INSERT INTO steps VALUES (?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET state = excluded.state, revision = excluded.revision"
)


class Changes:
    """Changes of steps in a SQLite file, synced at each commit."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "writer", self._open)

    async def write(self, steps: list[tuple[str, int]], event: bytes) -> None:
        """Moves steps to states, each with an event, and returns once that is durable."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, steps, event)

    def _open(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(_TABLES)
        self._connection = connection

    def _write(self, steps: list[tuple[str, int]], event: bytes) -> None:
        run = self._connection
        run.execute("BEGIN IMMEDIATE")
        ((revision,),) = run.execute("UPDATE head SET revision = revision + 1 RETURNING revision")
        run.executemany(_MOVE, [(id_, state, revision) for id_, state in steps])
        rows = [(revision, index, event) for index in range(len(steps))]
        run.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
        run.execute("COMMIT")
