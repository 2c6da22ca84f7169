"""Which runs go, and what their going means."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from meshkit.audit import THE_CHAIN
from meshkit.chain import Record
from meshkit.ids import new_uid
from meshkit.jobs import Lease
from meshkit.session import Session
from workspace import names
from workspace.operations import runs
from workspace.operations.quotas import book_of
from workspace.operations.refusals import absent
from workspace.quotas import Quota
from workspace.store import launches as launch_store
from workspace.store import retention as store
from workspace.store import runs as run_store
from workspace.store.base import insert
from workspace.store.lists import Place
from workspace.store.schema import Run
from workspace.store.schema_logs import LogRemoval, LogStream
from workspace.store.schema_retention import ArchivedLog, ArchivedRun

# Whoever labels a run so, with any value, keeps it.
KEEP_LABEL = "keep"
_NAMED = 3
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Policy:
    """What is kept: runs for days after their end, the newest of each pipeline; 0 is no rule."""

    days: int
    last: int

    @property
    def is_empty(self) -> bool:
        return not self.days and not self.last


def page(
    session: Session, project: str, pipeline: str, policy: Policy, after: Place | None
) -> list[tuple[Run, str]]:
    """The next runs of a pipeline that no rule keeps, the oldest first; why one stays, or ""."""
    newest = store.place(session, project, pipeline, policy.last) if policy.last else None
    if policy.is_empty or (policy.last and newest is None):
        return []
    found = store.ended(
        session,
        project,
        pipeline,
        ended_before=session.now - timedelta(days=policy.days),
        after=after,
        before=newest,
        limit=_PAGE,
    )
    reasons = reasons_to_keep(session, found)
    return [(run, reasons.get(run.uid, "")) for run in found]


def preview(session: Session, project: str, policy: Policy, most: int) -> list[tuple[Run, str]]:
    """The first runs that no rule keeps, and why some stay; one more than the most."""
    found: list[tuple[Run, str]] = []
    for pipeline in store.pipelines(session, project):
        for item in _all(session, project, pipeline, policy):
            found.append(item)
            if len(found) > most:
                return found
    return found


def _all(
    session: Session, project: str, pipeline: str, policy: Policy
) -> Iterator[tuple[Run, str]]:
    after: Place | None = None
    while some := page(session, project, pipeline, policy, after):
        yield from some
        after = (some[-1][0].create_time, some[-1][0].uid)


def reasons_to_keep(session: Session, runs: Sequence[Run]) -> dict[UUID, str]:
    """Why runs of a project that have ended stay although they are old; others are left out."""
    if not runs:
        return {}
    launched = launch_store.not_ended(session, [run.uid for run in runs])
    takers = run_store.takers(session, runs, _NAMED)
    models = store.models(session, runs)
    logged = store.with_open_logs(session, runs)
    reasons: dict[UUID, str] = {}
    for run in runs:
        if run.uid in launched:
            reasons[run.uid] = "Its workload has not ended."
        elif KEEP_LABEL in run.labels:
            reasons[run.uid] = f"It has the label {KEEP_LABEL!r}."
        elif users := takers.get(run.uid):
            reasons[run.uid] = f"Other runs took what it made: {', '.join(users)}."
        elif users := models.get(run.uid):
            told = ", ".join(users[:_NAMED])
            reasons[run.uid] = f"Versions of models come from it: {told}."
        elif run.id in logged:
            reasons[run.uid] = "Its logs are not complete yet."
    return reasons


def read(session: Session, project: str, run_id: str) -> store.Whole | None:
    """A run with all that is its own, of one moment; None where it stays after all."""
    run = run_store.get(session, project, run_id)
    if run is None or reasons_to_keep(session, [run]):
        return None
    return store.whole(session, run)


def put_away(session: Session, lease: Lease, whole: store.Whole, row: ArchivedRun) -> bool:
    """Deletes a run whose archive is in its store; False where it changed since, and so stays."""
    lease.check(session)
    known = whole.run
    run = run_store.lock(session, known.project, known.id)
    if run is None or not _is_as_read(run, known) or reasons_to_keep(session, [run]):
        return False
    row.archive_time = session.now
    insert(session, [row])
    runs.remove(session, run)
    insert(session, [_archived(log, run.uid) for log in whole.logs])
    # The lines stay where they are, and go on to count.
    charged = sum(log.charged_bytes for log in whole.logs)
    book_of(session).add(run.project, Quota.LOG_BYTES, charged)
    return True


def _is_as_read(run: Run, known: Run) -> bool:
    # Signs of life are written down behind everything else, and say nothing of what has ended.
    return replace(run, heartbeat_ms=known.heartbeat_ms) == known


def _archived(log: LogStream, run_uid: UUID) -> ArchivedLog:
    return ArchivedLog(
        uid=log.uid,
        run_uid=run_uid,
        project=log.project,
        id=log.id,
        create_time=log.create_time,
        next_offset=log.next_offset,
        charged_bytes=log.charged_bytes,
    )


def delete(session: Session, project: str, uid: UUID) -> None:
    """Forgets an archived run whose archive is gone; a job removes the lines of its logs."""
    row = store.lock(session, project, uid)
    if row is None:
        raise absent(names.child(names.project(project), "archivedRuns", str(uid)))
    logs = store.logs(session, uid)
    insert(session, [LogRemoval(log.uid, log.project, session.now) for log in logs])
    store.delete(session, row)
    book_of(session).add(project, Quota.LOG_BYTES, -sum(log.charged_bytes for log in logs))
    session.audited(resource=row.name)


def forget_logs(session: Session, uids: Sequence[UUID]) -> None:
    """Forgets logs of archived runs whose lines are gone."""
    for project, charged in store.forget_logs(session, uids):
        book_of(session).add(project, Quota.LOG_BYTES, -charged)


def note_pass(session: Session, lease: Lease, project: str, count: int) -> None:
    """Says in the audit log that runs were archived, which nobody asked for by a call."""
    lease.check(session)
    record = Record(
        uid=new_uid(),
        time=session.now,
        workspace="",
        method="retention",
        action="RunArchiveService.Archive",
        actor_kind="peer",
        actor="retention",
        actor_name="",
        peer="",
        address="",
        user_agent="",
        resource=names.project(project),
        fields=["runs"],
        code=0,
        reason=f"{count} runs were archived",
        request_id="",
        trace_id="",
    )
    session.record(record, chain=THE_CHAIN)
