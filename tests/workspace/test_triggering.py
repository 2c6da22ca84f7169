"""What triggers do: runs that follow from runs, models and artifacts, once each."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.feed import StoredEvent
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import (
    ADMIN,
    DEMO_EDITOR,
    FakeClock,
    Harness,
    policy,
    spec_step,
    workspace,
)
from tests.workspace.modeling import FRAUD, PRODUCTION, move, new_artifact, new_model, new_version
from tests.workspace.triggering import (
    DEMO,
    FOLLOW,
    Occurrence,
    change,
    end,
    finish,
    new_trigger,
    run_ends,
    settled,
    short,
)
from weftapi.workspace.v1 import (
    events_pb2,
    run_types_pb2,
    runs_pb2,
    snapshot_types_pb2,
    snapshots_pb2,
    triggers_pb2,
)
from workspace.operations.references import UnknownReferenceError, fill, references
from workspace.store.schema_triggers import Trigger
from workspace.triggering.reactor import firing_of, shown_of


@pytest.fixture
async def ws(tmp_path: Path, database_url: str) -> AsyncIterator[Harness]:
    async with workspace(tmp_path, database_url, managers=FakeManager()) as harness:
        await harness.create_project()
        yield harness


async def run_of(ws: Harness, name: str) -> run_types_pb2.Run:
    return await ws.runs().GetRun(runs_pb2.GetRunRequest(name=name))


async def new_pipeline(ws: Harness) -> str:
    """A snapshot of another pipeline than "train"."""
    spec = snapshot_types_pb2.PipelineSpec(steps=[spec_step("load")])
    snapshot = snapshot_types_pb2.Snapshot(pipeline=f"{DEMO}/pipelines/other", spec=spec)
    request = snapshots_pb2.CreateSnapshotRequest(parent=DEMO, snapshot=snapshot)
    return str((await ws.snapshots().CreateSnapshot(request)).name)


async def test_a_run_that_succeeds_starts_another(ws: Harness) -> None:
    trigger = await new_trigger(
        ws, parameters={"source": "{{event.name}}", "team": "{{event.resource.labels.team}}"}
    )
    cause = await finish(ws, labels={"team": "risk"})
    (firing,) = await settled(ws)
    assert (short(firing), firing.cause, firing.reason) == ("FIRED", cause.name, "")
    run = await run_of(ws, firing.run)
    assert run.trigger == run_types_pb2.RUN_TRIGGER_EVENT
    assert (run.started_by, run.cause, run.creator) == (FOLLOW, cause.name, ADMIN)
    assert run.snapshot == trigger.snapshot
    assert dict(run.parameters) == {"source": cause.name, "team": "risk"}
    shown = await ws.triggers().GetTrigger(triggers_pb2.GetTriggerRequest(name=FOLLOW))
    assert (shown.last_firing.run, shown.etag) == (run.name, trigger.etag)
    listed = await ws.runs().ListRuns(runs_pb2.ListRunsRequest(parent=DEMO, filter="trigger=EVENT"))
    assert [listed_run.name for listed_run in listed.runs] == [run.name]


async def test_a_trigger_of_a_template_runs_what_is_published_by_then(ws: Harness) -> None:
    first, second = await ws.create_snapshot(), await ws.create_snapshot()
    await publish(ws, first.name)
    await new_trigger(ws, snapshot="", template="nightly")
    await finish(ws)
    (firing,) = await settled(ws)
    assert (await run_of(ws, firing.run)).snapshot == first.name
    await publish(ws, second.name, move=True)
    await finish(ws)
    _, firing = await settled(ws, 2)
    assert (await run_of(ws, firing.run)).snapshot == second.name


async def publish(ws: Harness, snapshot: str, template: str = "nightly", **fields: bool) -> None:
    await ws.snapshots().PublishSnapshot(
        snapshots_pb2.PublishSnapshotRequest(name=snapshot, template=template, **fields)
    )


async def test_only_what_is_waited_for_counts(ws: Harness) -> None:
    await finish(ws)
    await new_trigger(ws, occurrence=run_ends("FAILED", pipeline=f"{DEMO}/pipelines/train"))
    await finish(ws)
    other = await new_pipeline(ws)
    await finish(ws, "FAILED", snapshot=other)
    failed = await finish(ws, "FAILED")
    (firing,) = await settled(ws)
    assert firing.cause == failed.name


async def test_versions_of_models_and_artifacts_start_runs(ws: Harness) -> None:
    snapshot = (await ws.create_snapshot()).name
    in_use = Occurrence(model={"model": FRAUD, "stages": [PRODUCTION]})
    made = Occurrence(model={"model": FRAUD})
    data = Occurrence(artifact={"artifact": f"{DEMO}/artifacts/weights"})
    for id_, occurrence in (("in-use", in_use), ("made", made), ("data", data)):
        await new_trigger(ws, id_, snapshot=snapshot, occurrence=occurrence)
    await new_model(ws)
    version = await new_version(ws)
    await move(ws, version.number, PRODUCTION)
    weights = await new_artifact(ws)
    await new_artifact(ws, "weights-of-others")
    for id_, cause in (("in-use", version.name), ("made", version.name), ("data", weights)):
        (firing,) = await settled(ws, parent=f"{DEMO}/triggers/{id_}")
        assert (short(firing), firing.cause) == ("FIRED", cause)


async def test_a_trigger_does_not_follow_itself_through_others(ws: Harness) -> None:
    snapshot = (await ws.create_snapshot()).name
    await new_trigger(ws, "ping", snapshot=snapshot)
    await finish(ws)
    (first,) = await settled(ws, parent=f"{DEMO}/triggers/ping")
    await new_trigger(ws, "pong", snapshot=snapshot)
    await end(ws, first.run)
    _, again = await settled(ws, 2, parent=f"{DEMO}/triggers/ping")
    assert short(again) == "SKIPPED"
    assert "among the causes" in again.reason
    (other,) = await settled(ws, parent=f"{DEMO}/triggers/pong")
    assert short(other) == "FIRED"
    # The run of "pong" has both behind it, so neither follows.
    await end(ws, other.run)
    *_, ping = await settled(ws, 3, parent=f"{DEMO}/triggers/ping")
    *_, pong = await settled(ws, 2, parent=f"{DEMO}/triggers/pong")
    assert [short(ping), short(pong)] == ["SKIPPED", "SKIPPED"]


async def test_a_paused_trigger_does_nothing_and_does_not_catch_up(ws: Harness) -> None:
    await new_trigger(ws, paused=True)
    await finish(ws)
    await change(ws, "paused", paused=False)
    later = await finish(ws)
    (firing,) = await settled(ws)
    assert firing.cause == later.name


async def test_it_acts_with_the_rights_that_its_person_has_by_then(ws: Harness) -> None:
    await new_trigger(ws, token=ws.token(DEMO_EDITOR))
    left = policy(revision=2)
    kept = [grant for grant in left.grants if grant.subject != DEMO_EDITOR]
    del left.grants[:]
    left.grants.extend(kept)
    ws.apply_policy(left)
    await finish(ws)
    (firing,) = await settled(ws)
    assert short(firing) == "SKIPPED"
    assert f"{DEMO_EDITOR}, for whom the trigger acts" in firing.reason
    # Somebody who may takes it over.
    assert (await change(ws, "parameters", parameters={"rate": 1})).runs_as == ADMIN
    await finish(ws)
    _, firing = await settled(ws, 2)
    assert short(firing) == "FIRED"


async def test_what_cannot_run_is_told_with_its_reason(ws: Harness) -> None:
    snapshot = (await ws.create_snapshot(code=False)).name
    await new_trigger(ws, snapshot=snapshot)
    await new_trigger(ws, "refer", parameters={"who": "{{event.resource.labels.nobody}}"})
    await finish(ws)
    (firing,) = await settled(ws)
    assert short(firing) == "FAILED"
    assert "has no code" in firing.reason
    (firing,) = await settled(ws, parent=f"{DEMO}/triggers/refer")
    assert firing.reason == "There is no event.resource.labels.nobody in what happened."
    listed = await ws.triggers().ListTriggerFirings(
        triggers_pb2.ListTriggerFiringsRequest(parent=f"{DEMO}/triggers/-", filter="state=FAILED")
    )
    assert len(listed.firings) == 2


async def test_firings_wait_while_nobody_can_say_who_may_what(
    tmp_path: Path, database_url: str
) -> None:
    clock = FakeClock()
    async with workspace(tmp_path, database_url, managers=FakeManager(), clock=clock) as ws:
        await ws.create_project()
        await new_trigger(ws)
        cause = await ws.create_run()
        token = await ws.run_token(cause.name)
        clock.move(hours=25)
        runner = await ws.run_token(cause.name)
        assert token != runner
        await end(ws, cause.name)
        ws.apply_policy(policy(revision=3))
        (firing,) = await settled(ws)
        assert short(firing) == "FIRED"


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_what_refers_to_nothing_stays_as_it_is(value: object) -> None:
    if not references(value):
        assert fill(value, {}) == value


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text(), min_size=1))
def test_a_reference_becomes_the_very_value(known: dict[str, str]) -> None:
    for name, value in known.items():
        # What stands in the event is never looked at again, whatever it looks like.
        assert fill([{"x": f"{{{{event.{name}}}}}"}], {"event": known}) == [{"x": value}]
    with pytest.raises(UnknownReferenceError, match=r"There is no event\.ABSENT"):
        fill("{{ event.ABSENT }}", {"event": known})


def test_an_event_fires_a_trigger_once_however_often_it_is_read() -> None:
    now = FakeClock().now()
    occurrence = {"run": {"states": ["RUN_STATE_SUCCEEDED"]}}
    trigger = Trigger(UUID(int=1), "demo", "t", "", "", "s", "", "", now, now, now)
    trigger.occurrence = occurrence
    ended = events_pb2.Event(resource_type="weft.dev/Run", transition={"to": "SUCCEEDED"})
    message = ended.SerializeToString()
    run = ("demo", "weft.dev/Run", f"{DEMO}/runs/r", "", "UPDATED", message)
    firings = [
        firing_of(trigger, shown_of(StoredEvent(7, index, now, *run))) for index in (0, 0, 1)
    ]
    first, again, other = (firing.uid for firing in firings if firing)
    assert first == again != other
