"""What writes of triggers mean."""

from collections.abc import Mapping
from typing import Any

from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.operations import runnable, webhooks
from workspace.operations.changes import check_etag
from workspace.operations.refusals import absent, taken
from workspace.operations.webhooks import WebhookKey
from workspace.store import projects as project_store
from workspace.store import triggers as store
from workspace.store.base import insert, update
from workspace.store.schema_triggers import Trigger

# Whoever changes one of these says what the trigger does, and so acts through it.
DEEDS = frozenset({"occurrence", "snapshot", "template", "parameters"})


def create(
    session: Session, project: str, trigger: str, values: Mapping[str, Any], *, creator: str
) -> Trigger:
    """Creates a trigger; AlreadyExists where its id is taken, NotFound for what it runs."""
    if not project_store.existing(session, {project}):
        raise absent(names.project(project))
    webhook = _held_webhook(session, values)
    runnable.hold(session, project, values["snapshot"], values["template"])
    now = session.now
    row = Trigger(
        uid=new_uid(),
        project=project,
        id=trigger,
        display_name="",
        description="",
        snapshot="",
        creator=creator,
        runs_as=creator,
        create_time=now,
        update_time=now,
        active_since=now,
        webhook=webhook,
    )
    if store.get(session, project, trigger):
        raise taken(row.name)
    for name, value in values.items():
        setattr(row, name, value)
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def change(
    session: Session,
    project: str,
    trigger: str,
    values: Mapping[str, Any],
    *,
    etag: str,
    changer: str,
) -> Trigger:
    """Gives fields new values; NotFound, or Aborted where the etag is another one."""
    # In the order in which deliveries hold them.
    webhook = _held_webhook(session, values)
    row = _locked(session, project, trigger, etag)
    differing = {name: new for name, new in values.items() if getattr(row, name) != new}
    if not differing:
        return row
    if runnable.FIELDS & differing.keys():
        runnable.hold(session, project, values["snapshot"], values["template"])
    for name, value in differing.items():
        setattr(row, name, value)
    own = ["changes", "update_time"]
    is_resumed = differing.get("paused") is False
    if is_resumed or DEEDS & differing.keys():
        row.runs_as = changer
        own.append("runs_as")
    if is_resumed or "occurrence" in differing:
        row.active_since = session.now
        own.append("active_since")
    if "occurrence" in differing:
        row.webhook = webhook
        own.append("webhook")
    row.changes += 1
    row.update_time = session.now
    update(session, [row], (*differing, *own))
    session.emit(ChangeKind.UPDATED, row, fields=tuple(differing))
    session.audited(resource=row.name, fields=tuple(differing))
    return row


def delete(session: Session, project: str, trigger: str, *, etag: str) -> None:
    """Deletes a trigger, and what it was about to do."""
    row = _locked(session, project, trigger, etag)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def snapshot_of(session: Session, trigger: Trigger) -> str:
    """The name of the snapshot that a trigger runs now; NotFound where nothing is published."""
    return runnable.name_of(session, trigger.project, trigger.snapshot, trigger.template)


def _held_webhook(session: Session, values: Mapping[str, Any]) -> str:
    """The webhook that an occurrence names, held until the commit; NotFound."""
    told = values.get("occurrence", {}).get("webhook")
    if told is None:
        return ""
    return webhooks.held(session, WebhookKey.of(told["webhook"])).id


def _locked(session: Session, project: str, trigger: str, etag: str) -> Trigger:
    row = store.lock(session, project, trigger)
    if row is None:
        raise absent(names.child(names.project(project), "triggers", trigger))
    check_etag(row, etag)
    return row
