"""The tables: as migrated, and as mapped."""

import pytest

from controlplane.store.schema import Base
from controlplane.upgrade import MIGRATIONS
from meshkit.migrations import drift, migrate


@pytest.fixture
def template() -> None:
    """Nobody has migrated these databases."""


async def test_migrations_make_the_schema(database_url: str) -> None:
    await migrate(database_url, MIGRATIONS, Base.metadata)
    assert await drift(database_url, Base.metadata) == []
