"""Queries of projects."""

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.query import Query
from meshkit.schema import among
from meshkit.session import Session
from workspace.logs.amounts import NO_QUOTA, Amount, Quota
from workspace.store.base import Row, Rows, columns, every
from workspace.store.lists import Listed, Visible, listed, matching, within
from workspace.store.schema import Project, Run
from workspace.store.schema_alerters import Alerter
from workspace.store.schema_artifacts import Artifact
from workspace.store.schema_code_repositories import CodeRepository
from workspace.store.schema_models import Model
from workspace.store.schema_retention import ArchivedRun
from workspace.store.schema_schedules import Schedule
from workspace.store.schema_snapshots import Pipeline
from workspace.store.schema_triggers import Trigger
from workspace.store.schema_webhooks import Webhook

_C = columns(Project)

ORDERS = Orders(
    (
        OrderKey("name", _C.id, value=lambda row: row.id),
        OrderKey("create_time", _C.create_time),
    ),
    OrderKey("uid", _C.uid),
    default="name",
)
FIELDS = Fields(
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
    Field("display_name", Kind.STRING, _C.display_name),
)


_IS_LIVE = _C.delete_time.is_(None)
_BY_ID = every(Project).where(_C.id == sa.bindparam("project"))
_ANY = Rows(Project, _BY_ID, "project")
_GET = Rows(Project, _BY_ID.where(_IS_LIVE), "project")
_LOCK = Rows(Project, _BY_ID.where(_IS_LIVE).with_for_update(), "project")
_DEFAULT_STACKS = Query(
    sa.select(_C.id, _C.default_stack).where(among(_C.id, "projects"), _IS_LIVE), "projects"
)
_LOG_QUOTA = Query(
    sa.select(
        _C.max_run_log_bytes, _C.max_run_log_lines, _C.max_log_stream_bytes, _C.max_log_stream_lines
    ).where(_C.id == sa.bindparam("project")),
    "project",
)
_EXISTING = Query(sa.select(_C.id).where(among(_C.id, "projects"), _IS_LIVE), "projects")


def get(session: Session, project: str) -> Project | None:
    return _GET.first(session, project)


def is_taken(session: Session, project: str) -> bool:
    """Whether there is, or ever was, a project of this id."""
    return _ANY.first(session, project) is not None


def lock(session: Session, project: str) -> Project | None:
    """The project, held until the commit."""
    return _LOCK.first(session, project)


def existing(session: Session, projects: set[str]) -> set[str]:
    """Those of the projects that exist."""
    return {id_ for (id_,) in _EXISTING.all(session.connection(), sorted(projects))}


def default_stacks(session: Session, projects: set[str]) -> dict[str, str]:
    """The default stacks of those of the projects that exist; empty where they have none."""
    return {row[0]: row[1] for row in _DEFAULT_STACKS.all(session.connection(), sorted(projects))}


def log_quota(session: Session, project: str) -> Quota:
    """What is kept of its logs, as far as the project says it."""
    row = _LOG_QUOTA.first(session.connection(), project)
    return Quota(Amount(row[0], row[1]), Amount(row[2], row[3])) if row else NO_QUOTA


def list_page(
    session: Session, visible: Visible, window: Window, filter_: Filter | None
) -> Listed[Project]:
    conditions = [_IS_LIVE, *within(session, _C.id, visible), *matching(filter_)]
    return listed(session, Project, window, *conditions)


_HOLDING: tuple[tuple[str, type[Row]], ...] = (
    ("pipelines", Pipeline),
    ("runs", Run),
    ("artifacts", Artifact),
    ("models", Model),
    ("triggers", Trigger),
    ("webhooks", Webhook),
    ("schedules", Schedule),
    ("codeRepositories", CodeRepository),
    ("alerters", Alerter),
    ("archived runs", ArchivedRun),
)


def dependents(session: Session, project: str) -> list[str]:
    """Which collections of the project are not empty."""
    found = []
    for name, cls in _HOLDING:
        own = columns(cls)
        query = sa.select(own.uid).where(own.project == project).limit(1)
        if session.connection().execute(query).first():
            found.append(name)
    return found
