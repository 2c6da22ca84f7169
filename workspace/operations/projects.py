"""What writes of projects mean."""

from collections.abc import Mapping
from typing import Any

from meshkit.errors import FailedPrecondition
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.logs.amounts import NO_QUOTA, Quota
from workspace.operations import changes, stacks
from workspace.operations.refusals import absent, taken
from workspace.quotas import Limits
from workspace.store import projects as store
from workspace.store import saved_views
from workspace.store.base import insert, update
from workspace.store.schema import Project

# A project that bounds nothing.
_NO_LIMITS: Limits = {}


def create(
    session: Session,
    project: str,
    *,
    display_name: str,
    description: str,
    labels: dict[str, str],
    max_concurrent_runs: int,
    creator: str,
    default_stack: str = "",
    log_quota: Quota = NO_QUOTA,
    keep_run_days: int = 0,
    keep_last_runs: int = 0,
    quotas: Limits = _NO_LIMITS,
) -> Project:
    """Creates a project; AlreadyExists where its id is taken, or was by one that is deleted."""
    name = names.project(project)
    if store.is_taken(session, project):
        raise taken(name)
    stacks.require(session, default_stack)
    now = session.now
    row = Project(
        uid=new_uid(),
        id=project,
        display_name=display_name,
        description=description,
        labels=labels,
        creator=creator,
        create_time=now,
        update_time=now,
        max_concurrent_runs=max_concurrent_runs,
        default_stack=default_stack,
        max_run_log_bytes=log_quota.run.bytes,
        max_run_log_lines=log_quota.run.lines,
        max_log_stream_bytes=log_quota.stream.bytes,
        max_log_stream_lines=log_quota.stream.lines,
        keep_run_days=keep_run_days,
        keep_last_runs=keep_last_runs,
    )
    for quota, limit in quotas.items():
        setattr(row, quota.column, limit)
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=name)
    return row


def change(session: Session, project: str, values: Mapping[str, Any], *, etag: str) -> Project:
    """Gives fields new values; NotFound, or Aborted where the etag is another one."""
    row = _locked(session, project, etag)
    if values.get("default_stack"):
        stacks.require(session, values["default_stack"])
    changes.apply(session, row, values)
    return row


def delete(session: Session, project: str, *, etag: str) -> None:
    """Deletes an empty project; FailedPrecondition where something is in it."""
    row = _locked(session, project, etag)
    dependents = store.dependents(session, project)
    if dependents:
        raise FailedPrecondition(
            "RESOURCE_IN_USE",
            f"{row.name} is not empty: it has {' and '.join(dependents)}.",
            metadata={"resource": row.name, "dependents": ",".join(dependents)},
        )
    saved_views.delete_all(session, project)
    row.delete_time = session.now
    update(session, [row], ("delete_time",))
    session.emit(ChangeKind.DELETED, row)


def _locked(session: Session, project: str, etag: str) -> Project:
    row = store.lock(session, project)
    if row is None:
        raise absent(names.project(project))
    changes.check_etag(row, etag)
    return row
