"""Events as bytes: made once, when the change commits, and shared by all who send them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from google.protobuf.message import Message

from meshkit.feed import Change, ChangeKind, StoredEvent, Transition
from weftapi.workspace.v1 import events_pb2
from workspace.servicers.converting import stamp
from workspace.store.base import Row

MAX_EVENT_BYTES = 64 * 1024
# What is left for the resource when names, fields and reasons have had theirs.
_ROOM = MAX_EVENT_BYTES - 4 * 1024
MAX_MESSAGE_EVENTS = 512
MAX_MESSAGE_BYTES = 256 * 1024

_TYPES: dict[ChangeKind, Any] = {
    ChangeKind.CREATED: events_pb2.EVENT_TYPE_CREATED,
    ChangeKind.UPDATED: events_pb2.EVENT_TYPE_UPDATED,
    ChangeKind.DELETED: events_pb2.EVENT_TYPE_DELETED,
}
# `repeated Event events = 3` of WatchResponse: tag and length before each event.
_EVENTS_TAG = b"\x1a"
# `matches_filter = 12` of Event, said once more as false: of a field said twice the last counts.
_NO_MATCH = b"\x60\x00"


@dataclass(frozen=True, slots=True)
class Shown:
    """How events show a kind of resource: the field that carries it, and its converter."""

    field: str
    convert: Callable[[Any], Message]


class EventEncoder:
    """Encodes the events of a workspace, by the class of their rows."""

    def __init__(self, shown: Mapping[type, Shown]) -> None:
        self._shown = {cls: (_tag(how.field), how.convert) for cls, how in shown.items()}

    def encode(self, change: Change, revision: int, index: int) -> bytes:
        """For the write door: the bytes of one event."""
        event = events_pb2.Event(
            revision=revision,
            index=index,
            type=_TYPES[change.kind],
            actor=change.actor,
            event_time=stamp(change.time),
            changed_fields=change.fields,
            matches_filter=True,
        )
        if change.transition:
            _show(change.transition, event.transition)
        return self._complete(event, change.row)

    def snapshot(self, row: Row, revision: int, time: datetime) -> bytes:
        """A resource as it is at a revision, for the initial state of a watch."""
        event = events_pb2.Event(
            revision=revision,
            type=events_pb2.EVENT_TYPE_SNAPSHOT,
            event_time=stamp(time),
            matches_filter=True,
        )
        return self._complete(event, row)

    def _complete(self, event: events_pb2.Event, row: Any) -> bytes:
        event.resource_type = row.resource_type
        event.name = row.name
        event.uid = str(row.uid)
        # What belongs to the workspace as a whole has no project.
        event.project = f"projects/{row.project}" if row.project else ""
        tag, convert = self._shown[type(row)]
        # A message within a message is its bytes behind a tag: putting it there costs no copy.
        resource = convert(row).SerializeToString()
        if len(resource) > _ROOM:
            event.truncated = True
            return event.SerializeToString()
        return b"".join((event.SerializeToString(), tag, _varint(len(resource)), resource))


def _show(transition: Transition, shown: events_pb2.Transition) -> None:
    # `from` is a keyword in Python.
    setattr(shown, "from", transition.before)
    shown.to = transition.after
    shown.reason = transition.reason


@lru_cache(maxsize=4096)
def decode(event: bytes) -> events_pb2.Event:
    """The message of an event, decoded once for all who must look into it; not to be changed."""
    return events_pb2.Event.FromString(event)


def left(event: bytes) -> bytes:
    """The same event for a watch whose filter its resource no longer matches."""
    return event + _NO_MATCH


def messages(
    events: Iterable[tuple[int, bytes]], *, revision: int, is_whole: bool = True
) -> Iterator[bytes]:
    """WatchResponses with (revision, event) pairs, cut where they would be too large.

    The last one carries `revision`: how far the watch has come. A message is marked as no
    resume point where the next one goes on with its revision; where not `is_whole`, all are.
    """
    chunk: list[bytes] = []
    size, last = 0, 0
    for number, event in events:
        if chunk and (len(chunk) == MAX_MESSAGE_EVENTS or size + len(event) > MAX_MESSAGE_BYTES):
            yield _message(chunk, last, is_torn=number == last or not is_whole)
            chunk, size = [], 0
        chunk.append(event)
        size += len(event) + 6
        last = number
    if chunk:
        yield _message(chunk, revision, is_torn=not is_whole)


def _message(events: list[bytes], revision: int, *, is_torn: bool) -> bytes:
    head = events_pb2.WatchResponse(revision=revision, more_in_revision=is_torn)
    parts = [head.SerializeToString()]
    for event in events:
        parts += (_EVENTS_TAG, _varint(len(event)), event)
    return b"".join(parts)


def _tag(field: str) -> bytes:
    """What stands before a message in a field of Event: its number, and that it has a length."""
    return _varint(events_pb2.Event.DESCRIPTOR.fields_by_name[field].number << 3 | 2)


def _varint(number: int) -> bytes:
    groups = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def size_of(event: StoredEvent) -> int:
    """What an event adds to a message."""
    return len(event.event) + 6
