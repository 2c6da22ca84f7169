"""A feed without a database, whose revisions tests publish themselves."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from meshkit.feed import Feed, Head, StoredEvent
from tests.meshkit.notes import TABLES

EPOCH = UUID(int=1)


def new_feed() -> tuple[Feed, list[Head]]:
    """A feed at revision 0, and the head that its database would answer."""
    heads = [Head(0, 0, EPOCH)]

    async def read(_work: Any) -> Any:
        return heads[-1], []

    return Feed(TABLES, read, heads[0]), heads


def event(revision: int, name: str) -> StoredEvent:
    time = datetime(2026, 1, 1, tzinfo=UTC)
    return StoredEvent(revision, 0, time, "p", "weft.dev/Note", name, "uid", "UPDATED", b"")


def publish(feed: Feed, *names: str) -> None:
    assert feed.publish([event(feed.head + 1, name) for name in names])
