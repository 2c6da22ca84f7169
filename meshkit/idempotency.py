"""Writes that carry a request id take effect once, and answer the same reply for a day."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa
from google.protobuf.message import Message

from meshkit.bulk import Bulk
from meshkit.caller import current_call
from meshkit.errors import InvalidArgument
from meshkit.query import Query
from meshkit.schema import among, mesh_tables
from meshkit.session import Session

RETENTION = timedelta(hours=24)

Key = tuple[str, str, str]


class Repeatable(Protocol):
    """A request message with a `request_id`."""

    request_id: str

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Once:
    """Names a write so that it happens once: who asks for what, under which id."""

    principal: str
    method: str
    request_id: str
    request_hash: bytes
    reply_type: type[Message]

    @property
    def key(self) -> Key:
        return (self.request_id, self.principal, self.method)


def once(request: Repeatable, reply_type: type[Message]) -> Once | None:
    """What to hand to `write(once=...)`: from the call under way and its request.

    None where the request has no id, and so asks for no protection.
    """
    if not request.request_id:
        return None
    call = current_call.get()
    digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
    return Once(call.caller.subject, call.method, request.request_id, digest, reply_type)


def check_same_request(asked: Once, stored_hash: bytes) -> None:
    """Refuses an id that was used for another request."""
    if asked.request_hash != stored_hash:
        raise InvalidArgument(
            "REQUEST_ID_REUSED",
            "This request_id belongs to an earlier, different request; use a new one.",
            metadata={"requestId": asked.request_id},
        )


@dataclass(frozen=True, slots=True)
class StoredReply:
    """The answer to an earlier write under the same id."""

    request_hash: bytes
    reply: bytes
    revision: int

    def replay(self, asked: Once) -> Message:
        """The reply again; raises InvalidArgument if it answered another request."""
        check_same_request(asked, self.request_hash)
        return asked.reply_type.FromString(self.reply)


class Replies:
    """The table of replies, as the door uses it inside its transactions."""

    def __init__(self, table: sa.Table) -> None:
        self._table = table
        self._lookup = Query(sa.select(table).where(among(table.c.request_id, "ids")), "ids")
        self._insert = Bulk(table.insert(), table.columns.keys())

    def lookup(
        self, session: Session, asked: Sequence[Once], now: datetime
    ) -> dict[Key, StoredReply]:
        """The replies already given, in one query; those past their day are removed."""
        wanted = {once.key for once in asked}
        ids = sorted({once.request_id for once in asked})
        found, expired = {}, []
        for row in self._lookup.all(session.connection(), ids):
            request_id, principal, method, request_hash, reply, revision, expire_time = row
            key = (request_id, principal, method)
            if expire_time <= now:
                expired.append(key)
            elif key in wanted:
                found[key] = StoredReply(request_hash, reply, revision)
        self._remove(session, expired)
        return found

    def _remove(self, session: Session, keys: Iterable[Key]) -> None:
        columns = self._table.c
        for request_id, principal, method in keys:
            session.connection().execute(
                self._table.delete().where(
                    columns.request_id == request_id,
                    columns.principal == principal,
                    columns.method == method,
                )
            )

    def store(
        self,
        session: Session,
        replies: Sequence[tuple[Once, bytes]],
        *,
        revision: int,
        now: datetime,
    ) -> None:
        """Keeps the replies; two replicas that both try meet at the primary key."""
        expire_time = now + RETENTION
        rows = (
            (*once.key, once.request_hash, reply, revision, expire_time) for once, reply in replies
        )
        self._insert.run(session.connection(), rows)


def purge(session: Session, metadata: sa.MetaData) -> int:
    """An operation for a periodic job: deletes replies past their day; returns how many."""
    table = mesh_tables(metadata).idempotency_replies
    result = session.connection().execute(table.delete().where(table.c.expire_time <= session.now))
    return result.rowcount
