"""Webhooks that several tests begin with, and senders that sign as real ones do."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import grpc

from meshkit import standard_webhooks
from tests.workspace.harness import Harness
from tests.workspace.triggering import DEMO, new_trigger
from weftapi.workspace.v1 import trigger_types_pb2, webhook_types_pb2, webhooks_pb2

CI = f"{DEMO}/webhooks/ci"
GITHUB = webhook_types_pb2.WEBHOOK_KIND_GITHUB
STANDARD = webhook_types_pb2.WEBHOOK_KIND_STANDARD
HMAC = webhook_types_pb2.WEBHOOK_KIND_HMAC
PUSH = {"ref": "refs/heads/main", "after": "a1b2", "commits": [{"message": "Fix"}]}


@dataclass
class Sender:
    """Another system, with a webhook's secret."""

    ws: Harness
    secret: str
    name: str = CI
    headers: dict[str, str] = field(default_factory=dict)

    async def github(self, body: Any = None, *, event: str = "push", id_: str = "") -> str:
        """What GitHub sends; the name of the delivery."""
        raw = as_bytes(PUSH if body is None else body)
        digest = hmac.new(self.secret.encode(), raw, hashlib.sha256).hexdigest()
        return await self.send(
            raw,
            **{
                "x-hub-signature-256": f"sha256={digest}",
                "x-github-event": event,
                "x-github-delivery": id_ or str(uuid4()),
            },
        )

    async def standard(self, body: Any, *, id_: str = "msg_1", late_s: float = 0) -> str:
        """What senders by the Standard Webhooks specification send."""
        raw = as_bytes(body)
        time = int(self.ws.clock.now().timestamp() - late_s)
        signature = standard_webhooks.sign(
            [self.secret], message_id=id_, timestamp_s=time, body=raw
        )
        return await self.send(
            raw,
            **{
                "webhook-id": id_,
                "webhook-timestamp": str(time),
                "webhook-signature": signature,
            },
        )

    async def send(self, body: bytes, **headers: str) -> str:
        """A message as it stands, to whoever is there."""
        given = {**headers, **self.headers}
        request = webhooks_pb2.ReceiveWebhookRequest(name=self.name, body={"data": body})
        received = await self.ws.webhooks("").ReceiveWebhook(
            request, metadata=[(f"grpcgateway-{name}", value) for name, value in given.items()]
        )
        return str(received.delivery)


def as_bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


async def new_webhook(
    ws: Harness,
    webhook_id: str = "ci",
    *,
    token: str | None = None,
    request_id: str = "",
    secret: str = "",
    **fields: Any,
) -> webhook_types_pb2.Webhook:
    fields.setdefault("kind", GITHUB)
    return await ws.webhooks(token).CreateWebhook(
        webhooks_pb2.CreateWebhookRequest(
            parent=DEMO,
            webhook_id=webhook_id,
            webhook=webhook_types_pb2.Webhook(**fields),
            request_id=request_id,
            secret=secret,
        )
    )


async def new_sender(ws: Harness, **fields: Any) -> Sender:
    """A webhook, and who has its secret."""
    made = await new_webhook(ws, **fields)
    return Sender(ws, made.secret, made.name)


async def rotate(ws: Harness, **fields: Any) -> webhook_types_pb2.Webhook:
    return await ws.webhooks().RotateWebhookSecret(
        webhooks_pb2.RotateWebhookSecretRequest(name=CI, **fields)
    )


async def deliveries(ws: Harness, parent: str = CI, **fields: Any) -> list[Any]:
    """What arrived, newest first."""
    request = webhooks_pb2.ListWebhookDeliveriesRequest(parent=parent, **fields)
    return list((await ws.webhooks().ListWebhookDeliveries(request)).deliveries)


async def get_delivery(ws: Harness, name: str) -> webhook_types_pb2.WebhookDelivery:
    return await ws.webhooks().GetWebhookDelivery(webhooks_pb2.GetWebhookDeliveryRequest(name=name))


def told(*event_types: str, filter: str = "", webhook: str = CI) -> trigger_types_pb2.Occurrence:  # noqa: A002 - as in the contract
    """Messages of a webhook."""
    occurrence = {"webhook": webhook, "event_types": event_types, "filter": filter}
    return trigger_types_pb2.Occurrence(webhook=occurrence)


async def new_follower(ws: Harness, trigger_id: str = "follow", **fields: Any) -> Any:
    """A trigger that waits for the webhook "ci"."""
    fields.setdefault("occurrence", told())
    return await new_trigger(ws, trigger_id, **fields)


async def outcome(call: Any) -> tuple[str, str]:
    """The code and the words of a refusal."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code().name, error.details() or ""
    return "OK", ""
