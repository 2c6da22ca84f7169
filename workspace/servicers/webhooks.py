"""WebhookService."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.idempotency import once
from meshkit.rules import resolve_update_mask
from meshkit.scopes import read_metadata
from weftapi.workspace.v1 import webhook_types_pb2, webhooks_pb2, webhooks_pb2_grpc
from workspace import names
from workspace.operations import deliveries
from workspace.operations import webhooks as operations
from workspace.operations.refusals import absent, invalid
from workspace.operations.webhooks import WebhookKey
from workspace.secrets.sealer import Sealer
from workspace.servicers.converting import caller, message_to_dict, numbers, short_names, stamp
from workspace.servicers.listing import Lists
from workspace.store import webhooks as store
from workspace.store.schema_webhooks import Webhook, WebhookDelivery
from workspace.webhooks.intake import Intake

_KINDS = short_names(webhook_types_pb2.WebhookKind)
_KIND_NUMBERS = numbers(webhook_types_pb2.WebhookKind)
_FIELDS = ("display_name", "description", "labels", "disabled")
_OVERLAP = timedelta(days=1)
# How a gateway hands headers of HTTP on, and which of them never come so far.
_HEADER = "grpcgateway-"
_NOT_PASSED_ON = ("x-weft-", "x-forwarded-", "x-request-id", "x-real-ip")


class WebhookServicer(webhooks_pb2_grpc.WebhookServiceServicer):
    def __init__(self, database: Database, lists: Lists, *, sealer: Sealer, intake: Intake) -> None:
        self._database = database
        self._lists = lists
        self._sealer = sealer
        self._intake = intake

    async def GetWebhook(
        self, request: webhooks_pb2.GetWebhookRequest, _context: Context
    ) -> webhook_types_pb2.Webhook:
        return webhook_to_proto(await self._require(request.name))

    async def ListWebhooks(
        self, request: webhooks_pb2.ListWebhooksRequest, _context: Context
    ) -> webhooks_pb2.ListWebhooksResponse:
        window = self._lists.window("ListWebhooks", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        project = names.project_of(request.parent)
        page = await self._lists.page(
            window, webhook_to_proto, store.list_page, project, window, filter_
        )
        return webhooks_pb2.ListWebhooksResponse(
            webhooks=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateWebhook(
        self, request: webhooks_pb2.CreateWebhookRequest, _context: Context
    ) -> webhook_types_pb2.Webhook:
        wanted = request.webhook
        made = await self._database.write(
            operations.create,
            self._sealer,
            WebhookKey(names.last(request.parent), request.webhook_id),
            {**_values(wanted, _FIELDS), **_signing(wanted)},
            secret=request.secret,
            creator=caller().subject,
            once=once(request, webhook_types_pb2.Webhook),
            trial=request.validate_only,
            reply=webhook_to_proto,
        )
        return await self._with_secret(made)

    async def UpdateWebhook(
        self, request: webhooks_pb2.UpdateWebhookRequest, _context: Context
    ) -> webhook_types_pb2.Webhook:
        wanted = request.webhook
        return await self._database.write(
            operations.change,
            WebhookKey.of(wanted.name),
            _values(wanted, resolve_update_mask(wanted, request.update_mask)),
            etag=wanted.etag,
            once=once(request, webhook_types_pb2.Webhook),
            trial=request.validate_only,
            reply=webhook_to_proto,
        )

    async def DeleteWebhook(
        self, request: webhooks_pb2.DeleteWebhookRequest, _context: Context
    ) -> Empty:
        key = WebhookKey.of(request.name)
        await self._database.write(operations.delete, key, etag=request.etag)
        return Empty()

    async def RotateWebhookSecret(
        self, request: webhooks_pb2.RotateWebhookSecretRequest, _context: Context
    ) -> webhook_types_pb2.Webhook:
        overlap = request.overlap.ToTimedelta() if request.HasField("overlap") else _OVERLAP
        made = await self._database.write(
            operations.rotate,
            self._sealer,
            WebhookKey.of(request.name),
            secret=request.secret,
            overlap=overlap,
            etag=request.etag,
            once=once(request, webhook_types_pb2.Webhook),
            reply=webhook_to_proto,
        )
        return await self._with_secret(made)

    async def ListWebhookDeliveries(
        self, request: webhooks_pb2.ListWebhookDeliveriesRequest, _context: Context
    ) -> webhooks_pb2.ListWebhookDeliveriesResponse:
        window = self._lists.window("ListWebhookDeliveries", request, store.DELIVERY_ORDERS)
        filter_ = self._lists.filter(store.DELIVERY_FIELDS, request.filter)
        webhook = await self._require(request.parent)
        page = await self._lists.page(
            window, delivery_to_proto, store.list_deliveries, webhook.uid, window, filter_
        )
        return webhooks_pb2.ListWebhookDeliveriesResponse(
            deliveries=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def GetWebhookDelivery(
        self, request: webhooks_pb2.GetWebhookDeliveryRequest, _context: Context
    ) -> webhook_types_pb2.WebhookDelivery:
        webhook = await self._require(request.name)
        uid = _uid_of(request.name)
        row = await self._database.read(store.get_delivery, webhook.uid, uid)
        if row is None:
            raise absent(request.name)
        return _in_full(row)

    async def RedeliverWebhookDelivery(
        self, request: webhooks_pb2.RedeliverWebhookDeliveryRequest, _context: Context
    ) -> webhook_types_pb2.WebhookDelivery:
        return await self._database.write(
            deliveries.redeliver,
            WebhookKey.of(request.name),
            _uid_of(request.name),
            once=once(request, webhook_types_pb2.WebhookDelivery),
            reply=delivery_to_proto,
        )

    async def ReceiveWebhook(
        self, request: webhooks_pb2.ReceiveWebhookRequest, context: Context
    ) -> webhooks_pb2.ReceiveWebhookResponse:
        kept = await self._intake.receive(
            WebhookKey.of(request.name),
            request.body.data,
            _headers(context),
            address=caller().address,
        )
        return webhooks_pb2.ReceiveWebhookResponse(delivery=kept.name)

    async def _require(self, name: str) -> Webhook:
        key = WebhookKey.of(name)
        row = await self._database.read(store.get, key.project, key.id)
        if row is None:
            raise absent(key.name)
        return row

    async def _with_secret(self, made: webhook_types_pb2.Webhook) -> webhook_types_pb2.Webhook:
        """Adds the secret that a call made: replies that are kept for repeats hold none."""
        key = WebhookKey.of(made.name)
        row = await self._database.read(store.get, key.project, key.id)
        if (
            row
            and str(row.uid) == made.uid
            and stamp(row.secret_create_time) == (made.secret_create_time)
        ):
            made.secret = operations.secrets_of(self._sealer, row, row.secret_create_time)[0]
        return made


def webhook_to_proto(row: Webhook) -> webhook_types_pb2.Webhook:
    kind: Any = _KIND_NUMBERS[row.kind]
    return webhook_types_pb2.Webhook(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        labels=row.labels or None,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        kind=kind,
        hmac=webhook_types_pb2.HmacHeaders(**row.hmac) if row.hmac else None,
        disabled=row.disabled,
        secret_create_time=stamp(row.secret_create_time),
        previous_secret_expire_time=stamp(row.previous_secret_expire_time),
        last_delivery_time=stamp(row.last_delivery_time),
        delivery_count=row.delivery_count,
    )


def delivery_to_proto(row: WebhookDelivery) -> webhook_types_pb2.WebhookDelivery:
    return webhook_types_pb2.WebhookDelivery(
        name=row.name,
        create_time=stamp(row.create_time),
        delivery_id=row.delivery_id,
        event_type=row.event_type,
        size_bytes=row.size_bytes,
        firings=row.firings,
        attempts=row.attempts,
    )


def _in_full(row: WebhookDelivery) -> webhook_types_pb2.WebhookDelivery:
    delivery = delivery_to_proto(row)
    delivery.payload = row.payload.decode()
    return delivery


def _uid_of(name: str) -> UUID:
    try:
        return UUID(names.last(name))
    except ValueError:
        raise absent(name) from None


def _values(webhook: webhook_types_pb2.Webhook, paths: Iterable[str]) -> dict[str, Any]:
    """Plain values of the named fields."""
    values: dict[str, Any] = {path: getattr(webhook, path) for path in paths}
    if "labels" in values:
        values["labels"] = dict(webhook.labels)
    return values


def _signing(webhook: webhook_types_pb2.Webhook) -> dict[str, Any]:
    """How messages are signed; InvalidArgument for what makes no sense together."""
    kind = _KINDS.get(webhook.kind, "")
    if not kind:
        raise invalid("webhook.kind", "is required")
    if webhook.HasField("hmac") != (kind == "HMAC"):
        raise invalid("webhook.hmac", "goes with the kind HMAC, and with no other")
    headers = message_to_dict(webhook.hmac)
    for field, name in headers.items():
        if name.startswith(_NOT_PASSED_ON):
            raise invalid(f"webhook.hmac.{field}", "is a header that proxies set")
    return {"kind": kind, "hmac": headers}


def _headers(context: Context) -> dict[str, str]:
    """The headers of the message by lower-case name; one that stands twice is none."""
    return {
        key.removeprefix(_HEADER): values[0]
        for key, values in read_metadata(context).items()
        if key.startswith(_HEADER) and len(values) == 1
    }
