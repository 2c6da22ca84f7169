"""Follows the feed and fires triggers: first it keeps what is to be done, then it does it.

Firings are written together with how far the feed was read, so an event counts once however
often this dies between the two; each is settled by a transaction of its own.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID, uuid5

import structlog

from meshkit.database import Database
from meshkit.errors import Aborted, MeshError, OutOfRange, ResourceExhausted, Unavailable
from meshkit.feed import StoredEvent
from meshkit.jobs import Lease
from meshkit.session import Session
from workspace.access import Policies
from workspace.encoding import decode
from workspace.operations import firings as operations
from workspace.operations.firings import MayRun, Skipped
from workspace.operations.references import UnknownReferenceError, references
from workspace.store import triggers as store
from workspace.store.schema_triggers import FiringState, Trigger, TriggerFiring
from workspace.triggering.occurrences import WATCHED, is_it, run_behind, told

log = structlog.get_logger()

READER = "triggers"
RUN_PERMISSION = "snapshots.run"
_PAGE = 512
_AT_ONCE = 100
# Where nothing fires the position is written down this rarely: reading events again is harmless.
_LAZY_EVENTS = 5_000
_PATIENCE_S = 5.0
# Nothing is known about the firing itself: it is tried again.
_PASSING = (Unavailable, ResourceExhausted, Aborted)


class Reactor:
    """A leased job; `run` goes on until interrupted."""

    def __init__(self, database: Database, policies: Policies) -> None:
        self._database = database
        self._policies = policies
        self._kept = asyncio.Event()
        # How far the feed was read, and how far of that is written down.
        self._position = self._saved = 0
        # By project, as of that position: most commits concern no trigger, and cost no read.
        self._active: dict[str, list[Trigger]] = {}

    async def run(self, lease: Lease) -> None:
        """Keeps firings, and settles them, side by side."""
        self._kept.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_following(lease))
            tasks.create_task(self._keep_settling(lease))

    async def _keep_following(self, lease: Lease) -> None:
        await self._begin(lease)
        while True:
            try:
                events = await self._database.feed.read(self._position, _PAGE)
            except OutOfRange as error:
                # History goes while there are no triggers, and is another one after a restore.
                log.info("feed_position_moved", after_revision=self._position, reason=error.reason)
                self._active.clear()
                feed = self._database.feed
                kept = max(self._position, feed.compact_revision)
                await self._save(lease, [], min(kept, feed.head))
                continue
            if events:
                await self._take(lease, events)
            else:
                await self._database.feed.wait(self._position)

    async def _begin(self, lease: Lease) -> None:
        """Goes on where the last holder stopped, or at the end of what there is."""
        self._active.clear()
        position = await self._database.read(store.position, READER)
        if position is None:
            await self._save(lease, [], self._database.feed.head)
        else:
            self._position = self._saved = position

    async def _take(self, lease: Lease, events: Sequence[StoredEvent]) -> None:
        firings = await self._firings(events)
        position = events[-1].revision
        if firings or position - self._saved >= _LAZY_EVENTS:
            await self._save(lease, firings, position)
        self._position = position

    async def _firings(self, events: Sequence[StoredEvent]) -> list[TriggerFiring]:
        for event in events:
            if event.resource_type == Trigger.resource_type:
                self._active.pop(event.project, None)
        watched = [event for event in events if event.resource_type in WATCHED]
        await self._know({event.project for event in watched})
        return [
            firing_of(trigger, event)
            for event in watched
            for trigger in self._active[event.project]
            if _waits_for(trigger, event)
        ]

    async def _know(self, projects: set[str]) -> None:
        """Reads the triggers of projects whose triggers are not known, or changed."""
        unknown = projects - self._active.keys()
        if unknown:
            triggers = await self._database.read(store.active, unknown)
            for project in unknown:
                self._active[project] = [one for one in triggers if one.project == project]

    async def _save(self, lease: Lease, firings: list[TriggerFiring], position: int) -> None:
        await self._database.write(_keep, lease, firings, position)
        self._position = self._saved = position
        if firings:
            self._kept.set()

    async def _keep_settling(self, lease: Lease) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    await self._kept.wait()
            self._kept.clear()
            # While nobody can say who may do what, firings wait.
            while self._policies.is_fresh and await self._settle_some(lease):
                pass

    async def _settle_some(self, lease: Lease) -> bool:
        """Settles the oldest firings; whether there may be more to settle now."""
        pending = await self._database.read(store.pending, _AT_ONCE)
        settled = [await self._settle(lease, uid) for uid in pending]
        return len(pending) == _AT_ONCE and all(settled)

    async def _settle(self, lease: Lease, uid: UUID) -> bool:
        try:
            await self._database.write(_fire, lease, uid, self._may_run)
        except _PASSING:
            return False
        except Skipped as skipped:
            await self._close(lease, uid, FiringState.SKIPPED, str(skipped))
        except (MeshError, UnknownReferenceError) as error:
            await self._close(lease, uid, FiringState.FAILED, str(error))
        return True

    async def _close(self, lease: Lease, uid: UUID, state: FiringState, reason: str) -> None:
        await self._database.write(_settled, lease, uid, state, reason)

    def _may_run(self, subject: str, snapshot: str) -> bool:
        return self._policies.grants.allows(subject, RUN_PERMISSION, snapshot)


def firing_of(trigger: Trigger, event: StoredEvent) -> TriggerFiring:
    """What is kept of an event for a trigger; the same uid whenever it is read."""
    shown = decode(event.event)
    return TriggerFiring(
        uid=uuid5(trigger.uid, f"{event.revision}/{event.index}"),
        trigger_uid=trigger.uid,
        project=trigger.project,
        trigger=trigger.id,
        create_time=event.time,
        cause=event.name,
        cause_revision=event.revision,
        cause_run=run_behind(shown),
        event=told(shown) if references(trigger.parameters) else {},
    )


def _waits_for(trigger: Trigger, event: StoredEvent) -> bool:
    if trigger.project != event.project or event.time < trigger.active_since:
        return False
    return is_it(trigger.occurrence, decode(event.event))


def _keep(session: Session, lease: Lease, firings: list[TriggerFiring], position: int) -> None:
    lease.check(session)
    store.keep(session, firings)
    store.set_position(session, READER, position)


def _fire(session: Session, lease: Lease, uid: UUID, may_run: MayRun) -> None:
    lease.check(session)
    operations.fire(session, uid, may_run)


def _settled(session: Session, lease: Lease, uid: UUID, state: FiringState, reason: str) -> None:
    lease.check(session)
    operations.settle(session, uid, state, reason)
