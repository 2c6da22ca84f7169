"""The batching committer: whatever waits while a commit is under way goes into the next one.

There is no timer: a write commits as soon as a few turns of the event loop bring no other; under
load, the batch grows by itself. If an operation raises, its batch is rolled back, what stood
before it commits together, the guilty one runs alone and fails alone, and what stood behind it
goes on as a batch.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from meshkit.chance import CHANCE
from meshkit.engines import Engine, unavailable
from meshkit.errors import InvalidArgument, ResourceExhausted, Unavailable
from meshkit.feed import StoredEvent
from meshkit.idempotency import Key, check_same_request
from meshkit.transactions import (
    Committed,
    CommitUnknown,
    Entry,
    Ledger,
    OperationFailed,
    Outcome,
)

# Some seconds in all: a server that restarts is back by then, and callers have deadlines.
_RETRY_DELAYS_S = (0.02, 0.1, 0.3, 0.6, 1.0, 1.0)
# A call takes some turns of the loop from its socket to here: a tenth of a millisecond in all.
# Waiting for those that are on their way doubles the batches of a busy server.
_BARREN_TURNS = 8


class Committer:
    """Owns the order of writes. Belongs to one event loop; `close` ends it."""

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        *,
        max_batch: int,
        max_waiting: int,
        on_commit: Callable[[Sequence[StoredEvent]], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._on_commit = on_commit
        self._waiting: deque[Entry] = deque()
        self._in_flight: dict[Key, Entry] = {}
        self._arrived = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run(), name="committer")

    def put(self, entry: Entry) -> asyncio.Future[object]:
        """Queues an entry; the future answers once the write is durable."""
        if self._closing:
            raise _stopping()
        future = asyncio.get_running_loop().create_future()
        if entry.once and (leader := self._in_flight.get(entry.once.key)):
            _join(leader, entry)
            leader.waiters.append((future, entry.call))
            return future
        if len(self._waiting) >= self._max_waiting:
            raise ResourceExhausted(
                "WRITE_QUEUE_FULL",
                "Too many writes are waiting; try again.",
                metadata={"waiting": str(len(self._waiting))},
                retry_after_s=1.0,
            )
        if entry.once:
            self._in_flight[entry.once.key] = entry
        entry.waiters.append((future, entry.call))
        self._waiting.append(entry)
        self._arrived.set()
        return future

    async def close(self) -> None:
        """Takes no more, and returns once everything queued has been answered."""
        self._closing = True
        self._arrived.set()
        await self._task

    async def _run(self) -> None:
        try:
            while self._waiting or not self._closing:
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting:
                    await self._gather()
                    size = min(len(self._waiting), self._max_batch)
                    await self._process([self._waiting.popleft() for _ in range(size)])
        finally:
            # Nobody may wait for a committer that is gone, whatever ended it.
            self._closing = True
            self._fail(list(self._waiting), _stopping())

    async def _gather(self) -> None:
        """Lets in what has reached the process already, while turns of the loop bring more."""
        size, barren = len(self._waiting), 0
        while size < self._max_batch and barren < _BARREN_TURNS:
            await asyncio.sleep(0)
            barren = barren + 1 if len(self._waiting) == size else 0
            size = len(self._waiting)

    async def _process(self, batch: list[Entry]) -> None:
        parts = deque([batch])
        while parts:
            parts.extendleft(reversed(await self._settle(parts.popleft())))

    async def _settle(self, entries: list[Entry]) -> list[list[Entry]]:
        """Answers the entries; or returns the parts in which to try them again."""
        try:
            committed = await self._commit(entries)
        except (Unavailable, CommitUnknown) as error:
            self._fail(entries, error)
        except OperationFailed as failure:
            if len(entries) > 1:
                return failure.parts
            self._fail(entries, failure.__cause__ or failure)
        except Exception as error:  # noqa: BLE001 - whatever it is, its caller must hear it
            if len(entries) > 1:
                return [[entry] for entry in entries]
            self._fail(entries, error)
        except BaseException:
            self._fail(entries, _stopping())
            raise
        else:
            await self._on_commit(committed.events)
            for entry, outcome in zip(entries, committed.outcomes, strict=True):
                self._answer(entry, outcome)
        return []

    async def _commit(self, entries: list[Entry]) -> Committed:
        """Commits, again where the database asks for it and certainly kept nothing."""
        for delay in (*_RETRY_DELAYS_S, None):
            try:
                return await self._engine.write(lambda c: self._ledger.commit(c, entries))
            except CommitUnknown:
                raise
            except Exception as error:
                cause = error.__cause__ if isinstance(error, OperationFailed) else error
                if cause is None or not self._engine.is_transient(cause):
                    raise
                if delay is None:
                    raise unavailable(cause) from error
                await asyncio.sleep(delay * CHANCE.uniform(0.5, 1.5))  # jitter
        raise AssertionError("unreachable")

    def _fail(self, entries: list[Entry], error: BaseException) -> None:
        if isinstance(error, CommitUnknown):
            error = Unavailable(
                "COMMIT_UNKNOWN",
                "The database went away while committing: the change may have happened. "
                "Repeat with the same request_id, or look.",
                retry_after_s=1.0,
            )
        if _is_unstorable(error):
            error = InvalidArgument(
                "INVALID_FIELDS", "A text holds a NUL character, which cannot be kept."
            )
        if isinstance(error, StopIteration):
            # A future cannot carry it: the awaiting coroutine would seem to return.
            error = RuntimeError("an operation raised StopIteration")
        for entry in entries:
            self._release(entry)
            for future, _ in entry.waiters:
                if not future.done():
                    future.set_exception(error)

    def _answer(self, entry: Entry, outcome: Outcome) -> None:
        if outcome.error:
            self._fail([entry], outcome.error)
            return
        self._release(entry)
        for future, call in entry.waiters:
            if call and outcome.revision:
                call.revision = outcome.revision
            if not future.done():
                future.set_result(outcome.value)

    def _release(self, entry: Entry) -> None:
        if entry.once:
            self._in_flight.pop(entry.once.key, None)


def _stopping() -> Unavailable:
    return Unavailable("SHUTTING_DOWN", "This server is stopping.", retry_after_s=1.0)


def _join(leader: Entry, entry: Entry) -> None:
    """A duplicate of a write under way waits for the same effect, if it is the same request."""
    assert leader.once
    assert entry.once
    check_same_request(entry.once, leader.once.request_hash)


def _is_unstorable(error: BaseException) -> bool:
    """PostgreSQL keeps no NUL in a text (22021) or in JSON (22P05); SQLite does."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in ("22021", "22P05")
