"""Queries of what there is, and of what there may be."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from meshkit.query import Query
from meshkit.schema import among
from meshkit.session import Session
from workspace.quotas import OF_PROJECTS, OF_WORKSPACE, WORKSPACE, Quota
from workspace.store.base import Row, columns, insert_or
from workspace.store.schema import Project, Run
from workspace.store.schema_alerters import Alerter
from workspace.store.schema_artifacts import ArtifactVersion
from workspace.store.schema_code_repositories import CodeRepository
from workspace.store.schema_connectors import ServiceConnector
from workspace.store.schema_logs import LogStream
from workspace.store.schema_models import ModelVersion
from workspace.store.schema_quotas import Use
from workspace.store.schema_retention import ArchivedLog
from workspace.store.schema_schedules import Schedule
from workspace.store.schema_secrets import Secret
from workspace.store.schema_snapshots import Build, Pipeline, Snapshot
from workspace.store.schema_stacks import Component, Flavor, Stack
from workspace.store.schema_triggers import Trigger
from workspace.store.schema_webhooks import Webhook

Key = tuple[str, Quota]

# What each row is one of.
COUNTED: Mapping[type[Row], Quota] = {
    Run: Quota.RUNS,
    ArtifactVersion: Quota.ARTIFACT_VERSIONS,
    Pipeline: Quota.PIPELINES,
    Snapshot: Quota.SNAPSHOTS,
    Build: Quota.SNAPSHOTS,
    ModelVersion: Quota.MODEL_VERSIONS,
    Schedule: Quota.AUTOMATIONS,
    Trigger: Quota.AUTOMATIONS,
    Webhook: Quota.AUTOMATIONS,
    Alerter: Quota.AUTOMATIONS,
    CodeRepository: Quota.AUTOMATIONS,
    Project: Quota.PROJECTS,
    Stack: Quota.INFRASTRUCTURE,
    Component: Quota.INFRASTRUCTURE,
    Flavor: Quota.INFRASTRUCTURE,
    ServiceConnector: Quota.INFRASTRUCTURE,
    Secret: Quota.INFRASTRUCTURE,
}
# What of each row is added up beside.
_WEIGHED: Mapping[type[Row], tuple[str, Quota]] = {
    ArtifactVersion: ("size_bytes", Quota.ARTIFACT_BYTES),
    LogStream: ("charged_bytes", Quota.LOG_BYTES),
    ArchivedLog: ("charged_bytes", Quota.LOG_BYTES),
}
# Every table whose rows count.
TABLES: tuple[type[Row], ...] = (*COUNTED, LogStream, ArchivedLog)

_U, _P = columns(Use), columns(Project)
_LIMITS = Query(
    sa.select(*(_P[quota.column] for quota in OF_PROJECTS)).where(
        _P.id == sa.bindparam("project"), _P.delete_time.is_(None)
    ),
    "project",
)
_USED = Query(
    sa.select(_U.project, _U.quota, _U.amount).where(among(_U.project, "scopes")), "scopes"
)


def amounts(row: Row) -> list[tuple[Key, int]]:
    """What a row adds to its project, or to the workspace where it belongs to none."""
    quota = COUNTED.get(type(row))
    if quota is None:
        return []
    project = WORKSPACE if quota in OF_WORKSPACE else row.project  # type: ignore[attr-defined]
    found = [((project, quota), 1)]
    if weighed := _WEIGHED.get(type(row)):
        column, of_weight = weighed
        found.append(((project, of_weight), getattr(row, column)))
    return found


def limits(session: Session, project: str) -> dict[Quota, int] | None:
    """What a project says that it may hold, 0 for any amount; None where there is none."""
    row = _LIMITS.first(session.connection(), project)
    return dict(zip(OF_PROJECTS, row, strict=True)) if row else None


def used(session: Session, *scopes: str) -> dict[Key, int]:
    """How much there is in projects, and with an empty one in the workspace; absent is nothing."""
    rows = _USED.all(session.connection(), scopes)
    return {(project, Quota(quota)): amount for project, quota, amount in rows}


def limited(session: Session) -> dict[str, dict[Quota, int]]:
    """The limits of the projects that have any."""
    own = [_P[quota.column] for quota in OF_PROJECTS]
    has_any = sa.or_(*(column > 0 for column in own))
    query = sa.select(_P.id, *own).where(_P.delete_time.is_(None), has_any)
    rows = session.connection().execute(query)
    return {row[0]: dict(zip(OF_PROJECTS, row[1:], strict=True)) for row in rows}


def add(session: Session, deltas: Mapping[Key, int]) -> None:
    """Adds to the counters; in one order, as locks are taken."""
    rows = [Use(*key, delta) for key, delta in sorted(deltas.items()) if delta]
    insert_or(session, rows, _add)


def recount(connection: sa.Connection) -> Counter[Key]:
    """What the rows that are there add up to, by project and for the workspace; reads them all."""
    total: Counter[Key] = Counter()
    for (project, quota), amount in _sums(connection):
        total[project, quota] += amount
        if project != WORKSPACE:
            total[WORKSPACE, quota] += amount
    return total


def counted(connection: sa.Connection) -> Counter[Key]:
    """What the counters say."""
    rows = connection.execute(sa.select(_U.project, _U.quota, _U.amount))
    return Counter({(project, Quota(quota)): amount for project, quota, amount in rows})


def _sums(connection: sa.Connection) -> Iterator[tuple[Key, int]]:
    for cls in TABLES:
        quota, weighed = COUNTED.get(cls), _WEIGHED.get(cls)
        column, of_weight = weighed or ("", None)
        own = columns(cls)
        project = sa.literal(WORKSPACE) if quota in OF_WORKSPACE else own.project
        weight = sa.func.sum(own[column]) if column else sa.literal(0)
        query = sa.select(project, sa.func.count(), weight).select_from(cls.__table__)
        if cls is Project:
            query = query.where(own.delete_time.is_(None))
        if quota not in OF_WORKSPACE:
            query = query.group_by(own.project)
        for name, count, sum_ in connection.execute(query):
            yield from (
                ((name, which), int(amount or 0))
                for which, amount in ((quota, count), (of_weight, sum_))
                if which
            )


def _add(statement: Any) -> Any:
    added = {"amount": _U.amount + statement.excluded.amount}
    return statement.on_conflict_do_update(index_elements=[_U.project, _U.quota], set_=added)
