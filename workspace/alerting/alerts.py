"""The job of alerters: it keeps what is to be told, and sends it, side by side."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.egress import Egress, EgressPolicy
from meshkit.feed import StoredEvent
from meshkit.ids import new_uid
from meshkit.jobs import Lease
from meshkit.session import Session
from workspace.alerting.messages import sample
from workspace.alerting.notices import WATCHED, Notice, notice_of
from workspace.alerting.post import Attempt, Poster
from workspace.alerting.sender import Sender
from workspace.alerting.targets import target_of
from workspace.config import WorkspaceSettings
from workspace.encoding import decode
from workspace.operations.alert_deliveries import delivery_of, wants
from workspace.secrets.sealer import Sealer
from workspace.store import alert_deliveries as store
from workspace.store import alerters as alerter_store
from workspace.store import runs as run_store
from workspace.store.feed_positions import FeedReader
from workspace.store.schema_alerters import Alerter
from workspace.triggering.follower import Follower, Subject

_USER_AGENT = "Weft-Alerts/1"


@dataclass(frozen=True, slots=True)
class Found:
    """Something that an alerter may have to tell: it waits for things of this type."""

    alerter: Alerter
    notice: Notice
    key: str


class Alerts:
    """A leased job, and what tries alerters; close it to end what is under way."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        settings: WorkspaceSettings,
        *,
        clock: Clock,
        workspace: str,
    ) -> None:
        self.policy = EgressPolicy(settings.egress_networks, settings.egress_ca_file)
        self.workspace = workspace
        self.browser_url = settings.browser_url
        self._egress = Egress(self.policy)
        self._clock = clock
        self._sealer = sealer
        self._poster = Poster(
            self._egress, clock, timeout_s=settings.alert_timeout_s, user_agent=_USER_AGENT
        )
        self.sender = Sender(database, sealer, self._poster, clock)
        subject: Subject[Alerter, _Told, Found] = Subject(
            reader=FeedReader.ALERTERS,
            resource_type=Alerter.resource_type,
            watched=WATCHED,
            active=alerter_store.active,
            meaning=_told,
            about=_found,
            keep=self._keep,
        )
        self._follower = Follower(database, subject, self.sender.wake)

    async def run(self, lease: Lease) -> None:
        """Goes on until interrupted."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follower.run(lease))
            tasks.create_task(self.sender.run(lease))

    async def test(self, row: Alerter) -> Attempt:
        """Sends a sample, which is kept nowhere."""
        uid = new_uid()
        payload = sample(
            uid, row.project, row.name, now=self._clock.now(), workspace=self.workspace
        )
        return await self._poster.post(row, target_of(self._sealer, row), str(uid), payload)

    def close(self) -> None:
        self._egress.close()

    def _keep(self, session: Session, found: Sequence[Found]) -> None:
        """Keeps deliveries of what alerters want that are still there."""
        if not found:
            return
        projects = {one.alerter.project for one in found}
        active = {row.uid: row for row in alerter_store.active(session, projects)}
        whole = ((active.get(one.alerter.uid), _completed(session, one), one.key) for one in found)
        store.keep(
            session,
            [
                delivery_of(
                    row, notice, key, workspace=self.workspace, browser_url=self.browser_url
                )
                for row, notice, key in whole
                if row and wants(row, notice)
            ],
        )


# A notice, and what tells its event from all others.
_Told = tuple[Notice, str]


def _told(event: StoredEvent) -> _Told | None:
    notice = notice_of(decode(event.event))
    return (notice, f"{event.revision}/{event.index}") if notice else None


def _found(alerter: Alerter, told: _Told) -> Found | None:
    notice, key = told
    if notice.type not in alerter.types:
        return None
    if not notice.lacks_run and not wants(alerter, notice):
        return None
    return Found(alerter, notice, key)


def _completed(session: Session, found: Found) -> Notice:
    """What its event leaves out of its run, the run adds."""
    notice = found.notice
    if not notice.lacks_run or not notice.run:
        return notice
    run = run_store.get(session, found.alerter.project, notice.run)
    return notice.about(run) if run else notice
