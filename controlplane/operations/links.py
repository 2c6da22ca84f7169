"""What services say of themselves on their links."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa

from controlplane import store
from controlplane.lifecycle import Verdict
from controlplane.store.schema import Link
from meshkit.feed import ChangeKind
from meshkit.session import Session


@dataclass(frozen=True, slots=True)
class Hello:
    """Who links, and where it is reached."""

    version: str
    edge_endpoint: str
    mesh_endpoint: str
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """How a service says it is.

    Its checks as {name, healthy, message}, the newest policy that it decides on, the roots that
    it trusts, and, of a workspace, counts by the names of the fields of WorkspaceUsage.
    """

    checks: tuple[dict[str, Any], ...] = ()
    policy_revision: int = 0
    usage: dict[str, int] | None = None
    trusted_roots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """How a service is, as its link's end here knows it."""

    linked: bool
    report: Report
    time: datetime
    policy_told: int

    @property
    def verdict(self) -> Verdict:
        if not self.linked:
            return Verdict.GONE
        return Verdict.FAILING if failing(self.report.checks) else Verdict.HEALTHY


@dataclass(slots=True)
class LinkHealth:
    """How a service is, for the feed.

    Not the `Link`: a change of that one is told to the service's peers, and a thousand services
    that come back at once would each be told of all the others.
    """

    __table__: ClassVar[sa.FromClause] = Link.__table__
    resource_type: ClassVar[str] = "LinkHealth"

    uid: UUID
    name: str
    revision: int = 0


def say_hello(session: Session, spiffe_id: str, hello: Hello) -> None:
    """Keeps the newest hello; peers hear of it where endpoints changed."""
    row = store.links.get(session, spiffe_id)
    if row is None:
        row = Link(spiffe_id=spiffe_id, verdict="")
        session.add(row)
    told = (hello.edge_endpoint, hello.mesh_endpoint)
    is_news = (row.edge_endpoint, row.mesh_endpoint) != told
    is_other = row.version != hello.version
    row.version, row.features = hello.version, list(hello.features)
    row.edge_endpoint, row.mesh_endpoint = told
    row.linked, row.last_heartbeat_time = True, session.now
    is_back = _judge(row, Verdict.HEALTHY, session.now)
    session.flush()
    if is_news:
        session.emit(ChangeKind.UPDATED, row, fields=("edge_endpoint", "mesh_endpoint"))
    if is_other or is_back:
        _tell(session, row)


def keep_health(session: Session, spiffe_id: str, health: Health) -> None:
    """Keeps how a service is; in the feed only where the verdict on it changed."""
    row = store.links.get(session, spiffe_id)
    if row is not None:
        report = health.report
        row.linked, row.checks, row.usage = health.linked, list(report.checks), report.usage
        row.policy_revision, row.policy_told = report.policy_revision, health.policy_told
        row.last_heartbeat_time = health.time
        if _judge(row, health.verdict, session.now):
            _tell(session, row)


def keep_trusted_roots(session: Session, spiffe_id: str, roots: tuple[str, ...]) -> None:
    """Keeps which roots a service trusts: what a rollover waits for."""
    row = store.links.get(session, spiffe_id)
    if row is not None:
        row.trusted_roots = list(roots)


def forget_open(session: Session) -> None:
    """At the start no link is open here; those to other replicas say so again within seconds."""
    _close(session, store.links.linked(session))


def expire(session: Session, heard_before: datetime) -> None:
    """Closes what a replica that died without a word left open."""
    _close(session, store.links.linked(session, heard_before=heard_before))


def _close(session: Session, rows: Sequence[Link]) -> None:
    for row in rows:
        row.linked = False
        if _judge(row, Verdict.GONE, session.now):
            _tell(session, row)


def failing(checks: Sequence[dict[str, Any]]) -> list[str]:
    """What fails, as people read it."""
    return [
        f"{check['name']}: {check['message']}" if check["message"] else str(check["name"])
        for check in checks
        if not check["healthy"]
    ]


def _judge(row: Link, verdict: Verdict, now: datetime) -> bool:
    if row.verdict == verdict.value:
        return False
    row.verdict, row.verdict_time = verdict.value, now
    return True


def _tell(session: Session, row: Link) -> None:
    session.flush()
    health = LinkHealth(row.uid, row.spiffe_id)
    session.emit(ChangeKind.UPDATED, health, fields=("verdict", "version"))
