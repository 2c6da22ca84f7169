"""What becomes of a message that arrived at a webhook: it is kept, with the firings it causes.

Both are one commit, so that whoever hears that a message was taken knows that all of it will be
acted on; the reactor starts the runs from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from meshkit.errors import FailedPrecondition
from meshkit.feed import ChangeKind
from meshkit.session import Session
from workspace import names
from workspace.operations import webhooks
from workspace.operations.refusals import absent
from workspace.operations.webhooks import WebhookKey
from workspace.store import triggers as trigger_store
from workspace.store import webhooks as store
from workspace.store.base import insert, update
from workspace.store.schema_triggers import Trigger, TriggerFiring
from workspace.store.schema_webhooks import Webhook, WebhookDelivery
from workspace.webhooks import filters, payloads

# As ListWebhookDeliveries says.
KEEP = 500
KEEP_AGE = timedelta(days=30)
# Ids are remembered for longer than any signature is good, however much arrives.
_REPLAYABLE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that was rightly signed; `payload` is its body, parsed."""

    delivery_id: str
    event_type: str
    body: bytes
    payload: dict[str, Any]


def take(session: Session, key: WebhookKey, uid: UUID, arrival: Arrival) -> WebhookDelivery:
    """Keeps a message and what it fires; one that is here already is answered as it was.

    `uid` is that of the webhook which the message was signed for. Raises NotFound where it is
    gone since, FailedPrecondition `WEBHOOK_DISABLED`.
    """
    webhook = webhooks.held(session, key)
    if webhook.uid != uid:
        raise absent(webhook.name)
    if webhook.disabled:
        raise FailedPrecondition(
            "WEBHOOK_DISABLED",
            "The webhook takes nothing for now.",
            metadata={"resource": webhook.name},
        )
    delivery_uid = uuid5(webhook.uid, arrival.delivery_id)
    known = store.get_delivery(session, webhook.uid, delivery_uid)
    return known or _keep(session, webhook, delivery_uid, arrival)


def redeliver(session: Session, key: WebhookKey, uid: UUID) -> WebhookDelivery:
    """Tells a delivery once more to the triggers that wait for it by now; NotFound."""
    webhook = webhooks.held(session, key)
    delivery = store.get_delivery(session, webhook.uid, uid)
    if delivery is None:
        raise absent(f"{key.name}/deliveries/{uid}")
    delivery.attempts += 1
    _tell(session, webhook, delivery, payloads.parse(delivery.payload))
    update(session, [delivery], ("attempts", "firings"))
    # For whoever waits for firings.
    session.emit(ChangeKind.UPDATED, webhook)
    session.audited(resource=delivery.name)
    return delivery


def _keep(session: Session, webhook: Webhook, uid: UUID, arrival: Arrival) -> WebhookDelivery:
    webhook.delivery_count += 1
    webhook.last_delivery_time = session.now
    counted = ("delivery_count", "last_delivery_time")
    update(session, [webhook], counted)
    delivery = WebhookDelivery(
        uid=uid,
        webhook_uid=webhook.uid,
        project=webhook.project,
        webhook=webhook.id,
        number=webhook.delivery_count,
        create_time=session.now,
        delivery_id=arrival.delivery_id,
        event_type=arrival.event_type,
        size_bytes=len(arrival.body),
        payload=arrival.body,
    )
    _tell(session, webhook, delivery, arrival.payload)
    insert(session, [delivery])
    before = _forgettable(session, webhook)
    store.forget_numbers(session, webhook.uid, delivery.number - KEEP, before)
    session.emit(ChangeKind.UPDATED, webhook, fields=counted)
    return delivery


def _forgettable(session: Session, webhook: Webhook) -> datetime:
    """Before when nothing is needed any more: not as an id, and not by a firing that waits."""
    oldest = trigger_store.pending_since(session, webhook.project)
    before = session.now - _REPLAYABLE
    return min(before, oldest) if oldest else before


def _tell(
    session: Session, webhook: Webhook, delivery: WebhookDelivery, payload: dict[str, Any]
) -> None:
    """Keeps a firing for each trigger that waits for this."""
    told = told_of(delivery, payload)
    run = _run_behind(webhook, payload)
    waiting = trigger_store.lock_waiting(session, delivery.project, delivery.webhook)
    firings = [
        _firing(session, trigger, delivery, run)
        for trigger in waiting
        if _is_it(trigger.occurrence["webhook"], told)
    ]
    trigger_store.keep(session, firings)
    delivery.firings += [firing.name for firing in firings]


def kept(session: Session, firing: TriggerFiring) -> dict[str, Any] | None:
    """What a firing of a message may refer to; None where the message is kept no more."""
    delivery = store.find_delivery(session, firing.project, UUID(names.last(firing.cause)))
    return told_of(delivery, payloads.parse(delivery.payload)) if delivery else None


def told_of(delivery: WebhookDelivery, payload: dict[str, Any]) -> dict[str, Any]:
    """What filters ask about, and references may point at."""
    return {
        "type": delivery.event_type,
        "name": delivery.name,
        "project": names.project(delivery.project),
        "event_time": delivery.create_time.isoformat(),
        "webhook": names.child(names.project(delivery.project), "webhooks", delivery.webhook),
        "delivery": delivery.delivery_id,
        "payload": payload,
    }


def _is_it(wanted: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    types = wanted.get("event_types")
    if types and told["type"] not in types:
        return False
    return filters.compiled(wanted.get("filter", ""))({filters.ROOT: told})


def _run_behind(webhook: Webhook, payload: Mapping[str, Any]) -> str:
    """The id of the run of which an alerter of ours tells; empty for all others.

    So a trigger is found among its own causes also where messages made the circle. Of senders
    whose messages hold what strangers wrote, nothing is believed.
    """
    resource = payload.get("resource")
    if webhook.kind != "STANDARD" or not isinstance(resource, Mapping):
        return ""
    own = f"{names.project(webhook.project)}/runs/"
    for field in ("run", "producer_step", "name"):
        name = resource.get(field)
        if isinstance(name, str) and name.startswith(own):
            return name.removeprefix(own).partition("/")[0]
    return ""


def _firing(
    session: Session, trigger: Trigger, delivery: WebhookDelivery, run: str
) -> TriggerFiring:
    return TriggerFiring(
        uid=uuid5(trigger.uid, f"{delivery.uid}/{delivery.attempts}"),
        trigger_uid=trigger.uid,
        project=trigger.project,
        trigger=trigger.id,
        create_time=session.now,
        cause=delivery.name,
        # Nothing in our feed: it happened elsewhere, and what it said is kept as the cause.
        cause_revision=0,
        cause_run=run,
    )
