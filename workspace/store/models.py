"""Queries of models."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.store.base import Row, Rows, columns, every, ignore_conflicts, insert_or
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema_models import (
    Model,
    ModelVersion,
    ModelVersionLink,
    StageRequest,
    StageTransition,
)

_C = columns(Model)
_V = columns(ModelVersion)
_L = columns(ModelVersionLink)

ORDERS = Orders(
    (OrderKey("name", _C.id, value=lambda row: row.id), OrderKey("create_time", _C.create_time)),
    OrderKey("uid", _C.uid),
    default="name",
)
FIELDS = Fields(
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
    Field("display_name", Kind.STRING, _C.display_name),
)

_BY_ID = every(Model).where(_C.project == sa.bindparam("in_project"), _C.id == sa.bindparam("id_"))
_GET = Rows(Model, _BY_ID, "in_project", "id_")
_LOCK = Rows(Model, _BY_ID.with_for_update(), "in_project", "id_")


def get(session: Session, project: str, model: str) -> Model | None:
    return _GET.first(session, project, model)


def lock(session: Session, project: str, model: str) -> Model | None:
    """The model, held until the commit: it numbers its versions and knows who holds its stages."""
    return _LOCK.first(session, project, model)


def ensure(session: Session, model: Model) -> None:
    """Keeps the model unless there is one of its name, also one made this moment elsewhere."""
    insert_or(session, [model], ignore_conflicts)


def list_page(
    session: Session, project: str, window: Window, filter_: Filter | None
) -> Listed[Model]:
    return listed(session, Model, window, _C.project == project, *matching(filter_))


def version_numbers(session: Session, model: UUID, limit: int) -> list[int]:
    """The numbers of its newest versions."""
    query = sa.select(_V.number).where(_V.model_uid == model).order_by(_V.number.desc())
    return list(session.connection().execute(query.limit(limit)).scalars())


def delete(session: Session, model: Model) -> None:
    """The model with its history; it has no versions."""
    of_model: tuple[type[Row], ...] = (StageRequest, StageTransition)
    for cls in of_model:
        table = cls.__table__
        session.connection().execute(table.delete().where(table.c.model_uid == model.uid))
    session.connection().execute(Model.__table__.delete().where(_C.uid == model.uid))


def users_of(session: Session, artifacts: Sequence[UUID], limit: int) -> list[str]:
    """The versions of models, by name, that link any of these artifact versions."""
    query = (
        sa.select(_L.project, _L.model, _L.number)
        .where(session.among(_L.artifact_uid, artifacts))
        .distinct()
        .order_by(_L.project, _L.model, _L.number)
        .limit(limit)
    )
    return [
        f"projects/{project}/models/{model}/versions/{number}"
        for project, model, number in session.connection().execute(query)
    ]
