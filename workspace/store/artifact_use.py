"""Queries of what uses versions of artifacts, and of their end."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace import names
from workspace.lifecycle import RUN_ACTIVE
from workspace.store import values
from workspace.store.base import columns, every, fetch, insert
from workspace.store.lists import Listed, listed
from workspace.store.schema import Run, Step
from workspace.store.schema_artifacts import (
    Artifact,
    ArtifactVersion,
    CacheUse,
    ContentRemoval,
    LineageEdge,
)
from workspace.store.schema_models import ModelVersionLink

_A = columns(Artifact)
_V = columns(ArtifactVersion)
_E = columns(LineageEdge)
_U = columns(CacheUse)
_S = columns(Step)
_R = columns(Run)
_C = columns(ContentRemoval)
_L = columns(ModelVersionLink)

# Oldest first: what is deleted meanwhile lies behind the cursor.
ORDERS = Orders((OrderKey("create_time", _V.create_time),), OrderKey("uid", _V.uid), "create_time")


def takers(session: Session, versions: Sequence[UUID], limit: int) -> list[str]:
    """Steps that took versions as inputs or over from the cache, by name, at most so many."""
    as_inputs = sa.select(_E.step_uid).where(
        session.among(_E.version_uid, versions), _E.is_output.is_(False)
    )
    over = sa.select(_U.step_uid).where(session.among(_U.version_uid, versions))
    found = sa.union(as_inputs, over).subquery()
    query = (
        sa.select(_S.project, _S.run, _S.id)
        .join_from(found, Step.__table__, _S.uid == found.c.step_uid)
        .order_by(found.c.step_uid)
        .limit(limit)
    )
    return [names.step(*step) for step in session.connection().execute(query)]


def used(session: Session, versions: Sequence[UUID]) -> set[UUID]:
    """Those that some step took as an input or over, or some version of a model links."""
    taken = sa.select(_E.version_uid).where(
        session.among(_E.version_uid, versions), _E.is_output.is_(False)
    )
    over = sa.select(_U.version_uid).where(session.among(_U.version_uid, versions))
    linked = sa.select(_L.artifact_uid).where(session.among(_L.artifact_uid, versions))
    connection = session.connection()
    return {uid for query in (taken, over, linked) for (uid,) in connection.execute(query)}


def latest_numbers(session: Session, project: str, artifacts: Sequence[str]) -> dict[str, int]:
    """The newest version of each artifact."""
    query = sa.select(_A.id, _A.latest_version).where(
        _A.project == project, session.among(_A.id, artifacts)
    )
    return {row.id: row.latest_version for row in session.connection().execute(query)}


def active_runs(session: Session, project: str, runs: Sequence[str]) -> set[str]:
    """Those of the runs that are under way."""
    query = sa.select(_R.id).where(
        _R.project == project,
        session.among(_R.id, runs),
        session.among(_R.state, [state.value for state in RUN_ACTIVE]),
    )
    return {id_ for (id_,) in session.connection().execute(query)}


def oldest(
    session: Session, project: str, window: Window, before: datetime
) -> Listed[ArtifactVersion]:
    """A page of the versions that are older than a time."""
    return listed(session, ArtifactVersion, window, _V.project == project, _V.create_time < before)


def lock(session: Session, versions: Sequence[UUID]) -> list[ArtifactVersion]:
    """Versions, held until the commit."""
    statement = every(ArtifactVersion).where(session.among(_V.uid, versions)).order_by(_V.uid)
    return fetch(session, ArtifactVersion, statement.with_for_update())


def remove(session: Session, versions: Sequence[UUID]) -> None:
    """Deletes versions, and the edges of the steps that made them."""
    connection = session.connection()
    edges, table = LineageEdge.__table__, ArtifactVersion.__table__
    connection.execute(edges.delete().where(session.among(_E.version_uid, versions)))
    connection.execute(table.delete().where(session.among(_V.uid, versions)))
    values.forget(session, versions)


def remove_artifact(session: Session, uid: UUID) -> None:
    """Deletes an artifact that has no versions left."""
    session.connection().execute(Artifact.__table__.delete().where(_A.uid == uid))
    values.forget(session, [uid])


def held(session: Session, uris: Sequence[str]) -> set[str]:
    """Those of the places where some version says that its bytes are."""
    query = sa.select(_V.uri).distinct().where(session.among(_V.uri, uris))
    return {uri for (uri,) in session.connection().execute(query)}


def want_removed(session: Session, removals: Sequence[ContentRemoval]) -> None:
    """Keeps in mind which bytes are to go."""
    insert(session, removals)


def removals(session: Session, limit: int) -> list[ContentRemoval]:
    """Bytes that are to go, oldest wish first."""
    return fetch(session, ContentRemoval, every(ContentRemoval).order_by(_C.uid).limit(limit))


def removed(session: Session, uids: Sequence[UUID]) -> None:
    """Forgets wishes that were fulfilled."""
    table = ContentRemoval.__table__
    session.connection().execute(table.delete().where(session.among(_C.uid, uids)))
