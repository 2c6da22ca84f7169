"""What writes of the secret store mean: where values are to be; jobs bring them there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from meshkit.errors import InvalidArgument
from meshkit.session import Session
from workspace.operations.changes import check_etag
from workspace.store import secret_stores as store
from workspace.store import secrets as secret_store
from workspace.store.base import Sealed, insert, update
from workspace.store.schema_secrets import DATABASE, SecretBackend, SecretStore

_RESOURCE = "secretStore"


@dataclass(frozen=True, slots=True)
class Settings:
    """A backend that was tried; `uid` is DATABASE for the workspace's own."""

    uid: UUID
    kind: str = ""
    config: Mapping[str, Any] | None = None
    credentials: bytes = b""

    @property
    def row(self) -> SecretBackend:
        return SecretBackend(self.uid, self.kind, dict(self.config or {}), Sealed(self.credentials))


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything about where values are."""

    store: SecretStore
    backends: dict[UUID, SecretBackend]
    remaining: int
    lacking_backup: int


def overview(session: Session) -> Overview:
    """The store as it is; also for reads."""
    row = store.get(session)
    uids = {uid for uid in (row.backend, row.backup, row.target) if uid is not None}
    return Overview(
        row,
        store.backends(session, uids),
        secret_store.count_elsewhere(session, row.destination),
        secret_store.count_with_another_backup(session, row.backup),
    )


def change(
    session: Session,
    *,
    settings: Settings | None,
    backup: Settings | None,
    remove_backup: bool,
    etag: str,
) -> None:
    """Gives the backend new settings, and names another backup or none."""
    row = _locked(session, etag)
    if settings and settings.uid != DATABASE:
        update(session, [settings.row], ("config", "credentials"))
    if backup:
        _require_another(backup.uid, row.destination)
        _add(session, backup)
    if backup or remove_backup:
        row.backup = backup.uid if backup else None
    fields = [("backend", settings), ("backup", backup or remove_backup)]
    _save(session, row, ("backup",), tuple(name for name, is_set in fields if is_set))


def migrate(session: Session, target: Settings, *, etag: str) -> None:
    """Says that all values are to move; those written from now on go to the target at once."""
    row = _locked(session, etag)
    _require_another(target.uid, row.backup)
    _add(session, target)
    row.target, row.moved, row.problem = target.uid, 0, ""
    row.start_time, row.end_time = session.now, None
    names_ = ("target", "moved", "problem", "start_time", "end_time")
    _save(session, row, names_, ("target",))


def finish(session: Session) -> bool:
    """Ends a migration that has nothing left to move; whether there is none any more."""
    row = store.lock(session)
    if row.target is None or row.end_time is not None:
        return True
    if secret_store.count_elsewhere(session, row.target):
        return False
    row.backend, row.end_time, row.problem = row.target, session.now, ""
    row.changes += 1
    update(session, [row], ("backend", "end_time", "problem", "changes"))
    return True


def note_problem(session: Session, problem: str) -> None:
    """Says what holds a migration up."""
    row = store.lock(session)
    if row.problem != problem:
        row.problem = problem
        update(session, [row], ("problem",))


def _locked(session: Session, etag: str) -> SecretStore:
    row = store.lock(session)
    check_etag(row, etag)
    return row


def _save(
    session: Session, row: SecretStore, columns: tuple[str, ...], told: tuple[str, ...]
) -> None:
    row.changes += 1
    row.update_time = session.now
    update(session, [row], (*columns, "changes", "update_time"))
    session.audited(resource=_RESOURCE, fields=told)


def _add(session: Session, settings: Settings) -> None:
    if settings.uid != DATABASE:
        insert(session, [settings.row])


def _require_another(uid: UUID, other: UUID | None) -> None:
    if uid == other:
        message = "Store and backup must be two: a backup in the same place saves nothing."
        raise InvalidArgument("INVALID_FIELDS", message)
