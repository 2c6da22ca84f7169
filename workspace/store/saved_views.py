"""Queries of saved views, and the lists that there can be views of."""

from collections.abc import Mapping

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.store import runs
from workspace.store.base import Rows, columns, every
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema_saved_views import SavedView, SavedViewScope

_C = columns(SavedView)

# By collection: what its list can be ordered and filtered by.
LISTS: Mapping[str, tuple[Orders, Fields]] = {"runs": (runs.ORDERS, runs.FIELDS)}

ORDERS = Orders(
    (OrderKey("name", _C.id, value=lambda row: row.id), OrderKey("create_time", _C.create_time)),
    OrderKey("uid", _C.uid),
    default="name",
)
FIELDS = Fields(
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
    Field("creator", Kind.STRING, _C.creator),
    Field("collection", Kind.STRING, _C.collection),
)

_BY_ID = every(SavedView).where(
    _C.project == sa.bindparam("in_project"), _C.id == sa.bindparam("id_")
)
_GET = Rows(SavedView, _BY_ID, "in_project", "id_")
_LOCK = Rows(SavedView, _BY_ID.with_for_update(), "in_project", "id_")


def get(session: Session, project: str, view: str) -> SavedView | None:
    return _GET.first(session, project, view)


def lock(session: Session, project: str, view: str) -> SavedView | None:
    """The view, held until the commit."""
    return _LOCK.first(session, project, view)


def list_page(
    session: Session, project: str, subject: str, window: Window, filter_: Filter | None
) -> Listed[SavedView]:
    """Shared views of a project, and the private ones of a subject."""
    is_visible = sa.or_(_C.scope == SavedViewScope.SHARED.value, _C.creator == subject)
    return listed(session, SavedView, window, _C.project == project, is_visible, *matching(filter_))


def count_of(session: Session, project: str, creator: str) -> int:
    """How many views of a project somebody saved."""
    own = (_C.project == project, _C.creator == creator)
    query = sa.select(sa.func.count()).select_from(SavedView.__table__).where(*own)
    return int(session.connection().execute(query).scalar_one())


def delete(session: Session, row: SavedView) -> None:
    session.connection().execute(SavedView.__table__.delete().where(_C.uid == row.uid))


def delete_all(session: Session, project: str) -> None:
    """Those of a project that is no more, also the private ones."""
    session.connection().execute(SavedView.__table__.delete().where(_C.project == project))
