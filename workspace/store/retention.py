"""Queries of runs that may go, and of those that went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace import names
from workspace.lifecycle import RUN_TERMINAL
from workspace.store.base import columns, every, fetch, first
from workspace.store.lists import Listed, Place, at, beyond, key_of, listed, matching
from workspace.store.schema import LateReport, Project, Run, Step, StepAttempt
from workspace.store.schema_artifacts import ArtifactVersion
from workspace.store.schema_conditions import RunCondition
from workspace.store.schema_logs import LogState, LogStream
from workspace.store.schema_models import ModelStage, ModelVersion, ModelVersionLink
from workspace.store.schema_retention import ArchivedLog, ArchivedRun
from workspace.store.schema_snapshots import Pipeline

_A, _L = columns(ArchivedRun), columns(ArchivedLog)
_R, _P = columns(Run), columns(Project)
_is_linked = columns(ModelVersionLink).artifact_uid == columns(ArtifactVersion).uid

ORDERS = Orders(
    (OrderKey("archive_time", _A.archive_time),), OrderKey("uid", _A.uid), "archive_time desc"
)
FIELDS = Fields(
    Field("pipeline", Kind.STRING, _A.pipeline),
    Field("run", Kind.STRING, _A.run),
    Field("archive_time", Kind.TIMESTAMP, _A.archive_time),
)


@dataclass(frozen=True, slots=True)
class Whole:
    """A run with all that is its own."""

    run: Run
    steps: Sequence[Step]
    attempts: Sequence[StepAttempt]
    conditions: Sequence[RunCondition]
    late_reports: Sequence[LateReport]
    logs: Sequence[LogStream]


def with_rules(session: Session) -> list[Project]:
    """The projects that do not keep all of their runs."""
    has_rule = sa.or_(_P.keep_run_days > 0, _P.keep_last_runs > 0)
    return fetch(session, Project, every(Project).where(_P.delete_time.is_(None), has_rule))


def pipelines(session: Session, project: str) -> list[str]:
    own = columns(Pipeline)
    query = sa.select(own.id).where(own.project == project).order_by(own.id)
    return list(session.connection().execute(query).scalars())


def place(session: Session, project: str, pipeline: str, number: int) -> Place | None:
    """Where the run stands that is the so-manieth newest of its pipeline; None if there is none."""
    query = (
        sa.select(_R.create_time, _R.uid)
        .where(_R.project == project, _R.pipeline == pipeline)
        .order_by(_R.create_time.desc(), _R.uid.desc())
        .offset(number - 1)
        .limit(1)
    )
    found = session.connection().execute(query).first()
    return (found[0], found[1]) if found else None


def ended(
    session: Session,
    project: str,
    pipeline: str,
    *,
    ended_before: datetime,
    after: Place | None,
    before: Place | None,
    limit: int,
) -> list[Run]:
    """Runs of a pipeline that ended before a time, the oldest first, between two places."""
    newest = [key_of(_R) < at(_R, before)] if before else []
    statement = every(Run).where(
        _R.project == project,
        _R.pipeline == pipeline,
        session.among(_R.state, sorted(RUN_TERMINAL)),
        _R.end_time < ended_before,
        *beyond(_R, after),
        *newest,
    )
    return fetch(session, Run, statement.order_by(_R.create_time, _R.uid).limit(limit))


def models(session: Session, runs: Sequence[Run]) -> dict[UUID, list[str]]:
    """Versions of models for whose sake runs of a project stay: they made them, or are linked."""
    versions, links, made = (
        columns(ModelVersion),
        columns(ModelVersionLink),
        columns(ArtifactVersion),
    )
    project = runs[0].project
    uids = {run.id: run.uid for run in runs} | {run.name: run.uid for run in runs}
    ids, full_names = [run.id for run in runs], [run.name for run in runs]
    staged = session.among(versions.stage, [ModelStage.STAGING.value, ModelStage.PRODUCTION.value])
    queries = (
        sa.select(versions.run, versions.model, versions.number).where(
            versions.project == project, session.among(versions.run, ids), staged
        ),
        sa.select(links.run, links.model, links.number).where(
            links.project == project, session.among(links.run, full_names)
        ),
        sa.select(made.producer_run, links.model, links.number)
        .join_from(ArtifactVersion.__table__, ModelVersionLink.__table__, _is_linked)
        .where(
            made.project == project,
            session.among(made.producer_run, ids),
            links.project == project,
        ),
    )
    connection = session.connection()
    found = {
        (uids[run], model, number)
        for query in queries
        for run, model, number in connection.execute(query)
    }
    grouped: dict[UUID, list[str]] = {}
    for run, model, number in sorted(found):
        name = f"{names.project(project)}/models/{model}/versions/{number}"
        grouped.setdefault(run, []).append(name)
    return grouped


def with_open_logs(session: Session, runs: Sequence[Run]) -> set[str]:
    """Those of the runs of a project, by id, of which a log is not complete."""
    own = columns(LogStream)
    query = sa.select(own.run).where(
        own.project == runs[0].project,
        session.among(own.run, [run.id for run in runs]),
        own.state == LogState.OPEN.value,
    )
    return set(session.connection().execute(query.distinct()).scalars())


def whole(session: Session, run: Run) -> Whole:
    """Everything that goes with a run."""
    steps, attempts, late = columns(Step), columns(StepAttempt), columns(LateReport)
    conditions, logs = columns(RunCondition), columns(LogStream)
    uids = sa.select(steps.uid).where(steps.run_uid == run.uid)
    of_run = sa.and_(logs.project == run.project, logs.run == run.id)
    return Whole(
        run,
        fetch(session, Step, every(Step).where(steps.run_uid == run.uid).order_by(steps.ordinal)),
        fetch(
            session,
            StepAttempt,
            every(StepAttempt).where(attempts.step_uid.in_(uids)).order_by(attempts.number),
        ),
        fetch(session, RunCondition, every(RunCondition).where(conditions.run_uid == run.uid)),
        fetch(session, LateReport, every(LateReport).where(late.run_uid == run.uid)),
        fetch(session, LogStream, every(LogStream).where(of_run).order_by(logs.id)),
    )


def get(session: Session, project: str, uid: UUID) -> ArchivedRun | None:
    return first(
        session, ArchivedRun, every(ArchivedRun).where(_A.project == project, _A.uid == uid)
    )


def lock(session: Session, project: str, uid: UUID) -> ArchivedRun | None:
    """The archived run, held until the commit."""
    query = every(ArchivedRun).where(_A.project == project, _A.uid == uid)
    return first(session, ArchivedRun, query.with_for_update())


def delete(session: Session, row: ArchivedRun) -> None:
    """An archived run, and what is known of its logs."""
    connection = session.connection()
    connection.execute(ArchivedLog.__table__.delete().where(_L.run_uid == row.uid))
    connection.execute(ArchivedRun.__table__.delete().where(_A.uid == row.uid))


def list_page(
    session: Session, project: str, window: Window, filter_: Filter | None
) -> Listed[ArchivedRun]:
    return listed(session, ArchivedRun, window, _A.project == project, *matching(filter_))


def logs(session: Session, run_uid: UUID) -> list[ArchivedLog]:
    """The logs of an archived run that are kept."""
    return fetch(session, ArchivedLog, every(ArchivedLog).where(_L.run_uid == run_uid))


def old_logs(
    session: Session, created_before: datetime, after: Place | None, limit: int
) -> list[ArchivedLog]:
    """Logs of archived runs that were made before a time, the oldest first."""
    statement = every(ArchivedLog).where(_L.create_time < created_before, *beyond(_L, after))
    return fetch(session, ArchivedLog, statement.order_by(_L.create_time, _L.uid).limit(limit))


def forget_logs(session: Session, uids: Sequence[UUID]) -> list[tuple[str, int]]:
    """Deletes the rows that are still there; the project of each, and what it was charged for."""
    gone = ArchivedLog.__table__.delete().where(session.among(_L.uid, uids))
    rows = session.connection().execute(gone.returning(_L.project, _L.charged_bytes))
    return [(project, charged) for project, charged in rows]


def has_log(session: Session, uid: UUID) -> bool:
    """Whether lines under this uid are of a log of an archived run."""
    query = sa.select(_L.uid).where(_L.uid == uid)
    return session.connection().execute(query).first() is not None
