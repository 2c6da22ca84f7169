"""What alerters tell: each thing at least once, under an id that stays, to whoever is asked."""

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from meshkit import standard_webhooks
from meshkit.errors import FailedPrecondition
from tests.workspace.alerting import (
    DEMO,
    OPS,
    SLACK,
    Telling,
    change,
    deliveries,
    get,
    rotate,
    state,
    telling,
)
from tests.workspace.harness import refused
from tests.workspace.modeling import FRAUD, PRODUCTION, move, new_artifact, new_model, new_version
from tests.workspace.receiving import Answer
from tests.workspace.triggering import finish
from weftapi.workspace.v1 import alerters_pb2, events_pb2, reports_pb2, run_types_pb2
from workspace.alerting import alerts
from workspace.secrets.sealer import Sealer
from workspace.store import feed_positions

Redeliver, Sample, Send = (
    alerters_pb2.RedeliverAlertRequest,
    alerters_pb2.TestAlerterRequest,
    alerters_pb2.SendRunAlertRequest,
)


@pytest.fixture
async def told(tmp_path: Path, database_url: str) -> AsyncIterator[Telling]:
    async with telling(tmp_path, database_url) as telling_:
        yield telling_


async def test_a_run_that_ends_is_told_and_signed(told: Telling) -> None:
    await told.webhook()
    secret = await rotate(told.ws)
    run = await finish(told.ws, labels={"team": "risk"})
    assert await told.look() == 1
    (received,) = told.receiver.got
    assert (received.method, received.path) == ("POST", told.receiver.url.split(":")[2][5:])
    assert received.is_signed_with(secret)
    standard_webhooks.verify(
        [secret],
        message_id=received.id,
        timestamp=received.headers["webhook-timestamp"],
        signatures=received.headers["webhook-signature"],
        body=received.body,
        now_s=told.ws.clock.now().timestamp(),
    )
    said = received.json
    assert (said["version"], said["type"], said["project"]) == (1, "run.succeeded", DEMO)
    assert (said["id"], said["workspace"]) == (received.id, told.ws.uid)
    resource = said["resource"]
    assert (resource["name"], resource["state"]) == (run.name, "SUCCEEDED")
    assert (resource["pipeline"], resource["labels"]) == (
        f"{DEMO}/pipelines/train",
        {"team": "risk"},
    )
    (delivery,) = await deliveries(told.ws)
    assert (state(delivery), delivery.cause) == ("DELIVERED", run.name)
    assert delivery.name == f"{OPS}/deliveries/{received.id}"
    assert delivery.payload.encode() == received.body
    (attempt,) = delivery.attempts
    assert (attempt.status_code, attempt.error, attempt.response) == (200, "", "ok")
    assert await told.look() == 0


async def test_only_what_it_waits_for_is_told(told: Telling) -> None:
    await finish(told.ws)
    await told.webhook(types=["run.failed"], filter='pipeline="train" AND labels.team="risk"')
    await finish(told.ws, labels={"team": "risk"})
    await finish(told.ws, "FAILED", labels={"team": "other"})
    failed = await finish(told.ws, "FAILED", labels={"team": "risk"})
    assert await told.look() == 1
    assert told.receiver.got[0].json["resource"]["name"] == failed.name


async def test_versions_of_models_and_artifacts_are_told(told: Telling) -> None:
    types = ["model_version.created", "model_version.moved", "artifact_version.created"]
    await told.webhook(types=types)
    await told.webhook("used", types=["model_version.moved"], filter="stage=PRODUCTION")
    await told.webhook("data", types=types, filter='artifact="weights"')
    await new_model(told.ws)
    version = await new_version(told.ws)
    await move(told.ws, version.number, PRODUCTION)
    weights = await new_artifact(told.ws)
    assert await told.look() == 5
    said = sorted((r.json["type"], r.json["resource"]["name"]) for r in told.receiver.got)
    assert said == sorted(
        [
            ("model_version.created", version.name),
            ("model_version.moved", version.name),
            ("artifact_version.created", weights),
            ("model_version.moved", version.name),
            ("artifact_version.created", weights),
        ]
    )
    assert version.name.startswith(FRAUD)


async def test_a_question_is_told_by_its_run(told: Telling) -> None:
    await told.webhook(types=["run.waiting"], filter='labels.team="risk"')
    for team in ("risk", "other"):
        run = await told.ws.create_run(labels={"team": team})
        await told.ws.reports(await told.ws.run_token(run.name)).CreateRunCondition(
            reports_pb2.CreateRunConditionRequest(
                parent=run.name,
                condition_id="go",
                run_condition=run_types_pb2.RunCondition(question=f"May {team} go on?"),
            )
        )
    assert await told.look() == 1
    said = told.receiver.got[0].json
    assert (said["type"], said["reason"]) == ("run.waiting", "May risk go on?")
    assert said["resource"]["pipeline"] == f"{DEMO}/pipelines/train"


async def test_what_did_not_arrive_is_sent_again_under_the_same_id_for_a_day(
    told: Telling,
) -> None:
    await told.webhook()
    secret = await rotate(told.ws)
    told.receiver.answer = Answer(503, body=b"not now")
    await finish(told.ws)
    assert await told.look() == 1
    assert (await get(told.ws)).HasField("failing_since")
    pauses = []
    while True:
        (delivery,) = await deliveries(told.ws)
        if state(delivery) != "PENDING":
            break
        pause = delivery.next_attempt_time.ToDatetime() - told.ws.clock.now().replace(tzinfo=None)
        pauses.append(pause.total_seconds())
        assert await told.wait(seconds=pauses[-1] - 1) == 0
        assert await told.wait(seconds=1) == 1
    assert pauses == [5, 15, 45, 135, 405, 1215, 3645, 10935, *[21600] * 3]
    assert state(delivery) == "EXHAUSTED"
    assert (delivery.attempt_count, delivery.reason) == (12, "It answered 503.")
    assert {attempt.response for attempt in delivery.attempts} == {"not now"}
    assert {received.id for received in told.receiver.got} == {delivery.name.rpartition("/")[2]}
    assert all(received.is_signed_with(secret) for received in told.receiver.got)
    assert len({received.body for received in told.receiver.got}) == 1
    assert len({received.headers["webhook-timestamp"] for received in told.receiver.got}) == 12
    # Somebody mends it, and has it sent again: as the same message.
    told.receiver.answer = Answer(204, body=b"")
    again = await told.ws.alerters().RedeliverAlert(Redeliver(name=delivery.name))
    assert (state(again), again.reason) == ("PENDING", "")
    assert await told.look() == 1
    (delivery,) = await deliveries(told.ws, filter_="state=DELIVERED")
    assert delivery.attempt_count == 13
    assert told.receiver.got[-1].id == told.receiver.got[0].id
    assert not (await get(told.ws)).HasField("failing_since")


async def test_what_no_key_opens_is_given_up_after_a_day_with_the_reason(
    told: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told.webhook()
    await finish(told.ws)

    def lost(*_: object, **__: object) -> bytes:
        raise FailedPrecondition("SECRETS_KEY_MISSING", "The key file lacks the key.")

    with monkeypatch.context() as broken:
        broken.setattr(Sealer, "open", lost)
        assert await told.look() == 1
        (delivery,) = await deliveries(told.ws)
        assert state(delivery) == "PENDING"
        assert await told.wait(hours=24) == 1
    (delivery,) = await deliveries(told.ws)
    assert (state(delivery), delivery.reason) == ("FAILED", "The key file lacks the key.")
    assert await told.wait(minutes=1) == 0
    assert told.receiver.got == []


async def test_an_event_is_decoded_once_however_many_wait_for_it(
    told: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await told.webhook(f"ops-{number}")
    await finish(told.ws)
    decoded: list[bytes] = []
    decode = alerts.decode

    def counting(data: bytes) -> events_pb2.Event:
        decoded.append(data)
        return decode(data)

    monkeypatch.setattr(alerts, "decode", counting)
    assert await told.look() == 3
    assert decoded
    assert len(decoded) == len(set(decoded))


async def test_pausing_gives_up_what_waits(told: Telling) -> None:
    await told.webhook()
    told.receiver.answer = Answer(500)
    await finish(told.ws)
    assert await told.look() == 1
    await change(told.ws, "paused", paused=True)
    (delivery,) = await deliveries(told.ws)
    assert (state(delivery), delivery.reason) == ("FAILED", "The alerter was paused.")
    await finish(told.ws)
    assert await told.wait(hours=1) == 0
    await change(told.ws, "paused", paused=False)
    assert await told.look() == 0


async def test_what_an_alerter_did_not_tell_goes_with_it(told: Telling) -> None:
    await told.webhook()
    await finish(told.ws)
    await told.ws.alerters().DeleteAlerter(alerters_pb2.DeleteAlerterRequest(name=OPS))
    assert await told.look() == 0
    await told.webhook()
    told.receiver.answer = Answer(500)
    await finish(told.ws)
    assert await told.look() == 1
    await told.ws.alerters().DeleteAlerter(alerters_pb2.DeleteAlerterRequest(name=OPS))
    await told.webhook("next")
    await finish(told.ws)
    told.receiver.answer = Answer()
    assert await told.wait(seconds=6) == 1
    assert state((await deliveries(told.ws, f"{DEMO}/alerters/-"))[0]) == "DELIVERED"


async def test_what_happened_before_the_first_look_is_told(
    tmp_path: Path, database_url: str
) -> None:
    """The job of a new workspace may begin after somebody's first run has ended."""
    async with telling(tmp_path, database_url, is_begun=False) as told:
        await finish(told.ws)
        told.ws.clock.move(seconds=1)
        await told.webhook()
        await finish(told.ws)
        await told.begin()
        assert await told.look() == 1


async def test_what_was_told_long_ago_is_forgotten_and_what_was_not_is_kept(
    told: Telling,
) -> None:
    database = told.ws.workspace.database
    assert await database.read(feed_positions.lowest) is None
    await told.webhook()
    # What happens from now on stays in the feed until it was read.
    assert await database.read(feed_positions.lowest) is not None
    await finish(told.ws)
    await told.look()
    await finish(told.ws)
    told.receiver.answer = Answer(500)
    await told.look()
    told.ws.clock.move(days=31)
    told.ws.workspace.policies.confirm()
    await told.ws.jobs["upkeep"].run(told.lease)
    assert [state(d) for d in await deliveries(told.ws)] == ["PENDING"]


async def test_two_secrets_sign_while_receivers_change_over(told: Telling) -> None:
    await told.webhook()
    old = await rotate(told.ws)
    new = await rotate(told.ws, retain_s=3600)
    assert old != new
    await finish(told.ws)
    await told.look()
    assert told.receiver.got[0].is_signed_with(old)
    assert told.receiver.got[0].is_signed_with(new)
    told.ws.clock.move(hours=1)
    told.ws.workspace.policies.confirm()
    await finish(told.ws)
    await told.look()
    assert not told.receiver.got[1].is_signed_with(old)
    assert told.receiver.got[1].is_signed_with(new)
    newest = await rotate(told.ws)
    await finish(told.ws)
    await told.look()
    assert not told.receiver.got[2].is_signed_with(new)
    assert told.receiver.got[2].is_signed_with(newest)


async def test_slack_gets_a_message_that_says_why_and_calls_nobody(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with telling(tmp_path, sqlite_url, browser_url="https://weft.example/ui/") as told:
        await told.webhook(kind=SLACK, types=["run.alert"])
        run = await told.ws.create_run(display_name="nightly <!channel>")
        await told.ws.alerters().SendRunAlert(Send(run=run.name, text="<!here> & drift"))
        assert await told.look() == 1
        (received,) = told.receiver.got
        assert "webhook-signature" not in received.headers
        said = received.json
        section, context = said["blocks"]
        assert section["text"]["text"] == (
            "📣 *nightly &lt;!channel&gt; of train says*\n&lt;!here&gt; &amp; drift"
        )
        assert f"<https://weft.example/ui/{run.name}|open>" in context["elements"][0]["text"]
        assert said["text"].endswith("says: &lt;!here&gt; &amp; drift")


async def test_a_sample_says_what_the_target_said_and_is_kept_nowhere(told: Telling) -> None:
    await told.webhook()
    secret = await rotate(told.ws)
    tested = await told.ws.alerters().TestAlerter(Sample(name=OPS))
    assert (tested.delivered, tested.attempt.status_code) == (True, 200)
    (received,) = told.receiver.got
    assert received.json["type"] == "alerter.test"
    assert UUID(received.id)
    assert received.is_signed_with(secret)
    echo = json.dumps({"url": told.receiver.url, "path": received.path, "key": secret})
    told.receiver.answer = Answer(400, body=echo.encode() + b"\0\x1b[31m")
    tested = await told.ws.alerters().TestAlerter(Sample(name=OPS))
    assert (tested.delivered, tested.attempt.error) == (False, "It answered 400.")
    for part in ("T0P-S3CRET", "s3cr3t-t0ken", secret, "\0", "\x1b"):
        assert part not in tested.attempt.response
    assert await deliveries(told.ws) == []


async def test_a_run_says_something_to_those_who_listen(told: Telling) -> None:
    await told.webhook(types=["run.alert"], filter='labels.team="risk"')
    await told.webhook("named", types=["run.failed"])
    run = await told.ws.create_run(labels={"team": "risk"})
    token = await told.ws.run_token(run.name)
    alerters = told.ws.alerters(token)
    request = Send(run=run.name, text="It drifts.", step_id="fit", request_id=str(UUID(int=7)))
    sent = await alerters.SendRunAlert(request)
    assert await alerters.SendRunAlert(request) == sent
    assert [name.rpartition("/deliveries/")[0] for name in sent.deliveries] == [OPS]
    told.ws.clock.move(seconds=1)
    named = Send(run=run.name, text="To you.", alerter=f"{DEMO}/alerters/named")
    assert len((await alerters.SendRunAlert(named)).deliveries) == 1
    assert await told.look() == 2
    said = {received.json["reason"]: received.json for received in told.receiver.got}
    assert set(said) == {"It drifts.", "To you."}
    assert said["It drifts."]["resource"]["step"] == f"{run.name}/steps/fit"
    assert said["It drifts."]["actor"].startswith(run.name)
    other = await told.ws.create_run()
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await alerters.SendRunAlert(Send(run=other.name, text="Not mine."))
    assert (await told.ws.alerters().SendRunAlert(Send(run=other.name, text="?"))).deliveries == []
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await alerters.SendRunAlert(Send(run=run.name, text="?", alerter=f"{DEMO}/alerters/absent"))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await alerters.SendRunAlert(
            Send(run=run.name, text="?", alerter="projects/other/alerters/ops")
        )
    for _ in range(58):
        told.ws.clock.move(seconds=1)
        await alerters.SendRunAlert(Send(run=run.name, text="Again."))
    async with refused("RESOURCE_EXHAUSTED", "TOO_MANY_ALERTS"):
        await alerters.SendRunAlert(Send(run=run.name, text="Too much."))


async def test_secrets_are_in_no_event_audit_row_reply_or_table(
    tmp_path: Path, sqlite_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async with telling(tmp_path, sqlite_url) as told:
        await told.webhook(request_id=str(UUID(int=3)))
        secret = await rotate(told.ws, retain_s=60)
        run = await told.ws.create_run(parameters={"password": "pa55-w0rd"})
        await finish(told.ws, parameters={"password": "pa55-w0rd"})
        told.receiver.answer = Answer(500, body=told.receiver.url.encode() + secret.encode())
        await told.look()
        await told.ws.alerters().SendRunAlert(Send(run=run.name, text="?"))
        shown = str(await get(told.ws)) + str(await deliveries(told.ws))
        assert "pa55-w0rd" not in told.receiver.got[0].body.decode()
        assert (await get(told.ws)).origin == f"http://127.0.0.1:{told.receiver.port}"
    path = sqlite_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        stored = "\n".join(connection.iterdump())
    logged = "".join(capfd.readouterr())
    for hidden in (secret, "T0P-S3CRET", "s3cr3t-t0ken"):
        assert hidden not in stored
        assert hidden.encode().hex().upper() not in stored.upper()
        assert hidden not in shown + logged
