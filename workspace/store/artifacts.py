"""Queries of artifacts, their versions, and where these come from."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Choices, Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.query import Query
from meshkit.schema import among, among_pairs
from meshkit.session import Session
from workspace.store import collections, values
from workspace.store.base import Rows, columns, every, fetch, ignore_conflicts, insert_or
from workspace.store.collections import Collection
from workspace.store.lists import Listed
from workspace.store.schema import Step
from workspace.store.schema_artifacts import Artifact, ArtifactVersion, CacheUse, LineageEdge

_A = columns(Artifact)
_V = columns(ArtifactVersion)
_E = columns(LineageEdge)
_S = columns(Step)

TYPES = ("DATA", "MODEL", "VISUALIZATION")

ORDERS = Orders(
    (OrderKey("name", _A.id, value=lambda row: row.id),), OrderKey("uid", _A.uid), "name"
)
FIELDS = Fields(
    Field("create_time", Kind.TIMESTAMP, _A.create_time),
    Field("display_name", Kind.STRING, _A.display_name),
    Field("labels", Kind.MAP, values.beside(Artifact, "labels")),
    Field("metadata", Kind.VALUES, values.beside(Artifact, "metadata")),
)
VERSION_ORDERS = Orders((OrderKey("create_time", _V.create_time),), OrderKey("uid", _V.uid))
VERSION_FIELDS = Fields(
    Field("producer_run", Kind.STRING, _V.producer_run),
    Field(
        "type",
        Kind.ENUM,
        _V.type,
        choices=Choices({type_: n for n, type_ in enumerate(TYPES, 1)}, "ARTIFACT_TYPE_"),
    ),
    Field("alias", Kind.STRING, _V.alias),
    Field("labels", Kind.MAP, values.beside(ArtifactVersion, "labels")),
    Field("metadata", Kind.VALUES, values.beside(ArtifactVersion, "metadata")),
    Field("create_time", Kind.TIMESTAMP, _V.create_time),
)

VersionKey = tuple[str, int]


_GET = Rows(
    Artifact,
    every(Artifact).where(
        _A.project == sa.bindparam("in_project"), _A.id == sa.bindparam("artifact")
    ),
    "in_project",
    "artifact",
)
_LOCK_MANY = Rows(
    Artifact,
    every(Artifact)
    .where(_A.project == sa.bindparam("in_project"), among(_A.id, "artifacts"))
    .order_by(_A.id)
    .with_for_update(),
    "in_project",
    "artifacts",
)
_OF_ARTIFACT = every(ArtifactVersion).where(
    _V.project == sa.bindparam("in_project"), _V.artifact == sa.bindparam("of_artifact")
)
_NUMBERED = _OF_ARTIFACT.where(_V.version == sa.bindparam("number", type_=_V.version.type))
_NAMED = _OF_ARTIFACT.where(_V.alias == sa.bindparam("alias_of"))
_VERSION = Rows(ArtifactVersion, _NUMBERED, "in_project", "of_artifact", "number")
_BY_ALIAS = Rows(ArtifactVersion, _NAMED, "in_project", "of_artifact", "alias_of")
_NEWEST = Rows(
    ArtifactVersion,
    _OF_ARTIFACT.order_by(_V.version.desc()).limit(1),
    "in_project",
    "of_artifact",
)
_UIDS = Query(
    sa.select(_V.artifact, _V.version, _V.uid).where(
        _V.project == sa.bindparam("in_project"), among_pairs(_V.artifact, _V.version, "versions")
    ),
    "in_project",
    "versions",
)
_VERSIONS = Rows(
    ArtifactVersion, every(ArtifactVersion).where(among(_V.uid, "versions")), "versions"
)


def get(session: Session, project: str, artifact: str) -> Artifact | None:
    return _GET.first(session, project, artifact)


def lock_many(session: Session, project: str, ids: Iterable[str]) -> dict[str, Artifact]:
    """Artifacts by id, held until the commit: they number their versions."""
    return {row.id: row for row in _LOCK_MANY.all(session, project, sorted(set(ids)))}


def list_page(
    session: Session, project: str, window: Window, filter_: Filter | None
) -> Listed[Artifact]:
    collection = Collection(values.artifacts_of(project), [_A.project == project])
    return collections.page(session, Artifact, window, collection, filter_)


def find(session: Session, project: str, artifact: str, key: str) -> ArtifactVersion | None:
    """A version by its number or its alias; no alias is all digits."""
    if key.isdecimal():
        return version(session, project, artifact, int(key))
    return _BY_ALIAS.first(session, project, artifact, key)


def newest(session: Session, project: str, artifact: str) -> ArtifactVersion | None:
    """The version with the highest number that is still there."""
    return _NEWEST.first(session, project, artifact)


def of_artifact(session: Session, project: str, artifact: str, limit: int) -> list[ArtifactVersion]:
    """Versions of an artifact, at most so many."""
    statement = every(ArtifactVersion).where(_V.project == project, _V.artifact == artifact)
    return fetch(session, ArtifactVersion, statement.order_by(_V.version).limit(limit))


def version(session: Session, project: str, artifact: str, number: int) -> ArtifactVersion | None:
    return _VERSION.first(session, project, artifact, number)


def versions_by_uid(session: Session, uids: Sequence[UUID]) -> dict[UUID, ArtifactVersion]:
    """Versions by uid, in whatever project: uids are unique in the workspace."""
    return {row.uid: row for row in _VERSIONS.all(session, uids)}


def uids(session: Session, project: str, keys: Iterable[VersionKey]) -> dict[VersionKey, UUID]:
    """The uids of those versions, by (artifact, number), that exist in the project."""
    rows = _UIDS.all(session.connection(), project, sorted(set(keys)))
    return {(artifact, number): uid for artifact, number, uid in rows}


def list_versions(
    session: Session, project: str, artifact: str | None, window: Window, filter_: Filter | None
) -> Listed[ArtifactVersion]:
    """Versions of one artifact, or of all."""
    scope = [_V.project == project]
    if artifact is not None:
        scope.append(_V.artifact == artifact)
    collection = Collection(values.versions_of(project, artifact), scope)
    return collections.page(session, ArtifactVersion, window, collection, filter_)


def add_edges(session: Session, edges: Sequence[LineageEdge]) -> None:
    """Keeps edges; those that are known stay as they are."""
    insert_or(session, edges, ignore_conflicts)


def add_cache_uses(session: Session, uses: Sequence[CacheUse]) -> None:
    """Keeps that steps took versions over; what is known stays as it is."""
    insert_or(session, uses, ignore_conflicts)


def edges_of_versions(
    session: Session, versions: Sequence[UUID], *, is_output: bool, limit: int
) -> list[tuple[LineageEdge, str]]:
    """Edges that made (or took) versions, with the names of their steps."""
    condition = sa.and_(session.among(_E.version_uid, versions), _E.is_output == is_output)
    return _edges(session, condition, limit)


def edges_of_steps(
    session: Session, steps: Sequence[UUID], *, is_output: bool, limit: int
) -> list[tuple[LineageEdge, str]]:
    """Edges by which steps made (or took) versions, with the names of the steps."""
    condition = sa.and_(session.among(_E.step_uid, steps), _E.is_output == is_output)
    return _edges(session, condition, limit)


def _edges(
    session: Session, condition: sa.ColumnElement[bool], limit: int
) -> list[tuple[LineageEdge, str]]:
    query = (
        sa.select(*LineageEdge.__table__.c, _S.project, _S.run, _S.id)
        .join_from(LineageEdge.__table__, Step.__table__, _S.uid == _E.step_uid)
        .where(condition)
        .order_by(_E.step_uid, _E.is_output, _E.slot, _E.version_uid)
        .limit(limit)
    )
    found = []
    for *edge, project, run, step in session.connection().execute(query):
        found.append((LineageEdge(*edge), f"projects/{project}/runs/{run}/steps/{step}"))
    return found
