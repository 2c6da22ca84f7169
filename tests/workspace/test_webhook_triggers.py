"""Runs that follow from what webhooks are told."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from meshkit.jobs import acquire
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import ADMIN, Harness, refused, workspace
from tests.workspace.test_triggering import run_of
from tests.workspace.triggering import DEMO, FOLLOW, change, finish, run_ends, settled, short
from tests.workspace.webhooking import (
    CI,
    PUSH,
    STANDARD,
    deliveries,
    get_delivery,
    new_follower,
    new_sender,
    told,
)
from weftapi.workspace.v1 import run_types_pb2, triggers_pb2, webhooks_pb2
from workspace.store.schema_triggers import TriggerFiring
from workspace.triggering.reactor import Reactor


@pytest.fixture
async def ws(tmp_path: Path, database_url: str) -> AsyncIterator[Harness]:
    async with workspace(tmp_path, database_url, managers=FakeManager()) as harness:
        await harness.create_project()
        yield harness


async def redeliver(ws: Harness, name: str, request_id: str = "") -> list[str]:
    request = webhooks_pb2.RedeliverWebhookDeliveryRequest(name=name, request_id=request_id)
    return list((await ws.webhooks().RedeliverWebhookDelivery(request)).firings)


async def test_a_push_starts_a_run_that_knows_of_it(ws: Harness) -> None:
    sender = await new_sender(ws)
    parameters = {
        "commit": "{{event.payload.after}}",
        "all": "{{event.payload.commits}}",
        "kind": "{{event.type}}",
        "id": "{{event.delivery}}",
    }
    trigger = await new_follower(ws, parameters=parameters)
    name = await sender.github(id_="72d3")
    (firing,) = await settled(ws)
    assert (short(firing), firing.cause, firing.cause_revision) == ("FIRED", name, 0)
    run = await run_of(ws, firing.run)
    assert (run.trigger, run.started_by, run.cause, run.creator) == (
        run_types_pb2.RUN_TRIGGER_EVENT,
        FOLLOW,
        name,
        ADMIN,
    )
    assert run.snapshot == trigger.snapshot
    assert (run.parameters["commit"], run.parameters["kind"]) == ("a1b2", "push")
    assert run.parameters["id"] == "72d3"
    assert run.parameters["all"][0]["message"] == PUSH["commits"][0]["message"]
    (kept,) = await deliveries(ws)
    assert list(kept.firings) == [firing.name]


async def test_only_what_is_waited_for_counts(ws: Harness) -> None:
    sender = await new_sender(ws)
    other = await new_sender(ws, webhook_id="other")
    occurrence = told("push", "tag", filter='event.payload.ref = "refs/heads/main"')
    await new_follower(ws, occurrence=occurrence)
    await new_follower(ws, "paused", paused=True)
    await new_follower(ws, "elsewhere", occurrence=run_ends())
    await sender.github({"ref": "refs/heads/main"}, event="ping")
    await sender.github({"ref": "refs/heads/feature"})
    await sender.github({"ref": None})
    await other.github({"ref": "refs/heads/main"})
    wanted = await sender.github({"ref": "refs/heads/main"}, event="tag")
    (firing,) = await settled(ws)
    assert firing.cause == wanted
    every = triggers_pb2.ListTriggerFiringsRequest(parent=f"{DEMO}/triggers/-")
    assert len((await ws.triggers().ListTriggerFirings(every)).firings) == 1
    # Runs that end concern it as little as what it waits for concerns others.
    await finish(ws)
    (elsewhere,) = await settled(ws, parent=f"{DEMO}/triggers/elsewhere")
    assert elsewhere.cause.startswith(f"{DEMO}/runs/")


async def test_what_is_sent_again_fires_once(ws: Harness) -> None:
    sender = await new_sender(ws)
    await new_follower(ws)
    first = await sender.github(id_="once")
    assert await sender.github(id_="once") == first
    await sender.github(id_="twice")
    assert len({firing.cause for firing in await settled(ws, 2)}) == 2
    assert [len(one.firings) for one in await deliveries(ws)] == [1, 1]


async def test_a_delivery_is_told_once_more_on_request(ws: Harness) -> None:
    sender = await new_sender(ws)
    name = await sender.github()
    await new_follower(ws, parameters={"commit": "{{event.payload.after}}"})
    request_id = str(uuid4())
    fired = await redeliver(ws, name, request_id)
    assert await redeliver(ws, name, request_id) == fired
    (first,) = await settled(ws)
    assert (fired, short(first)) == ([first.name], "FIRED")
    fired = await redeliver(ws, name)
    both = await settled(ws, 2)
    assert fired[0] == first.name
    assert set(fired) == {firing.name for firing in both}
    assert len({firing.run for firing in both}) == 2
    assert (await get_delivery(ws, name)).attempts == 3


async def test_what_the_message_lacks_is_told_with_its_reason(ws: Harness) -> None:
    sender = await new_sender(ws)
    await new_follower(ws, parameters={"tag": "{{event.payload.tag.name}}"})
    await sender.github()
    (firing,) = await settled(ws)
    assert (short(firing), firing.reason) == (
        "FAILED",
        "There is no event.payload.tag.name in what happened.",
    )


async def test_a_trigger_does_not_follow_itself_through_messages(ws: Harness) -> None:
    sender = await new_sender(ws, kind=STANDARD)
    await new_follower(ws)
    await sender.standard({"type": "begin"}, id_="1")
    (first,) = await settled(ws)
    # As an alerter of this workspace tells it.
    about = {"type": "run.succeeded", "resource": {"name": first.run, "uid": "x"}}
    await sender.standard(about, id_="2")
    by_step = {"resource": {"name": f"{DEMO}/artifacts/a", "producer_step": f"{first.run}/steps/s"}}
    await sender.standard(by_step, id_="3")
    await sender.standard({"resource": {"name": f"{DEMO}/runs/none"}}, id_="4")
    await sender.standard({"resource": {"name": 7, "run": None}}, id_="5")
    await sender.standard({"resource": [first.run]}, id_="6")
    firings = await settled(ws, 6)
    skipped = {firing.cause for firing in firings if short(firing) == "SKIPPED"}
    assert skipped == {one.name for one in await deliveries(ws) if one.delivery_id in {"2", "3"}}
    assert {short(firing) for firing in firings if firing.cause not in skipped} == {"FIRED"}
    assert all("among the causes" in f.reason for f in firings if f.cause in skipped)


async def test_a_trigger_may_begin_to_wait_for_a_webhook(ws: Harness) -> None:
    sender = await new_sender(ws)
    await new_follower(ws, occurrence=run_ends())
    await change(ws, "occurrence", occurrence=told())
    await finish(ws)
    name = await sender.github()
    (firing,) = await settled(ws)
    assert firing.cause == name
    await change(ws, "occurrence", occurrence=run_ends())
    await sender.github()
    # Nothing holds the webhook any more.
    await ws.webhooks().DeleteWebhook(webhooks_pb2.DeleteWebhookRequest(name=CI))


async def test_a_trigger_waits_for_a_webhook_that_there_is(ws: Harness) -> None:
    await new_sender(ws)
    snapshot = (await ws.create_snapshot()).name
    for occurrence, code, reason in (
        (told(webhook=f"{DEMO}/webhooks/none"), "NOT_FOUND", "RESOURCE_NOT_FOUND"),
        (told(webhook="projects/other/webhooks/ci"), "INVALID_ARGUMENT", "INVALID_FIELDS"),
        (told(webhook=""), "INVALID_ARGUMENT", "INVALID_FIELDS"),
        (told(*"abcdefghijklmnopqrstuvwxyz1234567"), "INVALID_ARGUMENT", "INVALID_FIELDS"),
        (told(filter="payload.ref = x"), "INVALID_ARGUMENT", "INVALID_FILTER"),
        (told(filter="x" * 2049), "INVALID_ARGUMENT", "INVALID_FIELDS"),
    ):
        async with refused(code, reason):
            await new_follower(ws, snapshot=snapshot, occurrence=occurrence)
    await new_follower(ws, snapshot=snapshot)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await change(ws, "occurrence", occurrence=told(webhook=f"{DEMO}/webhooks/none"))


async def test_what_a_message_said_is_kept_once_and_until_its_firings_are_settled(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workspace.operations.deliveries.KEEP", 1)
    async with workspace(
        tmp_path, database_url, managers=FakeManager(), without=["triggers"]
    ) as ws:
        await ws.create_project()
        sender = await new_sender(ws)
        for number in range(2):
            parameters = {"commit": "{{event.payload.after}}"}
            await new_follower(ws, f"follow-{number}", parameters=parameters)
        first = await sender.github({"after": "c0ffee"})
        ws.clock.move(hours=1)
        ws.workspace.policies.confirm()
        await sender.github({"after": "b0a7"})
        await sender.github({"after": "caf3"})
        assert len(await deliveries(ws)) == 3, "somebody waits for what the first one said"
        events = TriggerFiring.__table__.c.event
        kept = await ws.workspace.database.read(
            lambda session: session.connection().execute(sa.select(events)).scalars().all()
        )
        assert kept == [{}] * 6
        reactor = Reactor(ws.workspace.database, ws.workspace.policies)
        database = ws.workspace.database
        lease = await database.write(acquire, database.tables, "test", "test", 600.0)
        assert lease
        while await reactor._settle_some(lease):
            pass
        for number in range(2):
            firings = await settled(ws, 3, parent=f"{DEMO}/triggers/follow-{number}")
            [of_first] = [firing for firing in firings if firing.cause == first]
            assert (await run_of(ws, of_first.run)).parameters["commit"] == "c0ffee"
        ws.clock.move(hours=1)
        ws.workspace.policies.confirm()
        await sender.github()
        assert len(await deliveries(ws)) == 1
