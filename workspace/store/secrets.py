"""Queries of secrets."""

from collections.abc import Collection, Iterable
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.schema import among
from meshkit.session import Session
from workspace.lifecycle import RUN_ACTIVE
from workspace.store.base import Rows, columns, every, fetch, first, ignore_conflicts, insert_or
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema import Run
from workspace.store.schema_secrets import (
    RunSecret,
    Secret,
    SecretLeftover,
    SecretScope,
    SecretValue,
)

_C = columns(Secret)
_VALUES = columns(SecretValue)
_LEFTOVERS = columns(SecretLeftover)

ORDERS = Orders(
    (
        OrderKey("name", _C.id, value=lambda row: row.id),
        OrderKey("create_time", _C.create_time),
    ),
    OrderKey("uid", _C.uid),
    default="name",
)
FIELDS = Fields(
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
    Field("creator", Kind.STRING, _C.creator),
)

_BY_ID = every(Secret).where(_C.id == sa.bindparam("secret"))
_GET = Rows(Secret, _BY_ID, "secret")
_LOCK = Rows(Secret, _BY_ID.with_for_update(), "secret")
_SEVERAL = Rows(Secret, every(Secret).where(among(_C.id, "secrets")), "secrets")
_VALUE = Rows(
    SecretValue, every(SecretValue).where(_VALUES.uid == sa.bindparam("generation")), "generation"
)
_R = columns(RunSecret)
_RUN = columns(Run)
_GIVEN = Rows(
    RunSecret,
    every(RunSecret).where(_R.project == sa.bindparam("project"), _R.run == sa.bindparam("run")),
    "project",
    "run",
)


def get(session: Session, secret: str) -> Secret | None:
    return _GET.first(session, secret)


def lock(session: Session, secret: str) -> Secret | None:
    """The secret, held until the commit."""
    return _LOCK.first(session, secret)


def several(session: Session, secrets: Collection[str]) -> dict[str, Secret]:
    """Those of the secrets that exist, by id."""
    return {row.id: row for row in _SEVERAL.all(session, sorted(secrets))}


def list_page(
    session: Session, subject: str, window: Window, filter_: Filter | None
) -> Listed[Secret]:
    """Shared secrets, and the private ones of a subject."""
    is_visible = sa.or_(_C.scope == SecretScope.SHARED.value, _C.creator == subject)
    return listed(session, Secret, window, is_visible, *matching(filter_))


def delete(session: Session, row: Secret) -> None:
    session.connection().execute(Secret.__table__.delete().where(_C.uid == row.uid))


def elsewhere(session: Session, backend: UUID, after: UUID, limit: int) -> list[Secret]:
    """Secrets whose values are not in a backend yet, in the order of their uids."""
    return _next(session, _C.backend != backend, after, limit)


def with_another_backup(
    session: Session, backup: UUID | None, after: UUID, limit: int
) -> list[Secret]:
    """Secrets whose values are not in the backup yet, or in one that is none any more."""
    return _next(session, _C.backup.is_distinct_from(backup), after, limit)


def count_elsewhere(session: Session, backend: UUID) -> int:
    return _count(session, _C.backend != backend)


def count_with_another_backup(session: Session, backup: UUID | None) -> int:
    return _count(session, _C.backup.is_distinct_from(backup))


def sample(session: Session, backend: UUID) -> Secret | None:
    """A secret whose values are in a backend, if there is one."""
    return first(session, Secret, every(Secret).where(_C.backend == backend).limit(1))


def _next(
    session: Session, condition: sa.ColumnElement[bool], after: UUID, limit: int
) -> list[Secret]:
    statement = every(Secret).where(condition, _C.uid > after).order_by(_C.uid).limit(limit)
    return fetch(session, Secret, statement)


def _count(session: Session, condition: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(Secret.__table__).where(condition)
    return int(session.connection().execute(query).scalar_one())


def value(session: Session, generation: UUID) -> SecretValue | None:
    """The values that this database keeps of a generation."""
    return _VALUE.first(session, generation)


def delete_value(session: Session, generation: UUID) -> None:
    statement = SecretValue.__table__.delete().where(_VALUES.uid == generation)
    session.connection().execute(statement)


def _is_replaced() -> sa.ColumnElement[bool]:
    """Whether what is left over are earlier values of a secret, where its present ones are too."""
    now_in = sa.exists().where(_C.id == _LEFTOVERS.secret, _C.backend == _LEFTOVERS.backend)
    return sa.and_(_LEFTOVERS.is_doomed, now_in)


def _is_to_be_hidden(session: Session) -> sa.ColumnElement[bool]:
    """Whether what is left over are values that a run may still print, having been given them."""
    may_print = sa.exists().where(
        session.among(_RUN.state, [state.value for state in RUN_ACTIVE]),
        _R.project == _RUN.project,
        _R.run == _RUN.id,
        _R.secret == _LEFTOVERS.secret,
    )
    return sa.and_(_is_replaced(), may_print)


def replaced(session: Session, secrets: Collection[str]) -> list[SecretLeftover]:
    """Earlier values of secrets that are not deleted yet."""
    earlier = every(SecretLeftover).where(session.among(_LEFTOVERS.secret, sorted(secrets)))
    return fetch(session, SecretLeftover, earlier.where(_is_replaced()))


def lock_due_leftovers(session: Session, limit: int) -> list[SecretLeftover]:
    """What is to be deleted now, the longest due first, held until the commit.

    Values that were replaced wait for the runs that were given their secret: servers that were
    restarted meanwhile hide them in the logs of these.
    """
    due = every(SecretLeftover).where(
        _LEFTOVERS.due_time <= session.now, ~_is_to_be_hidden(session)
    )
    ordered = due.order_by(_LEFTOVERS.due_time).limit(limit).with_for_update()
    return fetch(session, SecretLeftover, ordered)


def keep_generation(session: Session, generation: UUID, backends: int) -> bool:
    """Takes a generation off the list of what is to be deleted; False where it is too late."""
    is_free = sa.and_(_LEFTOVERS.generation == generation, _LEFTOVERS.is_doomed.is_(sa.false()))
    removed = session.connection().execute(SecretLeftover.__table__.delete().where(is_free))
    return removed.rowcount == backends


def delete_leftover(session: Session, uid: UUID) -> None:
    session.connection().execute(SecretLeftover.__table__.delete().where(_LEFTOVERS.uid == uid))


def give(session: Session, project: str, run: str, secrets: Iterable[str]) -> None:
    """Notes that a run is given secrets."""
    rows = [RunSecret(project, run, secret) for secret in sorted(set(secrets))]
    insert_or(session, rows, ignore_conflicts)


def given_to_run(session: Session, project: str, run: str) -> list[Secret]:
    """The secrets that a run was given; of those that are deleted nobody can say what they were."""
    names = {row.secret for row in _GIVEN.all(session, project, run)}
    return list(several(session, names).values()) if names else []
