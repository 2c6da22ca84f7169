"""How linked services are: exact here, where their links end, and coarse in the database."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controlplane.lifecycle import LinkVerdict, Verdict
from controlplane.operations import links
from controlplane.operations.links import Health, Hello, Report, failing
from controlplane.store.schema import Link
from meshkit.clock import Clock
from meshkit.database import Database

_COARSE = timedelta(seconds=30)


@dataclass(slots=True, eq=False)
class OpenLink:
    """One open link of a service."""

    spiffe_id: str
    version: str
    edge_endpoint: str
    last_heard: datetime
    # When the database was last told.
    kept_at: datetime
    # Since when it is as well or ill as it is.
    since: datetime
    report: Report = field(default_factory=Report)
    # The newest policy that it was told; 0 for services that decide on none.
    policy_told: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """A service as last seen, from whichever source is newest."""

    linked: bool
    version: str
    edge_endpoint: str
    last_heard: datetime | None
    since: datetime | None
    report: Report
    policy_told: int

    @property
    def verdict(self) -> LinkVerdict:
        """What its link says about it."""
        problems = failing(self.report.checks)
        if not self.linked:
            return LinkVerdict(Verdict.GONE, self.since)
        verdict = Verdict.FAILING if problems else Verdict.HEALTHY
        return LinkVerdict(verdict, self.since, "; ".join(problems))

    @property
    def is_behind(self) -> bool:
        """Whether it decides on an older policy than the one that it was told."""
        return self.linked and self.report.policy_revision < self.policy_told


class LinkRegistry:
    """The links that are open at this replica."""

    def __init__(self, database: Database, clock: Clock, *, silence: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._silence = silence
        # Newest last: a service that links again before its old link is noticed dead has two.
        self._open: dict[str, list[OpenLink]] = {}

    async def open(self, spiffe_id: str, hello: Hello) -> OpenLink:
        """Takes note of a new link."""
        await self._database.write(links.say_hello, spiffe_id, hello)
        now = self._clock.now()
        link = OpenLink(spiffe_id, hello.version, hello.edge_endpoint, now, now, now)
        self._open.setdefault(spiffe_id, []).append(link)
        return link

    async def heard(self, link: OpenLink, report: Report) -> None:
        """Takes note of how the service says it is."""
        now, before = self._clock.now(), link.report
        if bool(failing(report.checks)) != bool(failing(before.checks)):
            link.since = now
        link.report, link.last_heard = report, now
        if report.trusted_roots != before.trusted_roots:
            await self._database.write(
                links.keep_trusted_roots, link.spiffe_id, report.trusted_roots
            )
        if report.checks != before.checks or now - link.kept_at >= _COARSE:
            link.kept_at = now
            await self._keep(link, linked=True)

    async def close(self, link: OpenLink) -> None:
        """Takes note that a link is over."""
        remaining = self._open[link.spiffe_id]
        remaining.remove(link)
        if not remaining:
            del self._open[link.spiffe_id]
            await self._keep(link, linked=False)

    async def expire(self) -> None:
        """Closes the links of replicas that died without a word; any replica may do it."""
        heard_before = self._clock.now() - self._silence - _COARSE
        await self._database.write(links.expire, heard_before)

    def see(self, spiffe_id: str, row: Link | None) -> Seen | None:
        """How a service was last seen; `row` is what the database knows. None where never."""
        open_ = self._open.get(spiffe_id)
        if open_:
            newest = open_[-1]
            return Seen(
                linked=True,
                version=newest.version,
                edge_endpoint=newest.edge_endpoint,
                last_heard=newest.last_heard,
                since=newest.since,
                report=newest.report,
                policy_told=newest.policy_told,
            )
        return None if row is None else self._kept(row)

    def _kept(self, row: Link) -> Seen:
        # Linked to another replica, which keeps saying so.
        linked = row.linked and self._is_recent(row.last_heartbeat_time)
        return Seen(
            linked=linked,
            version=row.version,
            edge_endpoint=row.edge_endpoint,
            last_heard=row.last_heartbeat_time,
            since=row.verdict_time if linked == row.linked else row.last_heartbeat_time,
            report=Report(tuple(row.checks), row.policy_revision, row.usage),
            policy_told=row.policy_told,
        )

    def _is_recent(self, time: datetime | None) -> bool:
        return time is not None and self._clock.now() - time < self._silence + _COARSE

    async def _keep(self, link: OpenLink, *, linked: bool) -> None:
        health = Health(linked, link.report, link.last_heard, link.policy_told)
        await self._database.write(links.keep_health, link.spiffe_id, health)
