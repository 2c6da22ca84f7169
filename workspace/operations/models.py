"""What writes of models mean."""

from collections.abc import Mapping
from typing import Any

from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.operations.changes import check_etag
from workspace.operations.refusals import absent, in_use, taken
from workspace.store import models as store
from workspace.store import projects as project_store
from workspace.store.base import insert, update
from workspace.store.schema_models import Model

# How many users a refusal names.
MAX_NAMED = 10


def create(
    session: Session, project: str, model: str, values: Mapping[str, Any], *, creator: str
) -> Model:
    """Creates a model; AlreadyExists where its id is taken."""
    if not project_store.existing(session, {project}):
        raise absent(names.project(project))
    row = new(session, project, model, creator=creator)
    if store.get(session, project, model):
        raise taken(row.name)
    for name, value in values.items():
        setattr(row, name, value)
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def new(session: Session, project: str, model: str, *, creator: str) -> Model:
    """A model with nothing in it, not kept yet."""
    now = session.now
    return Model(new_uid(), project, model, "", "", creator, now, now)


def change(
    session: Session, project: str, model: str, values: Mapping[str, Any], *, etag: str
) -> Model:
    """Gives fields new values; NotFound, or Aborted where the etag is another one."""
    row = locked(session, project, model)
    check_etag(row, etag)
    differing = {name: new for name, new in values.items() if getattr(row, name) != new}
    if not differing:
        return row
    for name, value in differing.items():
        setattr(row, name, value)
    save(session, row, tuple(differing))
    session.audited(resource=row.name, fields=tuple(differing))
    return row


def save(session: Session, row: Model, fields: tuple[str, ...]) -> None:
    """Writes fields of a model that have new values."""
    row.changes += 1
    row.update_time = session.now
    update(session, [row], (*fields, "changes", "update_time"))
    session.emit(ChangeKind.UPDATED, row, fields=fields)


def delete(session: Session, project: str, model: str, *, etag: str) -> None:
    """Deletes a model without versions, and its history."""
    row = locked(session, project, model)
    check_etag(row, etag)
    used = [row.version(n) for n in store.version_numbers(session, row.uid, MAX_NAMED)]
    if used:
        raise in_use(row.name, used)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def locked(session: Session, project: str, model: str) -> Model:
    """The model, held until the commit; NotFound."""
    row = store.lock(session, project, model)
    if row is None:
        raise absent(f"{names.project(project)}/models/{model}")
    return row
