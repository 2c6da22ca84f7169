from collections.abc import AsyncIterator

import pytest

from meshkit.database import Database
from tests.meshkit.notes import create_tables, open_notes


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database of notes, once of each kind."""
    await create_tables(database_url)
    async with await open_notes(database_url) as database:
        yield database
