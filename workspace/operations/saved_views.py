"""What writes of saved views mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshkit.errors import PermissionDenied, ResourceExhausted
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.operations import changes
from workspace.operations.refusals import absent, invalid, taken
from workspace.store import projects as project_store
from workspace.store import saved_views as store
from workspace.store.base import insert
from workspace.store.schema_saved_views import SavedView, SavedViewScope

SHARE_PERMISSION = "savedViews.share"
# A guard against programs gone wild, not a quota: two at once may make one more.
MOST_OF_ONE = 100


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who writes, and whether what they write may be for all."""

    subject: str
    may_share: bool


def create(
    session: Session, project: str, view: str, values: Mapping[str, Any], *, keeper: Keeper
) -> SavedView:
    """Saves a view; `values` are the fields by name.

    AlreadyExists, NotFound for its project, InvalidArgument for what its list would refuse,
    PermissionDenied, or ResourceExhausted for somebody who has too many.
    """
    if not project_store.existing(session, {project}):
        raise absent(names.project(project))
    row = SavedView(
        uid=new_uid(),
        project=project,
        id=view,
        creator=keeper.subject,
        create_time=session.now,
        update_time=session.now,
        **values,
    )
    _check(session, row.collection, values)
    _check_sharing(row, keeper)
    if store.get(session, project, view):
        raise taken(row.name)
    _check_room(session, project, keeper.subject)
    insert(session, [row])
    _emit(session, ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def change(
    session: Session,
    project: str,
    view: str,
    values: Mapping[str, Any],
    *,
    etag: str,
    keeper: Keeper,
) -> SavedView:
    """Gives fields new values; NotFound, PermissionDenied, Aborted or InvalidArgument."""
    row = _locked(session, project, view, etag, keeper)
    _check_sharing(row, keeper)
    _check(session, row.collection, values)
    if fields := changes.write(session, row, values):
        _emit(session, ChangeKind.UPDATED, row, fields)
        session.audited(resource=row.name, fields=fields)
    return row


def share(session: Session, project: str, view: str, *, etag: str, keeper: Keeper) -> SavedView:
    """Makes a private view one for all; to them it is new."""
    row = _locked(session, project, view, etag, keeper)
    if fields := changes.write(session, row, {"scope": SavedViewScope.SHARED.value}):
        _emit(session, ChangeKind.CREATED, row)
        session.audited(resource=row.name, fields=fields)
    return row


def delete(session: Session, project: str, view: str, *, etag: str, keeper: Keeper) -> None:
    """Deletes a view; NotFound, PermissionDenied or Aborted."""
    row = _locked(session, project, view, etag, keeper)
    _check_sharing(row, keeper)
    store.delete(session, row)
    _emit(session, ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def _check(session: Session, collection: str, values: Mapping[str, Any]) -> None:
    """InvalidArgument for what the list would refuse, of what is given."""
    if collection not in store.LISTS:
        raise invalid("saved_view.collection", f"must be one of {', '.join(store.LISTS)}")
    orders, fields = store.LISTS[collection]
    if text := values.get("filter"):
        fields.parse(text, now=session.now)
    if order := values.get("order_by"):
        orders.parse(order)


def _check_sharing(row: SavedView, keeper: Keeper) -> None:
    if row.is_shared and not keeper.may_share:
        raise PermissionDenied(
            "NOT_PERMITTED",
            "Only who may share views makes, changes and deletes those for all.",
            metadata={"permission": SHARE_PERMISSION},
        )


def _check_room(session: Session, project: str, creator: str) -> None:
    if store.count_of(session, project, creator) >= MOST_OF_ONE:
        raise ResourceExhausted(
            "TOO_MANY_SAVED_VIEWS",
            f"You have saved {MOST_OF_ONE} views in {names.project(project)}: delete some first.",
            metadata={"limit": str(MOST_OF_ONE)},
        )


def _locked(session: Session, project: str, view: str, etag: str, keeper: Keeper) -> SavedView:
    row = store.lock(session, project, view)
    if row is None or not row.is_visible_to(keeper.subject):
        raise absent(names.child(names.project(project), "savedViews", view))
    changes.check_etag(row, etag)
    return row


def _emit(session: Session, kind: ChangeKind, row: SavedView, fields: tuple[str, ...] = ()) -> None:
    """Private views are in no feed: everybody may watch it."""
    if row.is_shared:
        session.emit(kind, row, fields=fields)
