"""Fires triggers: first it keeps what is to be done, then it does it.

Each firing is settled by a transaction of its own.
"""

import asyncio
from contextlib import suppress
from uuid import UUID, uuid5

from meshkit.database import Database
from meshkit.errors import Aborted, MeshError, ResourceExhausted, Unavailable
from meshkit.feed import StoredEvent
from meshkit.jobs import Lease
from meshkit.session import Session
from weftapi.workspace.v1 import events_pb2
from workspace.access import Policies
from workspace.encoding import decode
from workspace.operations import firings as operations
from workspace.operations.firings import MayRun, Skipped
from workspace.operations.references import UnknownReferenceError, references
from workspace.quotas import QuotaReachedError
from workspace.store import triggers as store
from workspace.store.feed_positions import FeedReader
from workspace.store.schema_triggers import FiringState, Trigger, TriggerFiring
from workspace.store.schema_webhooks import Webhook
from workspace.triggering.follower import Follower, Subject
from workspace.triggering.occurrences import WATCHED, is_it, run_behind, told

RUN_PERMISSION = "snapshots.run"
_AT_ONCE = 100
_PATIENCE_S = 5.0
# Nothing is known about the firing itself: it is tried again.
_PASSING = (Unavailable, ResourceExhausted, Aborted)


class Reactor:
    """A leased job; `run` goes on until interrupted."""

    def __init__(self, database: Database, policies: Policies) -> None:
        self._database = database
        self._policies = policies
        self._kept = asyncio.Event()
        self._follower = Follower(database, SUBJECT, self._kept.set)

    async def run(self, lease: Lease) -> None:
        """Keeps firings, and settles them, side by side."""
        self._kept.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follower.run(lease))
            tasks.create_task(self._keep_settling(lease))

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
        except QuotaReachedError as full:
            await self._close(lease, uid, FiringState.FAILED, str(full))
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


# An event as it was kept, and what it says.
_Shown = tuple[StoredEvent, events_pb2.Event]


def shown_of(event: StoredEvent) -> _Shown:
    return event, decode(event.event)


def firing_of(trigger: Trigger, event_: _Shown) -> TriggerFiring | None:
    """What a trigger is to do about an event: a firing of the same uid whenever it is read."""
    event, shown = event_
    if not is_it(trigger.occurrence, shown):
        return None
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


SUBJECT = Subject(
    reader=FeedReader.TRIGGERS,
    resource_type=Trigger.resource_type,
    watched=WATCHED,
    active=store.active,
    meaning=shown_of,
    about=firing_of,
    keep=store.keep,
    # What webhooks are told is kept with its firings.
    kept_with=frozenset({Webhook.resource_type}),
)


def _fire(session: Session, lease: Lease, uid: UUID, may_run: MayRun) -> None:
    lease.check(session)
    operations.fire(session, uid, may_run)


def _settled(session: Session, lease: Lease, uid: UUID, state: FiringState, reason: str) -> None:
    lease.check(session)
    operations.settle(session, uid, state, reason)
