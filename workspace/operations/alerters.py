"""What writes of alerters mean."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from meshkit import standard_webhooks
from meshkit.errors import FailedPrecondition
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.alerting.targets import Target, sealed, target_of
from workspace.operations.changes import check_etag
from workspace.operations.refusals import absent, taken
from workspace.secrets.sealer import Sealer
from workspace.store import alert_deliveries as delivery_store
from workspace.store import alerters as store
from workspace.store import projects as project_store
from workspace.store.base import insert, update
from workspace.store.schema_alerters import Alerter, AlerterKind

# Whoever changes one of these waits for what comes, not for what was.
_WAITING = frozenset({"types", "filter"})
PAUSED = "The alerter was paused."


def create(
    session: Session,
    sealer: Sealer,
    project: str,
    alerter: str,
    values: Mapping[str, Any],
    *,
    creator: str,
) -> Alerter:
    """Creates an alerter; AlreadyExists where its id is taken. `url` among the values is plain."""
    if not project_store.existing(session, {project}):
        raise absent(names.project(project))
    uid, now = new_uid(), session.now
    target = Target.new(values["kind"], values["url"])
    row = Alerter(
        uid=uid,
        project=project,
        id=alerter,
        creator=creator,
        create_time=now,
        update_time=now,
        active_since=now,
        origin=target.origin,
        target=sealed(sealer, uid, target),
        **{name: value for name, value in values.items() if name != "url"},
    )
    if store.get(session, project, alerter):
        raise taken(row.name)
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def change(
    session: Session,
    sealer: Sealer,
    project: str,
    alerter: str,
    values: Mapping[str, Any],
    *,
    etag: str,
) -> Alerter:
    """Gives fields new values; NotFound, or Aborted where the etag is another one."""
    row = _locked(session, project, alerter, etag)
    told = {name: new for name, new in values.items() if name != "url"}
    fields = tuple(name for name, new in told.items() if getattr(row, name) != new)
    new = {name: told[name] for name in fields}
    if "url" in values:
        target = target_of(sealer, row)
        if target.url != values["url"]:
            moved = replace(target, url=values["url"])
            new |= {"target": sealed(sealer, row.uid, moved), "origin": moved.origin}
            fields += ("url",)
    if not new:
        return row
    if new.get("paused"):
        delivery_store.give_up(session, row.uid, PAUSED)
    if new.get("paused") is False or _WAITING & new.keys():
        new["active_since"] = session.now
    if "paused" in new or "origin" in new:
        new |= {"pause_reason": "", "failing_since": None}
    return _save(session, row, new, fields=fields)


def delete(session: Session, project: str, alerter: str, *, etag: str) -> None:
    """Deletes an alerter, and what it was about to tell."""
    row = _locked(session, project, alerter, etag)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def rotate(
    session: Session, sealer: Sealer, project: str, alerter: str, *, retain: timedelta
) -> tuple[Alerter, str]:
    """Gives a webhook a new secret, and answers it; the one before signs on for `retain`."""
    row = _locked(session, project, alerter, "")
    if row.kind != AlerterKind.WEBHOOK:
        raise FailedPrecondition(
            "ALERTER_SIGNS_NOTHING",
            f"{row.name} sends messages, which are not signed: its URL is its secret.",
            metadata={"resource": row.name},
        )
    before, secret = target_of(sealer, row), standard_webhooks.new_secret()
    is_kept = bool(retain)
    target = Target(before.url, secret, before.secret if is_kept else "")
    new = {
        "target": sealed(sealer, row.uid, target),
        "old_secret_until": session.now + retain if is_kept else None,
    }
    return _save(session, row, new, fields=("secret",)), secret


def require(session: Session, project: str, alerter: str) -> Alerter:
    """An alerter as it is; NotFound."""
    row = store.get(session, project, alerter)
    if row is None:
        raise absent(names.child(names.project(project), "alerters", alerter))
    return row


def record_test(session: Session, name: str) -> None:
    """Records that somebody had an alerter send a sample."""
    session.audited(resource=name)


def _save(
    session: Session, row: Alerter, new: Mapping[str, Any], *, fields: tuple[str, ...]
) -> Alerter:
    for name, value in new.items():
        setattr(row, name, value)
    row.changes += 1
    row.update_time = session.now
    update(session, [row], (*new, "changes", "update_time"))
    session.emit(ChangeKind.UPDATED, row, fields=fields)
    session.audited(resource=row.name, fields=fields)
    return row


def _locked(session: Session, project: str, alerter: str, etag: str) -> Alerter:
    row = store.lock(session, project, alerter)
    if row is None:
        raise absent(names.child(names.project(project), "alerters", alerter))
    check_etag(row, etag)
    return row
