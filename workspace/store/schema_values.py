"""The table of values that lists are filtered by: labels and metadata, a row for each key.

One narrow table serves both databases alike. Its indexes hold what is compared and then the order
of the list, so that a page ends where it is full, however much there is.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


_LISTED = ("collection", "key")
_ORDER = ("place", "uid")


@stored(
    "listed_values",
    # What equals a text, in the order of the list; then the same of numbers, and their ranges.
    sa.Index("ix_listed_values_text", *_LISTED, "text", *_ORDER, **_where("text IS NOT NULL")),
    sa.Index(
        "ix_listed_values_number", *_LISTED, "number", *_ORDER, **_where("number IS NOT NULL")
    ),
    # What has a key, and of numbers how large they are: ranges are passed by in order as well.
    sa.Index("ix_listed_values_place", *_LISTED, *_ORDER, "number"),
    key=("uid", "key", "collection"),
    # The key is nearly the row: a table beside it would keep everything twice.
    sqlite_with_rowid=False,
)
@dataclass(slots=True)
class ListedValue(Row):
    """A value of a resource in one of the lists where it stands, at its place there.

    `key` is that of a map behind the map's name ("labels.team"); `collection` a list with its
    parent ("demo/runs"). `place` is what orders the list: the time of creation, or an id.
    """

    uid: UUID
    key: str
    collection: str
    place: str
    text: str | None
    number: float | None
