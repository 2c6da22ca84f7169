"""Queries of versions of models, of what they link, and of how they moved."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Choices, Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.store import collections, values
from workspace.store.base import Rows, columns, every, fetch
from workspace.store.collections import Collection
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema_models import (
    ModelStage,
    ModelVersion,
    ModelVersionLink,
    RequestState,
    StageRequest,
    StageTransition,
)

_V = columns(ModelVersion)
_L = columns(ModelVersionLink)
_T = columns(StageTransition)
_R = columns(StageRequest)

LATEST = "latest"
# Names that versions cannot have: requests know them as something else.
RESERVED = frozenset({LATEST, *(stage.lower() for stage in ModelStage)})

_STAGES = Choices({stage: n for n, stage in enumerate(ModelStage, 1)}, "MODEL_STAGE_")
_STATES = Choices({state: n for n, state in enumerate(RequestState, 1)}, "STAGE_REQUEST_STATE_")

ORDERS = Orders((OrderKey("create_time", _V.create_time),), OrderKey("uid", _V.uid))
FIELDS = Fields(
    Field("stage", Kind.ENUM, _V.stage, choices=_STAGES),
    Field("run", Kind.STRING, _V.run),
    Field("create_time", Kind.TIMESTAMP, _V.create_time),
    Field("labels", Kind.MAP, values.beside(ModelVersion, "labels")),
    Field("metadata", Kind.VALUES, values.beside(ModelVersion, "metadata")),
)
LINK_ORDERS = Orders((OrderKey("create_time", _L.create_time),), OrderKey("uid", _L.uid))
LINK_FIELDS = Fields(
    Field("artifact_version", Kind.STRING, _L.artifact_version),
    Field("run", Kind.STRING, _L.run),
)
TRANSITION_ORDERS = Orders((OrderKey("create_time", _T.create_time),), OrderKey("uid", _T.uid))
TRANSITION_FIELDS = Fields(
    Field("number", Kind.INT, _T.number),
    Field("to", Kind.ENUM, _T.to_stage, choices=_STAGES),
    Field("create_time", Kind.TIMESTAMP, _T.create_time),
)
REQUEST_ORDERS = Orders((OrderKey("create_time", _R.create_time),), OrderKey("uid", _R.uid))
REQUEST_FIELDS = Fields(
    Field("state", Kind.ENUM, _R.state, choices=_STATES),
    Field("creator", Kind.STRING, _R.creator),
    Field("create_time", Kind.TIMESTAMP, _R.create_time),
)

_OF_MODEL = every(ModelVersion).where(
    _V.project == sa.bindparam("in_project"), _V.model == sa.bindparam("of_model")
)
_KEY = ("in_project", "of_model")
_BY_NUMBER = Rows(
    ModelVersion,
    _OF_MODEL.where(_V.number == sa.bindparam("which", type_=_V.number.type)),
    *_KEY,
    "which",
)
_BY_ID = Rows(ModelVersion, _OF_MODEL.where(_V.version_id == sa.bindparam("which")), *_KEY, "which")
_BY_STAGE = Rows(ModelVersion, _OF_MODEL.where(_V.stage == sa.bindparam("which")), *_KEY, "which")
_BY_RUN = Rows(ModelVersion, _OF_MODEL.where(_V.run == sa.bindparam("which")), *_KEY, "which")
_NEWEST = Rows(ModelVersion, _OF_MODEL.order_by(_V.number.desc()).limit(1), *_KEY)


def find(session: Session, project: str, model: str, version: str) -> ModelVersion | None:
    """The version that a name ends with: a number, its own name, "latest" or a stage."""
    if version == LATEST:
        return _NEWEST.first(session, project, model)
    if version in (ModelStage.STAGING.lower(), ModelStage.PRODUCTION.lower()):
        return _BY_STAGE.first(session, project, model, version.upper())
    if version.isdigit():
        return _BY_NUMBER.first(session, project, model, int(version))
    return _BY_ID.first(session, project, model, version)


def of_run(session: Session, project: str, model: str, run: str) -> ModelVersion | None:
    """The version that a run makes."""
    return _BY_RUN.first(session, project, model, run)


def list_page(
    session: Session, project: str, model: str | None, window: Window, filter_: Filter | None
) -> Listed[ModelVersion]:
    """Versions of one model, or of all."""
    scope = [_V.project == project]
    if model is not None:
        scope.append(_V.model == model)
    collection = Collection(values.model_versions_of(project, model), scope)
    return collections.page(session, ModelVersion, window, collection, filter_)


def delete(session: Session, version: ModelVersion) -> None:
    """The version and its links."""
    connection = session.connection()
    connection.execute(ModelVersionLink.__table__.delete().where(_L.version_uid == version.uid))
    connection.execute(ModelVersion.__table__.delete().where(_V.uid == version.uid))
    values.forget(session, [version.uid])


def links(
    session: Session, version: UUID, *, artifacts: Sequence[str], runs: Sequence[str]
) -> dict[str, ModelVersionLink]:
    """The links of a version to any of these, by the name of what is linked."""
    named = [session.among(_L.artifact_version, artifacts)] if artifacts else []
    named += [session.among(_L.run, runs)] if runs else []
    chosen = every(ModelVersionLink).where(_L.version_uid == version, sa.or_(*named))
    rows = fetch(session, ModelVersionLink, chosen)
    return {row.artifact_version or row.run: row for row in rows}


def unlink(session: Session, uids: Sequence[UUID]) -> None:
    table = ModelVersionLink.__table__
    session.connection().execute(table.delete().where(session.among(_L.uid, uids)))


def list_links(
    session: Session, project: str, version: UUID | None, window: Window, filter_: Filter | None
) -> Listed[ModelVersionLink]:
    """Links of one version, or of all."""
    conditions = [_L.project == project, *matching(filter_)]
    if version is not None:
        conditions.append(_L.version_uid == version)
    return listed(session, ModelVersionLink, window, *conditions)


def list_transitions(
    session: Session, project: str, model: str | None, window: Window, filter_: Filter | None
) -> Listed[StageTransition]:
    """The history of one model, or of all."""
    conditions = [_T.project == project, *matching(filter_)]
    if model is not None:
        conditions.append(_T.model == model)
    return listed(session, StageTransition, window, *conditions)


def request(session: Session, project: str, model: str, uid: UUID) -> StageRequest | None:
    statement = every(StageRequest).where(_R.project == project, _R.model == model, _R.uid == uid)
    return next(iter(fetch(session, StageRequest, statement)), None)


def pending(session: Session, model: UUID, number: int) -> list[StageRequest]:
    """Requests about a version that nobody has decided."""
    statement = every(StageRequest).where(
        _R.model_uid == model, _R.number == number, _R.state == RequestState.PENDING
    )
    return fetch(session, StageRequest, statement)


def list_requests(
    session: Session, project: str, model: str | None, window: Window, filter_: Filter | None
) -> Listed[StageRequest]:
    """The requests about one model, or about all."""
    conditions = [_R.project == project, *matching(filter_)]
    if model is not None:
        conditions.append(_R.model == model)
    return listed(session, StageRequest, window, *conditions)
