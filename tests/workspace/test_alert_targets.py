"""What alerters do with targets that hang, fail, ask for rest, are gone, or are not theirs."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.workspace.alerting import (
    OPS,
    Telling,
    change,
    deliveries,
    get,
    new_alerter,
    state,
    telling,
)
from tests.workspace.harness import refused
from tests.workspace.receiving import Answer, receiving
from tests.workspace.triggering import finish
from weftapi.workspace.v1 import alerters_pb2

Redeliver, Sample = alerters_pb2.RedeliverAlertRequest, alerters_pb2.TestAlerterRequest


@pytest.fixture
async def told(tmp_path: Path, database_url: str) -> AsyncIterator[Telling]:
    async with telling(tmp_path, database_url) as telling_:
        yield telling_


async def test_a_target_that_asks_for_rest_gets_it_for_everything(told: Telling) -> None:
    await told.webhook()
    told.receiver.answer = Answer(429, {"retry-after": "120"})
    await finish(told.ws)
    assert await told.look() == 1
    await finish(told.ws)
    assert await told.look() == 0
    assert await told.wait(seconds=119) == 0
    told.receiver.answer = Answer()
    assert await told.wait(seconds=1) == 1
    assert await told.look() == 1
    assert [state(d) for d in await deliveries(told.ws)] == ["DELIVERED", "DELIVERED"]


async def test_a_target_that_is_gone_is_not_bothered_again(told: Telling) -> None:
    await told.webhook()
    told.receiver.answer = Answer(410)
    for _ in range(9):
        await finish(told.ws)
    assert 1 <= await told.look() <= 4
    alerter = await get(told.ws)
    assert (alerter.paused, alerter.pause_reason) == (True, "It answered 410: it is gone.")
    assert {state(d) for d in await deliveries(told.ws)} == {"FAILED"}
    await finish(told.ws)
    assert await told.look() == 0
    (first, *_) = await deliveries(told.ws)
    async with refused("FAILED_PRECONDITION", "ALERTER_PAUSED"):
        await told.ws.alerters().RedeliverAlert(Redeliver(name=first.name))
    told.receiver.answer = Answer()
    resumed = await change(told.ws, "paused", paused=False)
    assert (resumed.pause_reason, resumed.HasField("failing_since")) == ("", False)
    await finish(told.ws)
    assert await told.look() == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(302, {"location": "/elsewhere"}), "It answered 302: redirects are not followed"),
        (Answer(hangs=True), "It did not answer within 0.2 s."),
        (Answer(500, body=b"x" * 3_000_000), "It answered 500."),
    ],
)
async def test_what_targets_do_wrong(
    tmp_path: Path, sqlite_url: str, answer: Answer, error: str
) -> None:
    async with telling(tmp_path, sqlite_url, alert_timeout_s=0.2) as told:
        await told.webhook()
        told.receiver.answer = answer
        await finish(told.ws)
        assert await told.look() == 1
        (delivery,) = await deliveries(told.ws)
        assert delivery.attempts[0].error.startswith(error)
        assert len(delivery.attempts[0].response) <= 1024
        assert len(told.receiver.got) == 1


async def test_a_target_that_hangs_delays_nobody_else(tmp_path: Path, database_url: str) -> None:
    async with (
        telling(tmp_path, database_url, alert_timeout_s=60.0) as told,
        receiving() as other,
    ):
        await told.webhook()
        await new_alerter(told.ws, "others", url=other.url)
        told.receiver.answer = Answer(hangs=True)
        for _ in range(12):
            await finish(told.ws)
        async with told.going_on(), asyncio.timeout(30):
            for _ in range(4):
                await told.receiver.arrivals.get()
            for _ in range(12):
                await other.arrivals.get()
            # No more than its share, and none of it has ended.
            assert told.receiver.under_way == 4
            assert told.receiver.arrivals.empty()
        assert other.most_under_way <= 4
        assert {d.attempt_count for d in await deliveries(told.ws)} == {0}


async def test_a_target_in_trouble_is_tried_one_by_one(told: Telling) -> None:
    await told.webhook()
    told.receiver.answer = Answer(500)
    for _ in range(6):
        await finish(told.ws)
    assert await told.look() == 4
    assert await told.look() == 1
    told.receiver.answer = Answer()
    assert await told.look() == 1
    assert await told.wait(seconds=6) == 4


async def test_addresses_that_changed_their_mind_are_not_reached(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with telling(tmp_path, sqlite_url, egress_networks="") as told:
        # A name is looked up when something is sent, whatever it led to before.
        await new_alerter(told.ws, url=f"https://localhost:{told.receiver.port}/x")
        tested = await told.ws.alerters().TestAlerter(Sample(name=OPS))
        assert "is not a public address" in tested.attempt.error
        assert told.receiver.got == []
        for url in ("https://10.0.0.1/x", "https://[::1]/x", "https://169.254.169.254/latest"):
            async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
                await new_alerter(told.ws, "inner", url=url)
