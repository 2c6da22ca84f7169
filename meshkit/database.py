"""The write door: the only way into a service's database.

Reads see one snapshot and keep nothing. Writes queue for the committer, which runs all that
wait in one transaction together with their events, audit rows and stored replies, and answers
only once that is durable.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, overload

import sqlalchemy as sa
from google.protobuf.message import Message
from sqlalchemy.dialects import postgresql, sqlite

from meshkit.audit import ChainsOf, one_chain
from meshkit.caller import current_call
from meshkit.clock import Clock, SystemClock
from meshkit.committer import Committer
from meshkit.engines import DatabaseSettings, Engine, open_engine
from meshkit.errors import MeshError
from meshkit.feed import EncodeEvent, Feed, StoredEvent, read_head
from meshkit.idempotency import Once
from meshkit.ids import new_uid
from meshkit.schema import MeshTables, mesh_tables
from meshkit.session import Book, NoBook, Session
from meshkit.transactions import Entry, Ledger, Tried

P = ParamSpec("P")
T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")
M = TypeVar("M", bound=Message)

GroupedOperation = Callable[[Session, list[I]], Sequence[R | MeshError]]

_log = logging.getLogger(__name__)

__all__ = ["Database", "DatabaseSettings", "Session"]


class Database:
    """One database of one service; made by `open`, ended by `close`, used on one event loop."""

    def __init__(
        self,
        engine: Engine,
        *,
        tables: MeshTables,
        feed: Feed,
        ledger: Ledger,
        settings: DatabaseSettings,
        clock: Clock,
    ) -> None:
        self.tables = tables
        self.feed = feed
        self._engine = engine
        self._clock = clock
        self._follower = engine.follow(feed)
        self._committer = Committer(
            engine,
            ledger,
            max_batch=settings.max_batch,
            max_waiting=settings.max_waiting,
            on_commit=self._committed,
        )

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        metadata: sa.MetaData,
        encode_event: EncodeEvent,
        clock: Clock | None = None,
        settings: DatabaseSettings | None = None,
        chains_of: ChainsOf = one_chain,
        book_of: Callable[[Session], Book] = lambda _: NoBook(),
    ) -> Self:
        """Opens a migrated database: `sqlite:///path` or `postgresql://...`.

        `encode_event(change, revision, index)` makes the bytes of an event's message (at most
        64 KiB) inside the transaction that the change belongs to; `chains_of(session, entries)`
        names there the audit chains in which calls are recorded; `book_of(session)` begins what
        the service keeps of each transaction of writes.
        """
        clock, settings = clock or SystemClock(), settings or DatabaseSettings()
        tables = mesh_tables(metadata)
        engine = open_engine(url, settings)
        ledger = Ledger(
            tables,
            encode_event=encode_event,
            chains_of=chains_of,
            clock=clock,
            is_disconnect=engine.is_disconnect,
            book_of=book_of,
        )
        try:
            await engine.write(lambda connection: _ensure_head(connection, tables))
            head = await engine.read(lambda connection: read_head(connection, tables))
        except BaseException:
            await engine.close()
            raise
        feed = Feed(
            tables,
            engine.read,
            head,
            ring_events=settings.ring_events,
            ring_bytes=settings.ring_bytes,
        )
        return cls(engine, tables=tables, feed=feed, ledger=ledger, settings=settings, clock=clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def read(
        self,
        function: Callable[Concatenate[Session, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Runs a function in one read-only snapshot; rows come back loaded."""

        def work(connection: sa.Connection) -> T:
            with Session(connection, self._clock) as session:
                return function(session, *args, **kwargs)

        return await self._engine.read(work)

    @overload
    async def write(
        self,
        operation: Callable[..., T],
        *args: Any,
        once: Once | None = None,
        reply: None = None,
        **kwargs: Any,
    ) -> T: ...

    @overload
    async def write(
        self,
        operation: Callable[..., T],
        *args: Any,
        once: Once | None = None,
        reply: Callable[[T], M],
        trial: bool = False,
        **kwargs: Any,
    ) -> M: ...

    async def write(
        self,
        operation: Callable[..., T],
        *args: Any,
        once: Once | None = None,
        reply: Callable[[T], M] | None = None,
        trial: bool = False,
        **kwargs: Any,
    ) -> T | M:
        """Runs `operation(session, *args, **kwargs)` durably, and returns its result.

        The operation may run more than once, each time from a clean slate, and takes effect at
        most once. `reply` turns the result into a message inside the transaction, when rows
        carry their revision already; with it, the message is returned. `once` (needs `reply`)
        makes a repetition answer the stored message. A `trial` (needs `reply`) is rolled back when
        all is checked, and leaves no trace: its message tells what would be, revisions and etags
        aside, and its `once` counts for nothing. A caller that goes away does not undo the
        write. Raises what the operation raises; ResourceExhausted `WRITE_QUEUE_FULL`;
        InvalidArgument `REQUEST_ID_REUSED`; Unavailable `DATABASE_UNAVAILABLE` (nothing
        happened) or `COMMIT_UNKNOWN`.
        """
        if trial:
            return await self._try(operation, args, kwargs, reply)  # type: ignore[no-any-return]
        return await self._put(operation, args, kwargs, once=once, reply=reply)  # type: ignore[no-any-return]

    @overload
    async def write_grouped(
        self,
        operation: GroupedOperation[I, R],
        item: I,
        *,
        once: Once | None = None,
        reply: None = None,
    ) -> R: ...

    @overload
    async def write_grouped(
        self,
        operation: GroupedOperation[I, R],
        item: I,
        *,
        once: Once | None = None,
        reply: Callable[[R], M],
    ) -> M: ...

    async def write_grouped(
        self,
        operation: GroupedOperation[I, R],
        item: I,
        *,
        once: Once | None = None,
        reply: Callable[[R], M] | None = None,
    ) -> R | M:
        """As `write`, for hot operations that are written once for a list of items.

        All waiting items of the same operation come in one call, in the order of their callers;
        it returns a result or a MeshError for each. A MeshError fails that item alone and rolls
        nothing back, so the operation must not have changed anything for it.
        """
        return await self._put(operation, (item,), {}, once=once, reply=reply, grouped=True)  # type: ignore[no-any-return]

    @property
    def is_shared(self) -> bool:
        """Whether other replicas may run on this database, and change it."""
        return self._follower is not None

    async def ping(self) -> None:
        """Raises unless the database answers."""
        await self._engine.read(lambda connection: connection.execute(sa.select(1)).one())

    async def close(self) -> None:
        """Commits and answers what is queued, then lets go of the database."""
        await self._committer.close()
        if self._follower:
            await self._follower.close()
        await self._engine.close()

    async def _try(
        self,
        operation: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        reply: Callable[[Any], Message] | None,
    ) -> Any:
        if not reply:
            raise ValueError("a trial needs `reply`: what would it answer?")
        call = current_call.get(None)
        try:
            entry = Entry(operation, args, kwargs, False, call, None, reply, trial=True)
            await self._committer.put(entry)
        except Tried as tried:
            return tried.reply
        raise AssertionError("unreachable: a trial never commits")

    async def _put(
        self,
        operation: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        once: Once | None,
        reply: Callable[[Any], Message] | None,
        grouped: bool = False,
    ) -> Any:
        if once and not reply:
            raise ValueError("a write with `once` needs `reply`: what would a repetition answer?")
        call = current_call.get(None)
        entry = Entry(operation, args, kwargs, grouped, call, once, reply)
        return await self._committer.put(entry)

    async def _committed(self, events: Sequence[StoredEvent]) -> None:
        """Before the writers are answered, so that they find their own change in the feed."""
        if not events:
            return
        if self._follower:
            self._follower.announce()
        try:
            if not self.feed.publish(events):
                await self.feed.catch_up()
        except (MeshError, sa.exc.SQLAlchemyError, OSError) as error:
            # The write is durable all the same; the feed catches up when it next reads.
            _log.warning("the feed cannot catch up now: %r", error)


def _ensure_head(connection: sa.Connection, tables: MeshTables) -> None:
    """A new database gets its feed: revision 0 of a history of its own."""
    row = {
        "id": 1,
        "revision": 0,
        "compact_revision": 0,
        "epoch": new_uid(),
        "audits": 0,
    }
    with connection.begin():
        if connection.execute(sa.select(tables.feed_head.c.id)).first() is None:
            # Servers that start together may all come here: one of them makes it.
            insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
            connection.execute(insert(tables.feed_head).on_conflict_do_nothing(), row)
