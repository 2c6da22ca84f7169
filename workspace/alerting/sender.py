"""Sends what is due: many at a time, a few to each target, and to one in trouble one by one.

An attempt is written down after it was made, so whoever dies between the two leaves it to be
made again: under the same id, by which its receiver knows it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from meshkit.chance import CHANCE
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import MeshError
from meshkit.jobs import Lease
from meshkit.session import Session
from workspace.alerting.post import Attempt, Poster
from workspace.alerting.targets import target_of
from workspace.operations import alert_deliveries as operations
from workspace.secrets.sealer import Sealer
from workspace.store import alert_deliveries as store
from workspace.store import alerters as alerter_store
from workspace.store.schema_alerters import AlertDelivery, Alerter

log = structlog.get_logger()

_MOST = 256
_MOST_EACH = 4
# Without being woken it looks this often at least.
_PATIENCE_S = 5.0


@dataclass(slots=True)
class _Traffic:
    """What is under way to the target of one alerter, as far as this process knows."""

    sending: set[UUID] = field(default_factory=set)
    # The last attempt failed: until one gets through, one at a time is enough.
    is_troubled: bool = False
    # It asked to be left alone.
    rest_until: datetime | None = None

    def free(self, now: datetime) -> int:
        """How many more may be sent now."""
        if self.rest_until and now < self.rest_until:
            return 0
        return max((1 if self.is_troubled else _MOST_EACH) - len(self.sending), 0)

    def note(self, attempt: Attempt) -> None:
        self.is_troubled = not attempt.is_delivered
        rest = attempt.retry_after
        self.rest_until = attempt.start_time + rest if rest else None


class Sender:
    """Part of a leased job; `wake` has it look at once."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        poster: Poster,
        clock: Clock,
        *,
        chance: Callable[[], float] = CHANCE.random,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._poster = poster
        self._clock = clock
        self._chance = chance
        self._woken = asyncio.Event()
        self._traffic: defaultdict[UUID, _Traffic] = defaultdict(_Traffic)
        self._tasks: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        self._woken.set()

    async def run(self, lease: Lease) -> None:
        """Goes on until interrupted, or until the lease is lost."""
        self._traffic.clear()
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._woken.clear()
                    now = self._clock.now()
                    await self.look(lease, tasks, now)
                    await self._rest(now)
        finally:
            self._tasks.clear()

    async def look(self, lease: Lease, tasks: asyncio.TaskGroup, now: datetime) -> int:
        """Begins to send what is due and may be sent; how much that is."""
        begun = 0
        full = [uid for uid, traffic in self._traffic.items() if not traffic.free(now)]
        for alerter in await self._database.read(store.alerters_due, now, but=full):
            traffic = self._traffic[alerter]
            room = min(traffic.free(now), _MOST - len(self._tasks))
            found = await self._database.read(
                store.due, alerter, now, room, but=list(traffic.sending)
            )
            for uid in found:
                traffic.sending.add(uid)
                task = tasks.create_task(self._send(lease, alerter, uid))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            begun += len(found)
        return begun

    async def _rest(self, looked: datetime) -> None:
        """Waits until something more is due than was, or somebody says so."""
        next_time = await self._database.read(store.next_time)
        wait_s = _PATIENCE_S
        # What was due and was not sent waits for something under way, which wakes.
        if next_time and next_time > looked:
            due_s = (next_time - self._clock.now()).total_seconds()
            wait_s = min(max(due_s, 0.0), wait_s)
        try:
            async with asyncio.timeout(wait_s):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _send(self, lease: Lease, alerter: UUID, uid: UUID) -> None:
        traffic = self._traffic[alerter]
        try:
            await self._attempt(lease, traffic, alerter, uid)
        except MeshError as error:
            if error.reason == "LEASE_LOST":
                raise
            # This one cannot be sent, or written down, now; it is due as before.
            traffic.is_troubled = True
            traffic.rest_until = self._clock.now() + timedelta(seconds=_PATIENCE_S)
            log.warning("alert_not_sent", delivery=str(uid), error=str(error))
        finally:
            traffic.sending.discard(uid)
            self.wake()

    async def _attempt(self, lease: Lease, traffic: _Traffic, alerter: UUID, uid: UUID) -> None:
        row, delivery = await self._database.read(_both, alerter, uid)
        if row is None or delivery is None:
            return
        if row.paused:
            await self._database.write(_skip, lease, uid)
            return
        try:
            target = target_of(self._sealer, row)
        except MeshError as error:
            # Its key may come back, as long as a target may.
            if self._clock.now() < delivery.give_up_time:
                raise
            await self._database.write(_fail, lease, uid, error.message)
            return
        attempt = await self._poster.post(row, target, str(uid), delivery.payload)
        traffic.note(attempt)
        await self._database.write(_settle, lease, uid, attempt, self._chance)


def _both(
    session: Session, alerter: UUID, uid: UUID
) -> tuple[Alerter | None, AlertDelivery | None]:
    return alerter_store.get_uid(session, alerter), store.get(session, uid)


def _skip(session: Session, lease: Lease, uid: UUID) -> None:
    lease.check(session)
    operations.skip(session, uid)


def _fail(session: Session, lease: Lease, uid: UUID, reason: str) -> None:
    lease.check(session)
    operations.fail(session, uid, reason)


def _settle(
    session: Session, lease: Lease, uid: UUID, attempt: Attempt, chance: Callable[[], float]
) -> None:
    lease.check(session)
    operations.settle(session, uid, attempt, chance)
