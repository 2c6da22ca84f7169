"""What strangers send: taken once where it is rightly signed, refused alike where it is not."""

import asyncio
import hashlib
import hmac
import json
from pathlib import Path

import pytest

from tests.workspace.fakes import FakeManager
from tests.workspace.harness import Harness, refused, workspace
from tests.workspace.triggering import DEMO
from tests.workspace.webhooking import (
    CI,
    HMAC,
    PUSH,
    STANDARD,
    Sender,
    as_bytes,
    deliveries,
    get_delivery,
    new_follower,
    new_sender,
    outcome,
)
from weftapi.workspace.v1 import webhook_types_pb2, webhooks_pb2
from workspace.operations.deliveries import KEEP, KEEP_AGE
from workspace.store import webhooks as store
from workspace.webhooks import payloads

REFUSED = (
    "UNAUTHENTICATED",
    "There is no such webhook, or the message is not signed with its secret.",
)


async def test_a_delivery_is_kept_as_it_came(ws: Harness) -> None:
    sender = await new_sender(ws)
    name = await sender.github(id_="72d3162e")
    body = await get_delivery(ws, name)
    assert json.loads(body.payload) == PUSH
    (listed,) = await deliveries(ws, filter='event_type = "push"')
    assert (listed.name, listed.delivery_id, listed.event_type) == (name, "72d3162e", "push")
    assert (listed.size_bytes, listed.payload, listed.attempts) == (len(as_bytes(PUSH)), "", 1)
    assert not await deliveries(ws, filter='event_type = "tag"')
    webhook = await ws.webhooks().GetWebhook(webhooks_pb2.GetWebhookRequest(name=CI))
    assert (webhook.delivery_count, webhook.last_delivery_time) == (1, body.create_time)


async def test_senders_by_the_specification_are_understood(ws: Harness) -> None:
    sender = await new_sender(ws, kind=STANDARD)
    name = await sender.standard({"type": "invoice.paid"}, id_="msg_2KWPBgLlAfxdpx2AI54pPJ85f4W")
    kept = await get_delivery(ws, name)
    assert kept.delivery_id == "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
    assert kept.event_type == "invoice.paid"
    for late in (301, -301):
        assert await outcome(sender.standard({}, id_="late", late_s=late)) == REFUSED
    await sender.standard({"type": 7}, id_="msg_3", late_s=290)
    assert [one.event_type for one in await deliveries(ws)] == ["", "invoice.paid"]


async def test_senders_of_a_plain_hmac_are_understood(ws: Harness) -> None:
    sender = await new_sender(
        ws, kind=HMAC, hmac={"signature": "x-sign", "event_type": "x-kind", "id": "x-id"}
    )
    digest = hmac.new(sender.secret.encode(), b"{}", hashlib.sha256).hexdigest()
    name = await sender.send(b"{}", **{"x-sign": digest, "x-kind": "built", "x-id": "7"})
    kept = await get_delivery(ws, name)
    assert (kept.delivery_id, kept.event_type) == ("7", "built")


async def test_what_is_sent_again_is_one_delivery(ws: Harness) -> None:
    sender = await new_sender(ws)
    first = await sender.github(id_="once")
    assert await sender.github(id_="once") == first
    # The id says what it is, as the sender vouches: the body was taken already.
    assert await sender.github({"ref": "other"}, id_="once") == first
    parallel = await asyncio.gather(*(sender.github(id_="twice") for _ in range(20)))
    assert len(set(parallel)) == 1
    assert [one.delivery_id for one in await deliveries(ws)] == ["twice", "once"]
    # Another webhook knows nothing of it.
    other = await new_sender(ws, webhook_id="other")
    assert await other.github(id_="once") != first


async def test_nobody_learns_which_webhooks_there_are(ws: Harness) -> None:
    sender = await new_sender(ws)
    standard = await new_sender(ws, webhook_id="standard", kind=STANDARD)
    refusals = {
        await outcome(Sender(ws, sender.secret, f"{DEMO}/webhooks/none").github()),
        await outcome(Sender(ws, sender.secret, "projects/none/webhooks/ci").github()),
        await outcome(Sender(ws, "wrong").github()),
        await outcome(Sender(ws, sender.secret, standard.name).github()),
        await outcome(sender.send(b"{}")),
        await outcome(standard.send(b"{}", **{"webhook-id": "m"})),
        await outcome(Sender(ws, standard.secret, f"{DEMO}/webhooks/none").standard({})),
    }
    assert refusals == {REFUSED}
    # Neither does the order of checks tell: what is wrong with a body is for who signed it.
    assert await outcome(Sender(ws, "wrong").github(b"no JSON")) == REFUSED
    assert not await deliveries(ws)


async def test_what_is_refused_leaves_nothing_behind(ws: Harness) -> None:
    sender = await new_sender(ws)
    before = await rows(ws)
    for _ in range(5):
        await outcome(Sender(ws, "wrong").github())
        await outcome(sender.github(b"[]"))
        await outcome(Sender(ws, "wrong", f"{DEMO}/webhooks/none").github())
    assert await rows(ws) == before


async def rows(ws: Harness) -> int:
    """How many rows the whole database has, leases aside."""
    import sqlalchemy as sa

    from workspace.store.base import metadata

    def count(session: object) -> int:
        return sum(
            session.connection().execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
            if "lease" not in table.name
        )

    return await ws.workspace.database.read(count)


async def test_an_address_that_tries_often_is_slowed_down(ws: Harness) -> None:
    sender = await new_sender(ws)
    guesser = Sender(ws, "wrong")
    codes = [code for code, _ in [await outcome(guesser.github()) for _ in range(70)]]
    assert codes[:60] == ["UNAUTHENTICATED"] * 60
    assert "RESOURCE_EXHAUSTED" in codes[60:]
    # It shuts nobody else at that address out.
    await sender.github()


async def test_bodies_that_are_wrong_are_refused_with_the_reason(ws: Harness) -> None:
    sender = await new_sender(ws)
    for body in (b"payload=%7B%7D", b"", b"[]", b'{"a": 1, "a": 2}', b'{"a":' * 100):
        async with refused("INVALID_ARGUMENT", "INVALID_PAYLOAD"):
            await sender.github(body)
    filling = b'{"a": "' + b"x" * (payloads.MAX_BYTES - 9) + b'"}'
    assert len(filling) == payloads.MAX_BYTES
    await sender.github(filling)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await sender.github(filling + b" ")
    assert len(await deliveries(ws)) == 1


async def test_a_header_that_stands_twice_is_none(ws: Harness) -> None:
    sender = await new_sender(ws)
    digest = hmac.new(sender.secret.encode(), b"{}", hashlib.sha256).hexdigest()
    sign = ("grpcgateway-x-hub-signature-256", f"sha256={digest}")
    request = webhooks_pb2.ReceiveWebhookRequest(name=CI, body={"data": b"{}"})
    call = ws.webhooks("").ReceiveWebhook
    assert await outcome(call(request, metadata=[sign, sign])) == REFUSED
    assert await outcome(call(request, metadata=[sign])) == ("OK", "")


async def test_a_disabled_webhook_takes_nothing(ws: Harness) -> None:
    sender = await new_sender(ws, disabled=True)
    async with refused("FAILED_PRECONDITION", "WEBHOOK_DISABLED"):
        await sender.github()
    assert await outcome(Sender(ws, "wrong").github()) == REFUSED
    update = webhooks_pb2.UpdateWebhookRequest(
        webhook=webhook_types_pb2.Webhook(name=CI), update_mask={"paths": ["disabled"]}
    )
    await ws.webhooks().UpdateWebhook(update)
    await sender.github()


async def test_the_log_is_bounded_by_count_and_by_age(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workspace.operations.deliveries.KEEP", 3)
    sender = await new_sender(ws)
    for number in range(5):
        await sender.github(id_=str(number))
    # What could be sent again is remembered, however much came since.
    assert len(await deliveries(ws)) == 5
    ws.clock.move(minutes=16)
    await sender.github(id_="5")
    assert [one.delivery_id for one in await deliveries(ws)] == ["5", "4", "3"]
    ws.clock.move(days=30)
    before = ws.clock.now() - KEEP_AGE
    assert await ws.workspace.database.write(store.prune_deliveries, before, 500) == 3
    assert KEEP == 500


async def test_deliveries_go_with_their_webhook(tmp_path: Path, database_url: str) -> None:
    async with workspace(tmp_path, database_url, managers=FakeManager()) as ws:
        await ws.create_project()
        sender = await new_sender(ws)
        await new_follower(ws)
        name = await sender.github()
        async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE"):
            await ws.webhooks().DeleteWebhook(webhooks_pb2.DeleteWebhookRequest(name=CI))
        from weftapi.workspace.v1 import triggers_pb2

        request = triggers_pb2.DeleteTriggerRequest(name=f"{DEMO}/triggers/follow")
        await ws.triggers().DeleteTrigger(request)
        await ws.webhooks().DeleteWebhook(webhooks_pb2.DeleteWebhookRequest(name=CI))
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await get_delivery(ws, name)
        assert await outcome(sender.github()) == REFUSED
