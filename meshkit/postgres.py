"""PostgreSQL behind the door: asyncpg, with plain synchronous functions on top of `run_sync`."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from meshkit.engines import (
    DatabaseSettings,
    Follower,
    T,
    Work,
    remember_failures,
    too_slow,
    unavailable,
)
from meshkit.feed import Feed
from meshkit.tailer import Tailer

_CANCELED = "57014"
_RACE_LOST = ("40001", "40P01")
_GONE = ("57P01", "57P02", "57P03", "53300")

# Prepared plans outlive the statistics they were made with: planned over a new, empty table, a
# look-up by key would go on scanning it while it grows. Everything hot here goes by key.
_WRITING = {"enable_seqscan": "off", "jit": "off"}


def is_disconnect(error: BaseException) -> bool:
    """Whether the connection broke; timeouts count, since nothing more is known after one."""
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(getattr(error, "orig", None), AsyncAdapt_asyncpg_dbapi.InternalClientError):
        # The driver noticed the server's farewell in the middle of something else.
        return True
    state = _sqlstate(error)
    return isinstance(error, OSError) or state.startswith("08") or state in _GONE


def _sqlstate(error: BaseException) -> str:
    return str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")


class PostgresEngine:
    """One writing connection, a bounded pool for reads, one connection that listens.

    Writers run READ COMMITTED, since their transactions end in an update of one shared row:
    stores lock the rows they decide on (`with_for_update`).
    """

    def __init__(self, url: sa.URL, settings: DatabaseSettings) -> None:
        url = url.set(drivername="postgresql+asyncpg")
        limits = {
            "timeout": settings.connect_timeout_s,
            "command_timeout": settings.command_timeout_s,
        }
        self._writing = create_async_engine(
            url,
            pool_size=1,
            max_overflow=0,
            connect_args={**limits, "server_settings": _WRITING},
        )
        remember_failures(self._writing.sync_engine)
        self._reading = create_async_engine(
            url,
            pool_size=settings.readers,
            max_overflow=0,
            pool_timeout=settings.connect_timeout_s,
            isolation_level="REPEATABLE READ",
            connect_args={
                **limits,
                "server_settings": {
                    "default_transaction_read_only": "on",
                    "statement_timeout": str(round(settings.read_timeout_s * 1000)),
                },
            },
        )
        self._following = create_async_engine(url, poolclass=NullPool, connect_args=limits)

    async def write(self, work: Work[T]) -> T:
        async with self._writing.connect() as connection:
            try:
                return await connection.run_sync(work)
            except Exception as error:
                await _drop_broken(connection, error)
                raise

    async def read(self, work: Work[T]) -> T:
        try:
            return await self._read(work)
        except sa.exc.TimeoutError as error:
            # Every reading connection is busy, and stayed so.
            raise unavailable(error) from error
        except (sa.exc.SQLAlchemyError, OSError) as error:
            if _sqlstate(error) == _CANCELED:
                raise too_slow() from error
            if not self.is_transient(error):
                raise
        # The server restarted, say: the pool is empty now, and a read may simply run again. Nor
        # is it to blame for a deadlock: a migration locks tables in an order of its own.
        try:
            return await self._read(work)
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise (unavailable(error) if self.is_transient(error) else error) from error

    async def _read(self, work: Work[T]) -> T:
        async with self._reading.connect() as connection:
            try:
                return await connection.run_sync(work)
            except Exception as error:
                await _drop_broken(connection, error)
                raise

    def is_disconnect(self, error: BaseException) -> bool:
        return is_disconnect(error)

    def is_transient(self, error: BaseException) -> bool:
        return is_disconnect(error) or _sqlstate(error) in _RACE_LOST

    def follow(self, feed: Feed) -> Follower:
        return Tailer(self._following, feed)

    async def close(self) -> None:
        for engine in (self._writing, self._reading, self._following):
            await engine.dispose()


async def _drop_broken(connection: AsyncConnection, error: BaseException) -> None:
    """Not every way of breaking is noticed by the pool; a broken connection must not return."""
    if is_disconnect(error) and not connection.invalidated:
        await connection.invalidate()


def async_engine(url: sa.URL, **options: Any) -> AsyncEngine:
    """A plain engine on the same driver, for migrations."""
    return create_async_engine(url.set(drivername="postgresql+asyncpg"), **options)
