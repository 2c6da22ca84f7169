"""A database without the write door: for whole backups, restorations and checks."""

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from meshkit.engines import DatabaseSettings, sqlite_engine
from meshkit.postgres import async_engine

T = TypeVar("T")
Work = Callable[[sa.Connection], T]


async def snapshot(url: str, work: Work[T]) -> T:
    """Runs work that reads, in one snapshot; a server may write meanwhile."""
    return await _run(url, work, begin="BEGIN", isolation="REPEATABLE READ")


async def transaction(url: str, work: Work[T]) -> T:
    """Runs work in one transaction, all or nothing."""
    return await _run(url, work, begin="BEGIN IMMEDIATE", isolation="SERIALIZABLE")


async def _run(url: str, work: Work[T], *, begin: str, isolation: str) -> T:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        engine = async_engine(parsed, isolation_level=isolation)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()
    # The caller is a program that does nothing else: no loop waits behind the file.
    file = sqlite_engine(parsed, DatabaseSettings(), begin=begin, foreign_keys=False)
    try:
        with file.connect() as plain, plain.begin():
            return work(plain)
    finally:
        file.dispose()
