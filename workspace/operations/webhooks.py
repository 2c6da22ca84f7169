"""What writes of webhooks mean."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from meshkit import standard_webhooks
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.operations import changes
from workspace.operations.refusals import MOST_USERS, absent, in_use, invalid, taken
from workspace.secrets.sealer import Sealer, place
from workspace.store import projects as project_store
from workspace.store import triggers as trigger_store
from workspace.store import webhooks as store
from workspace.store.base import Sealed, insert, update
from workspace.store.schema_webhooks import Webhook

_ROTATED = (
    "secrets",
    "secret_create_time",
    "previous_secret_expire_time",
    "changes",
    "update_time",
)


@dataclass(frozen=True, slots=True)
class WebhookKey:
    """A webhook as its name says it."""

    project: str
    id: str

    @classmethod
    def of(cls, name: str) -> "WebhookKey":
        return cls(*names.ids(name)[:2])

    @property
    def name(self) -> str:
        return f"{names.project(self.project)}/webhooks/{self.id}"


def create(
    session: Session,
    sealer: Sealer,
    key: WebhookKey,
    values: Mapping[str, Any],
    *,
    secret: str,
    creator: str,
) -> Webhook:
    """Creates a webhook; without a `secret` it gets one.

    AlreadyExists, NotFound for the project, or InvalidArgument for the secret.
    """
    if not project_store.existing(session, {key.project}):
        raise absent(names.project(key.project))
    if store.get(session, key.project, key.id):
        raise taken(key.name)
    now, uid = session.now, new_uid()
    row = Webhook(
        uid=uid,
        project=key.project,
        id=key.id,
        creator=creator,
        create_time=now,
        update_time=now,
        secrets=_sealed(sealer, uid, [_secret(values["kind"], secret)]),
        secret_create_time=now,
        **values,
    )
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def change(session: Session, key: WebhookKey, values: Mapping[str, Any], *, etag: str) -> Webhook:
    """Gives fields new values; NotFound, or Aborted where the etag is another one."""
    row = held(session, key, etag)
    changes.apply(session, row, values)
    return row


def rotate(
    session: Session,
    sealer: Sealer,
    key: WebhookKey,
    *,
    secret: str,
    overlap: timedelta,
    etag: str,
) -> Webhook:
    """Makes a new secret, or takes `secret`; that of now holds beside it as long as `overlap`."""
    row = held(session, key, etag)
    new = _secret(row.kind, secret)
    before = _opened(sealer, row)[:1] if overlap else []
    row.secrets = _sealed(sealer, row.uid, [new, *before])
    row.secret_create_time = row.update_time = session.now
    row.previous_secret_expire_time = session.now + overlap if overlap else None
    row.changes += 1
    update(session, [row], _ROTATED)
    session.emit(ChangeKind.UPDATED, row, fields=("secret",))
    session.audited(resource=row.name, fields=("secret",))
    return row


def delete(session: Session, key: WebhookKey, *, etag: str) -> None:
    """Deletes a webhook that no trigger waits for, with what arrived at it."""
    row = held(session, key, etag)
    users = trigger_store.of_webhook(session, key.project, key.id, MOST_USERS + 1)
    if users:
        raise in_use(row.name, users)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def held(session: Session, key: WebhookKey, etag: str = "") -> Webhook:
    """The webhook, held until the commit; NotFound or Aborted."""
    row = store.lock(session, key.project, key.id)
    if row is None:
        raise absent(key.name)
    changes.check_etag(row, etag)
    return row


def secrets_of(sealer: Sealer, row: Webhook, now: datetime) -> list[str]:
    """The secrets that hold now, the newest first."""
    until = row.previous_secret_expire_time
    return _opened(sealer, row)[: 2 if until and now < until else 1]


def _secret(kind: str, given: str) -> str:
    if kind == "STANDARD" and given:
        try:
            standard_webhooks.key_of(given)
        except ValueError:
            told = 'must be "whsec_" and the base64 of 24 to 64 bytes'
            raise invalid("secret", told) from None
    return given or standard_webhooks.new_secret()


def _opened(sealer: Sealer, row: Webhook) -> list[str]:
    secrets: list[str] = json.loads(sealer.open(row.secrets, bound_to=_place(row.uid)))
    return secrets


def _sealed(sealer: Sealer, uid: UUID, secrets: list[str]) -> Sealed:
    return sealer.seal(json.dumps(secrets).encode(), bound_to=_place(uid))


def _place(uid: UUID) -> str:
    return place("webhooks", uid, "secrets")


def decoy(sealer: Sealer, now: datetime) -> Webhook:
    """A webhook that nobody has the secret of: what is sent to none costs as much to refuse."""
    uid, secret = new_uid(), standard_webhooks.new_secret()
    sealed = _sealed(sealer, uid, [secret])
    return Webhook(uid, "", "", "", "", "GITHUB", "", now, now, sealed, now)
