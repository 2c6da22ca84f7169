"""Pipelines come into being with their first snapshot or run."""

from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace.store import pipelines as store
from workspace.store.base import insert
from workspace.store.schema import Pipeline


def ensure(session: Session, wanted: dict[tuple[str, str], str]) -> None:
    """Makes the pipelines that are not there: creators by (project, pipeline)."""
    missing = []
    for project in sorted({project for project, _ in wanted}):
        ids = {pipeline for own, pipeline in wanted if own == project}
        known = store.existing(session, project, ids)
        missing += [(project, pipeline) for pipeline in sorted(ids - known)]
    now = session.now
    rows = [
        Pipeline(new_uid(), project, pipeline, wanted[project, pipeline], now, now)
        for project, pipeline in missing
    ]
    insert(session, rows)
    for row in rows:
        session.emit(ChangeKind.CREATED, row)
