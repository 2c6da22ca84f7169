"""Forgets what nobody can ask for any more: old events, replies past their day, questions."""

from collections.abc import Callable
from datetime import datetime, timedelta

from meshkit import idempotency
from meshkit.clock import Clock
from meshkit.compaction import compact
from meshkit.database import Database
from meshkit.jobs import Lease
from meshkit.session import Session
from workspace.config import WorkspaceSettings
from workspace.courier import AuditCourier
from workspace.operations import conditions
from workspace.operations.deliveries import KEEP_AGE
from workspace.store import alert_deliveries, audit, feed_positions, triggers, webhooks
from workspace.store import conditions as condition_store
from workspace.store.base import metadata

# As long as ListTriggerFirings and ListAlertDeliveries say; deleted so many in one transaction.
_KEEP_DONE = timedelta(days=30)
_PIECE = 500


class Upkeep:
    """A leased job; `run` works once."""

    def __init__(
        self, database: Database, settings: WorkspaceSettings, courier: AuditCourier, clock: Clock
    ) -> None:
        self._database = database
        self._courier = courier
        self._clock = clock
        self._keep_audit = timedelta(seconds=settings.keep_audit_s)
        self._keep_events = settings.keep_events
        self._keep_age = timedelta(seconds=settings.keep_events_s)

    async def run(self, _lease: Lease) -> None:
        """Deletes a bounded piece at a time, so that writes never wait long behind it."""
        await self._database.write(idempotency.purge, metadata)
        await compact(
            self._database,
            keep_events=self._keep_events,
            keep_age=self._keep_age,
            hold_revision=await self._database.read(feed_positions.lowest),
        )
        await self._prune(triggers.prune, _KEEP_DONE)
        await self._prune(webhooks.prune_deliveries, KEEP_AGE)
        await self._prune(alert_deliveries.prune, _KEEP_DONE)
        await self._prune_audit()

    async def _prune(
        self, forget: Callable[[Session, datetime, int], int], keep: timedelta
    ) -> None:
        before = self._clock.now() - keep
        while await self._database.write(forget, before, _PIECE) == _PIECE:
            pass

    async def _prune_audit(self) -> None:
        """Only rows that have arrived: the control plane keeps them, under its signatures."""
        while self._keep_audit:
            before = self._clock.now() - self._keep_audit
            arrived = self._courier.arrived or 0
            if not await self._database.write(audit.prune, before=before, arrived=arrived):
                return


async def expire_conditions(database: Database, lease: Lease) -> None:
    """Ends what people were asked for so long that the answer is moot."""

    def expire(session: Session) -> int:
        lease.check(session)
        return conditions.expire(session)

    if await database.read(condition_store.has_due):
        await database.write(expire)
