"""What writes of secrets mean.

Values go to backends before the commit that names their generation: an operation here never
waits for one. What is written down first, as a leftover, is deleted again unless that commit comes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from meshkit.errors import Aborted
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.operations.changes import check_etag
from workspace.operations.quotas import book_of
from workspace.operations.refusals import MOST_USERS, absent, changed, in_use, invalid, taken
from workspace.store import code_repositories, components, secret_stores, service_connectors
from workspace.store import projects as project_store
from workspace.store import secrets as store
from workspace.store.base import insert, update
from workspace.store.schema_secrets import Secret, SecretLeftover, SecretScope

# Longer than any call takes to commit.
_UNCOMMITTED = timedelta(minutes=10)
# Longer than a reader takes who read the row just before it changed.
_REPLACED = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Kept:
    """A generation of values that the backends hold already, except in a trial."""

    keys: list[str]
    generation: UUID
    backend: UUID
    backup: UUID | None = None
    is_trial: bool = False

    @property
    def backends(self) -> list[UUID]:
        return [self.backend, *([self.backup] if self.backup is not None else [])]


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret to create."""

    id: str
    creator: str
    scope: str
    kept: Kept
    display_name: str = ""
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    projects: list[str] = field(default_factory=list)


def announce(session: Session, secret: str, generation: UUID, backends: Sequence[UUID]) -> None:
    """Notes that values are about to be written, to be deleted unless they are named."""
    due = session.now + _UNCOMMITTED
    insert(session, [_leftover(secret, generation, backend, due=due) for backend in backends])


def create(session: Session, new: NewSecret) -> Secret:
    """Creates a secret whose values are kept; AlreadyExists where its id is taken."""
    _check_projects(session, new.scope, new.projects)
    if store.get(session, new.id):
        raise taken(f"secrets/{new.id}")
    _claim(session, new.kept)
    now, kept = session.now, new.kept
    row = Secret(
        uid=new_uid(),
        id=new.id,
        display_name=new.display_name,
        description=new.description,
        labels=new.labels,
        scope=new.scope,
        creator=new.creator,
        keys=kept.keys,
        generation=kept.generation,
        backend=kept.backend,
        backup=kept.backup,
        create_time=now,
        update_time=now,
        projects=new.projects,
    )
    insert(session, [row])
    _emit(session, ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def change(
    session: Session,
    secret: str,
    values: Mapping[str, Any],
    *,
    reader: str,
    etag: str,
    kept: Kept | None = None,
    instead_of: UUID | None = None,
) -> Secret:
    """Gives fields new values, and names a new generation `instead_of` the one it grew from.

    NotFound; Aborted where the etag is another one, or somebody else changed the values.
    """
    row = _locked(session, secret, reader, etag)
    _check_projects(session, row.scope, values.get("projects", []))
    changes = {name: new for name, new in values.items() if getattr(row, name) != new}
    if kept:
        if row.generation != instead_of:
            raise changed(names.etag(row.uid, row.changes))
        _claim(session, kept)
        _discard(session, row)
        changes |= {"keys": kept.keys, "generation": kept.generation}
        changes |= {"backend": kept.backend, "backup": kept.backup}
    if not changes:
        return row
    for name, value in changes.items():
        setattr(row, name, value)
    row.changes += 1
    row.update_time = session.now
    update(session, [row], (*changes, "changes", "update_time"))
    told = (*values, *(("values",) if kept else ()))
    _emit(session, ChangeKind.UPDATED, row, fields=told)
    session.audited(resource=row.name, fields=told)
    return row


def _check_projects(session: Session, scope: str, projects: Sequence[str]) -> None:
    """Raises InvalidArgument for a private secret that is for others, NotFound for a project."""
    if projects and scope == SecretScope.PRIVATE:
        raise invalid("secret.projects", "must be empty: a private secret is for its creator")
    for project in sorted(set(projects) - project_store.existing(session, set(projects))):
        raise absent(names.project(project))


def delete(session: Session, secret: str, *, reader: str, etag: str) -> None:
    """Deletes a secret that nothing refers to; its values follow."""
    row = _locked(session, secret, reader, etag)
    users = [
        *service_connectors.of_secret(session, secret, MOST_USERS + 1),
        *components.of_secret(session, secret, MOST_USERS + 1),
        *code_repositories.of_secret(session, secret, MOST_USERS + 1),
    ]
    if users:
        raise in_use(row.name, users)
    _discard(session, row, at_once=True)
    store.delete(session, row)
    _emit(session, ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def access(
    session: Session, secrets: Sequence[str], *, reader: str, run: tuple[str, str] | None = None
) -> list[Secret]:
    """The rows of secrets that are about to be read, which the call's audit row says.

    That a run, (project, id), was given them is known before it has them.
    """
    found = store.several(session, set(secrets))
    for secret in secrets:
        if secret not in found or not found[secret].is_visible_to(reader):
            raise absent(f"secrets/{secret}")
    session.audited(resource=",".join(f"secrets/{secret}" for secret in secrets))
    if run:
        store.give(session, *run, secrets)
    return [found[secret] for secret in secrets]


def move(session: Session, secret: str, kept: Kept, *, instead_of: UUID) -> None:
    """Names where values were copied to, unless they changed meanwhile."""
    row = store.lock(session, secret)
    if row is None or row.generation != instead_of:
        return
    _claim(session, kept)
    _discard(session, row)
    row.generation, row.backend, row.backup = kept.generation, kept.backend, kept.backup
    update(session, [row], ("generation", "backend", "backup"))
    secret_stores.count_moved(session)


def back_up(session: Session, secret: str, *, generation: UUID, backup: UUID | None) -> None:
    """Says which backup holds a generation; what another one held is to be deleted."""
    row = store.lock(session, secret)
    if row is None or row.generation != generation or row.backup == backup:
        return
    if backup is not None and not store.keep_generation(session, generation, 1):
        return
    if row.backup is not None:
        due = session.now + _REPLACED
        insert(session, [_leftover(row.id, generation, row.backup, due=due, is_doomed=True)])
    row.backup = backup
    update(session, [row], ("backup",))


def doom_leftovers(session: Session, limit: int) -> list[SecretLeftover]:
    """Leftovers that are due, certain to be deleted from now on; due again in a minute."""
    rows = store.lock_due_leftovers(session, limit)
    for row in rows:
        row.is_doomed, row.due_time = True, session.now + _REPLACED
    update(session, rows, ("is_doomed", "due_time"))
    return rows


def _locked(session: Session, secret: str, reader: str, etag: str) -> Secret:
    row = store.lock(session, secret)
    if row is None or not row.is_visible_to(reader):
        raise absent(f"secrets/{secret}")
    check_etag(row, etag)
    return row


def _claim(session: Session, kept: Kept) -> None:
    """The generation stays from now on."""
    if kept.is_trial:
        return
    if not store.keep_generation(session, kept.generation, len(kept.backends)):
        raise Aborted("SECRET_VALUES_EXPIRED", "Keeping the values took too long: try again.")


def _discard(session: Session, row: Secret, *, at_once: bool = False) -> None:
    """The row's present values are to be deleted."""
    due = session.now if at_once else session.now + _REPLACED
    backends = {row.backend, *([row.backup] if row.backup is not None else [])}
    rows = [_leftover(row.id, row.generation, b, due=due, is_doomed=True) for b in sorted(backends)]
    insert(session, rows)


def _leftover(
    secret: str, generation: UUID, backend: UUID, *, due: Any, is_doomed: bool = False
) -> SecretLeftover:
    return SecretLeftover(new_uid(), secret, generation, backend, is_doomed, due)


def _emit(session: Session, kind: ChangeKind, row: Secret, fields: tuple[str, ...] = ()) -> None:
    """Private secrets are in no feed: everybody may watch it."""
    if row.is_shared:
        session.emit(kind, row, fields=fields)
    elif kind is ChangeKind.CREATED:
        book_of(session).made(row)
    elif kind is ChangeKind.DELETED:
        book_of(session).gone(row)
