"""The two databases, each behind the same few methods.

SQLite: the standard driver; one thread owns the writing connection, a few threads read.
PostgreSQL: asyncpg under SQLAlchemy's `run_sync`; one writing connection, a bounded pool reads.
"""

import asyncio
import math
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from meshkit.config import ConfigError
from meshkit.driver import fetch_all
from meshkit.errors import DeadlineExceeded, Unavailable
from meshkit.feed import Feed
from meshkit.files import hold_alone

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

# Of the connection that writes: a commit touches a leaf of every index, and SQLite's own 2 MiB
# hold the indexes of a few thousand runs. It takes the memory as it needs it.
_WRITER_CACHE_KIB = 32 * 1024

# How many instructions of its virtual machine SQLite makes, in a millisecond or so, before it
# asks whether to go on.
_ASKS_AFTER = 100_000

# Stands in a connection's `info` once a statement of its transaction has failed.
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Limits of one database; the defaults suit a service."""

    # FULL survives a power cut; with batched commits it costs little more than NORMAL.
    sqlite_synchronous: str = "FULL"
    busy_timeout_s: float = 5.0
    readers: int = 4
    max_batch: int = 500
    max_waiting: int = 10_000
    ring_events: int = 10_000
    ring_bytes: int = 16 * 1024 * 1024
    connect_timeout_s: float = 10.0
    command_timeout_s: float = 30.0
    # Of one statement: a list by a filter that hardly anything matches would hold one of few
    # readers for minutes.
    read_timeout_s: float = 20.0


class Follower(Protocol):
    """Brings in what other replicas commit, and tells them what this one did."""

    def announce(self) -> None: ...

    async def close(self) -> None: ...


class Engine(Protocol):
    """What the door needs of a database."""

    async def write(self, work: Work[T]) -> T:
        """Runs work on the one writing connection; the work begins and commits."""
        ...

    async def read(self, work: Work[T]) -> T:
        """Runs work in one read-only snapshot; a write raises, and nothing is ever kept."""
        ...

    def is_disconnect(self, error: BaseException) -> bool:
        """Whether the connection broke, so that the server's answer may be lost."""
        ...

    def is_transient(self, error: BaseException) -> bool:
        """Whether the same transaction, certainly not committed, may succeed if run again."""
        ...

    def follow(self, feed: Feed) -> Follower | None:
        """Starts following other replicas, where there can be any."""
        ...

    async def close(self) -> None: ...


class _Limited(sqlite3.Connection):
    """Ends each statement after its time, as `statement_timeout` does on PostgreSQL."""

    timeout_s = math.inf
    _ends_at = math.inf

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        """One is made for each statement, by SQLAlchemy and by what goes around it."""
        self._ends_at = time.monotonic() + self.timeout_s
        return super().cursor(factory)

    def is_late(self) -> bool:
        return time.monotonic() > self._ends_at


class SqliteEngine:
    """One file. Each thread keeps its connection: checking one out costs more than a read."""

    def __init__(self, url: sa.URL, settings: DatabaseSettings) -> None:
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._readers = ThreadPoolExecutor(settings.readers, thread_name_prefix="sqlite-reader")
        self._writing = sqlite_engine(url, settings, begin="BEGIN IMMEDIATE")
        self._reading = sqlite_engine(url, settings, begin="BEGIN", query_only=True)
        remember_failures(self._writing)
        self._local = threading.local()
        self._open: list[sa.Connection] = []

    async def write(self, work: Work[T]) -> T:
        return await _on(self._writer, lambda: work(self._connection(self._writing)))

    async def read(self, work: Work[T]) -> T:
        return await _on(self._readers, lambda: self._read(work))

    def _read(self, work: Work[T]) -> T:
        connection = self._connection(self._reading)
        connection.begin()
        try:
            return work(connection)
        except (sa.exc.OperationalError, sqlite3.OperationalError) as error:
            if _code(error) == sqlite3.SQLITE_INTERRUPT:
                raise too_slow() from error
            raise
        finally:
            connection.rollback()

    def _connection(self, engine: sa.Engine) -> sa.Connection:
        connection: sa.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = engine.connect()
            self._open.append(connection)
        return connection

    def is_disconnect(self, error: BaseException) -> bool:  # noqa: ARG002 - a file answers
        return False

    def is_transient(self, error: BaseException) -> bool:
        """Another process held the file for longer than the busy timeout."""
        return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

    def follow(self, feed: Feed) -> None:
        """Nobody else writes this file: its one process knows of every commit."""

    async def close(self) -> None:
        for threads in (self._writer, self._readers):
            await asyncio.to_thread(threads.shutdown)
        for connection in self._open:
            connection.close()


def _code(error: BaseException) -> int:
    code: int = getattr(getattr(error, "orig", error), "sqlite_errorcode", 0)
    return code & 0xFF


def remember_failures(engine: sa.Engine) -> None:
    """Marks the connection of each failed statement, so that no operation hides the failure."""

    @sa.event.listens_for(engine, "handle_error")
    def mark(context: sa.ExceptionContext) -> None:
        if context.connection is not None and not context.is_disconnect:
            context.connection.info[FAILED] = True


async def _on(threads: ThreadPoolExecutor, function: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, function)


def sqlite_engine(
    url: sa.URL,
    settings: DatabaseSettings,
    *,
    begin: str,
    query_only: bool = False,
    foreign_keys: bool = True,
) -> sa.Engine:
    """An engine that begins its transactions itself; the driver's own habit delays them."""
    arguments: dict[str, Any] = {"check_same_thread": False, "timeout": settings.busy_timeout_s}
    if query_only:
        arguments["factory"] = _Limited
    engine = sa.create_engine(url, poolclass=NullPool, connect_args=arguments)

    @sa.event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {settings.sqlite_synchronous}")
        connection.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")
        connection.execute(f"PRAGMA query_only = {int(query_only)}")
        if isinstance(connection, _Limited):
            connection.timeout_s = settings.read_timeout_s
            connection.set_progress_handler(connection.is_late, _ASKS_AFTER)
        else:
            connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")

    @sa.event.listens_for(engine, "begin")
    def start(connection: sa.Connection) -> None:
        # Past SQLAlchemy, which would describe a result that BEGIN does not have.
        fetch_all(connection, begin, ())

    return engine


def open_engine(url: str, settings: DatabaseSettings) -> Engine:
    """The engine for a URL: `sqlite:///path` or `postgresql://...`."""
    parsed = sa.make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return SqliteEngine(parsed, settings)
        case "postgresql":
            # Imported where it is used: SQLite's processes need no driver of PostgreSQL.
            from meshkit.postgres import PostgresEngine

            return PostgresEngine(parsed, settings)
        case other:
            raise ValueError(f"databases are sqlite:///path or postgresql://..., not {other}")


def serve_alone(url: str) -> Callable[[], None]:
    """Keeps other servers off a SQLite database; what is answered lets them in again.

    Two would not hear of each other's changes: there is nobody to tell them. Does nothing for
    PostgreSQL. Raises ConfigError where another server runs on the file.
    """
    if is_replicated(url):
        return lambda: None
    database = Path(sa.make_url(url).database or "")
    database.parent.mkdir(parents=True, exist_ok=True)
    try:
        return hold_alone(database.with_name(database.name + ".server")).close
    except BlockingIOError:
        cure = "stop that one, or give both of them the same PostgreSQL database"
        trouble = f"another server runs on {database}: SQLite serves one at a time; {cure}"
        raise ConfigError([trouble]) from None


def is_replicated(url: str) -> bool:
    """Whether several servers may run on this database at the same time."""
    return sa.make_url(url).get_backend_name() == "postgresql"


def unavailable(error: BaseException) -> Unavailable:
    """What callers hear while the database cannot be reached."""
    return Unavailable(
        "DATABASE_UNAVAILABLE",
        "The database cannot be reached; nothing was changed. Try again.",
        metadata={"cause": type(error).__name__},
        retry_after_s=1.0,
    )


def too_slow() -> DeadlineExceeded:
    """What callers hear of a read that was ended after its time."""
    return DeadlineExceeded(
        "READ_TOO_SLOW",
        "This takes the database too long to find. Ask for less: a time to begin with "
        '(create_time > "..."), a state or a label narrow a list down.',
    )
