"""What writes of pipelines mean; they come into being with their first snapshot, build or run."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.operations import changes
from workspace.operations.refusals import absent, in_use
from workspace.store import pipelines as store
from workspace.store import projects
from workspace.store.base import insert
from workspace.store.schema_snapshots import Pipeline

Key = tuple[str, str]
# How many users a refusal names.
_NAMED = 10


def ensure(session: Session, wanted: dict[Key, str]) -> None:
    """Makes the pipelines that are not there: creators by (project, pipeline)."""
    missing = _missing(session, wanted)
    if not missing:
        return
    # Another replica may be making the same ones: whoever comes second waits, and finds them.
    for project in sorted({project for project, _ in missing}):
        projects.lock(session, project)
    now = session.now
    rows = [
        Pipeline(new_uid(), project, pipeline, wanted[project, pipeline], now, now)
        for project, pipeline in _missing(session, missing)
    ]
    insert(session, rows)
    for row in rows:
        session.emit(ChangeKind.CREATED, row)


def _missing(session: Session, wanted: Iterable[Key]) -> list[Key]:
    """Those of the pipelines that are not there, in order."""
    missing = []
    for project, group in groupby(sorted(wanted), key=itemgetter(0)):
        ids = {pipeline for _, pipeline in group}
        known = store.existing(session, project, ids)
        missing += [(project, pipeline) for pipeline in sorted(ids - known)]
    return missing


def change(
    session: Session, project: str, pipeline: str, values: Mapping[str, Any], *, etag: str
) -> Pipeline:
    """Gives fields new values; NotFound, or Aborted where the etag is another one."""
    row = _locked(session, project, pipeline, etag)
    changes.apply(session, row, values)
    return row


def delete(session: Session, project: str, pipeline: str, *, etag: str) -> None:
    """Deletes a pipeline that nothing belongs to; FailedPrecondition with what does."""
    row = _locked(session, project, pipeline, etag)
    users = store.users(session, row, _NAMED)
    if users:
        raise in_use(row.name, users)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def _locked(session: Session, project: str, pipeline: str, etag: str) -> Pipeline:
    row = store.lock(session, project, pipeline)
    if row is None:
        raise absent(names.child(names.project(project), "pipelines", pipeline))
    changes.check_etag(row, etag)
    return row
