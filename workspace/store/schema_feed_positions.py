"""The table of how far those have looked who must miss no event."""

from dataclasses import dataclass

from workspace.store.base import Row, stored


@stored("feed_positions", key=("reader",))
@dataclass(slots=True)
class FeedPosition(Row):
    """How far a durable reader of the feed has come: the events after that stay until it has."""

    reader: str
    position: int
