"""Servers that start together on a new database."""

import asyncio

from tests.meshkit.notes import create_tables, open_notes


async def test_they_make_one_feed(postgres_url: str) -> None:
    await create_tables(postgres_url)
    opened = await asyncio.gather(*(open_notes(postgres_url) for _ in range(5)))
    for database in opened:
        await database.close()
    assert len({database.feed.epoch for database in opened}) == 1
