"""Queries of webhooks and of what arrived at them; lists leave bodies out."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Choices, Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.store.base import Rows, columns, every, fetch, first
from workspace.store.lists import Listed, listed, matching, revision
from workspace.store.schema_webhooks import Webhook, WebhookDelivery
from workspace.webhooks.signatures import SCHEMES

_C = columns(Webhook)
_D = columns(WebhookDelivery)

ORDERS = Orders(
    (OrderKey("name", _C.id, value=lambda row: row.id), OrderKey("create_time", _C.create_time)),
    OrderKey("uid", _C.uid),
    default="name",
)
FIELDS = Fields(
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
    Field(
        "kind",
        Kind.ENUM,
        _C.kind,
        choices=Choices({kind: n for n, kind in enumerate(SCHEMES, 1)}, "WEBHOOK_KIND_"),
    ),
)
DELIVERY_ORDERS = Orders((OrderKey("create_time", _D.create_time),), OrderKey("uid", _D.uid))
DELIVERY_FIELDS = Fields(
    Field("create_time", Kind.TIMESTAMP, _D.create_time),
    Field("delivery_id", Kind.STRING, _D.delivery_id),
    Field("event_type", Kind.STRING, _D.event_type),
)

_BY_ID = every(Webhook).where(
    _C.project == sa.bindparam("in_project"), _C.id == sa.bindparam("id_")
)
_GET = Rows(Webhook, _BY_ID, "in_project", "id_")
_LOCK = Rows(Webhook, _BY_ID.with_for_update(), "in_project", "id_")
_GET_DELIVERY = Rows(
    WebhookDelivery,
    every(WebhookDelivery).where(
        _D.webhook_uid == sa.bindparam("of"), _D.uid == sa.bindparam("which")
    ),
    "of",
    "which",
)
_LISTED = sa.select(
    *(sa.literal(b"", c.type) if c.name == "payload" else c for c in WebhookDelivery.__table__.c)
)


def get(session: Session, project: str, webhook: str) -> Webhook | None:
    return _GET.first(session, project, webhook)


def lock(session: Session, project: str, webhook: str) -> Webhook | None:
    """The webhook, held until the commit."""
    return _LOCK.first(session, project, webhook)


def list_page(
    session: Session, project: str, window: Window, filter_: Filter | None
) -> Listed[Webhook]:
    return listed(session, Webhook, window, _C.project == project, *matching(filter_))


def delete(session: Session, webhook: Webhook) -> None:
    """The webhook and its deliveries."""
    connection = session.connection()
    connection.execute(WebhookDelivery.__table__.delete().where(_D.webhook_uid == webhook.uid))
    connection.execute(Webhook.__table__.delete().where(_C.uid == webhook.uid))


def get_delivery(session: Session, webhook: UUID, delivery: UUID) -> WebhookDelivery | None:
    """A delivery with its body."""
    return _GET_DELIVERY.first(session, webhook, delivery)


def find_delivery(session: Session, project: str, delivery: UUID) -> WebhookDelivery | None:
    """A delivery with its body, whichever webhook of a project it arrived at."""
    wanted = every(WebhookDelivery).where(_D.uid == delivery, _D.project == project)
    return first(session, WebhookDelivery, wanted)


def list_deliveries(
    session: Session, webhook: UUID, window: Window, filter_: Filter | None
) -> Listed[WebhookDelivery]:
    """Deliveries of one webhook, without their bodies."""
    conditions = (_D.webhook_uid == webhook, *matching(filter_))
    statement: Any = window.apply(_LISTED.where(*conditions))
    return Listed(fetch(session, WebhookDelivery, statement), revision(session))


def forget_numbers(session: Session, webhook: UUID, up_to: int, before: datetime) -> None:
    """Forgets the deliveries of a webhook up to a number, save those of after a time."""
    old = (_D.webhook_uid == webhook, _D.number <= up_to, _D.create_time < before)
    session.connection().execute(WebhookDelivery.__table__.delete().where(*old))


def prune_deliveries(session: Session, before: datetime, at_most: int) -> int:
    """Forgets deliveries of long ago; how many."""
    old = sa.select(_D.uid).where(_D.create_time < before).limit(at_most)
    table = WebhookDelivery.__table__
    return session.connection().execute(table.delete().where(_D.uid.in_(old))).rowcount
