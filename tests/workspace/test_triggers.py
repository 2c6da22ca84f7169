"""TriggerService: what is kept of triggers, and who may keep it."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from tests.cases import on_one_server
from tests.workspace.harness import ADMIN, EDITOR, VIEWER, Harness, policy, refused, workspace
from tests.workspace.triggering import (
    DEMO,
    FOLLOW,
    Occurrence,
    change,
    finish,
    new_trigger,
    run_ends,
    settled,
)
from weftapi.workspace.v1 import (
    events_pb2,
    projects_pb2,
    run_types_pb2,
    snapshots_pb2,
    triggers_pb2,
)

Get, List, Delete = (
    triggers_pb2.GetTriggerRequest,
    triggers_pb2.ListTriggersRequest,
    triggers_pb2.DeleteTriggerRequest,
)

OTHER_MODEL = "projects/other/models/m"


async def test_a_trigger_is_kept_as_it_was_given(ws: Harness) -> None:
    made = await new_trigger(
        ws,
        display_name="Follow",
        description="After each success.",
        labels={"team": "risk"},
        occurrence=run_ends("SUCCEEDED", "FAILED", pipeline=f"{DEMO}/pipelines/train"),
        parameters={"rate": 0.5, "from": "{{event.name}}"},
    )
    assert made.name == FOLLOW
    assert (made.creator, made.runs_as) == (ADMIN, ADMIN)
    assert [run_types_pb2.RunState.Name(state) for state in made.occurrence.run.states] == [
        "RUN_STATE_SUCCEEDED",
        "RUN_STATE_FAILED",
    ]
    assert await ws.triggers().GetTrigger(Get(name=FOLLOW)) == made
    listed = await ws.triggers().ListTriggers(List(parent=DEMO, filter="paused=false"))
    assert list(listed.triggers) == [made]
    by_snapshot = f'snapshot="{made.snapshot.rpartition("/")[2]}"'
    listed = await ws.triggers().ListTriggers(List(parent=DEMO, filter=by_snapshot))
    assert list(listed.triggers) == [made]


async def test_whoever_changes_what_it_does_is_who_it_acts_for(ws: Harness) -> None:
    made = await new_trigger(ws)
    editor = ws.token(EDITOR)
    named = await change(ws, "display_name", display_name="New", token=editor, etag=made.etag)
    assert (named.display_name, named.runs_as) == ("New", ADMIN)
    assert named.etag != made.etag
    paused = await change(ws, "paused", paused=True, token=editor)
    assert (paused.paused, paused.runs_as) == (True, ADMIN)
    resumed = await change(ws, "paused", paused=False, token=editor)
    assert (resumed.runs_as, resumed.creator) == (EDITOR, ADMIN)
    same = await change(ws, "paused", paused=False)
    assert same == resumed


async def test_its_changes_are_in_the_feed(ws: Harness) -> None:
    made = await new_trigger(ws)
    await change(ws, "paused", paused=True)
    await ws.triggers().DeleteTrigger(Delete(name=FOLLOW))
    listed = await ws.events().ListEvents(
        events_pb2.ListEventsRequest(
            parent=DEMO, after_revision=made.revision - 1, resource_types=["weft.dev/Trigger"]
        )
    )
    kinds = [events_pb2.EventType.Name(event.type) for event in listed.events]
    assert kinds == ["EVENT_TYPE_CREATED", "EVENT_TYPE_UPDATED", "EVENT_TYPE_DELETED"]
    assert list(listed.events[1].changed_fields) == ["paused"]


async def test_a_deleted_one_is_gone_with_what_it_did(ws: Harness) -> None:
    made = await new_trigger(ws)
    await finish(ws)
    await settled(ws)
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.triggers().DeleteTrigger(Delete(name=FOLLOW, etag="old"))
    await ws.triggers().DeleteTrigger(Delete(name=FOLLOW))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.triggers().GetTrigger(Get(name=FOLLOW))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.triggers().DeleteTrigger(Delete(name=FOLLOW))
    firings = triggers_pb2.ListTriggerFiringsRequest
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.triggers().ListTriggerFirings(firings(parent=FOLLOW))
    rest = await ws.triggers().ListTriggerFirings(firings(parent=f"{DEMO}/triggers/-"))
    assert not rest.firings
    again = await new_trigger(ws, snapshot=made.snapshot)
    assert again.uid != made.uid


async def test_asking_again_with_the_same_id_makes_one(ws: Harness) -> None:
    snapshot, request_id = (await ws.create_snapshot()).name, str(uuid4())
    first = await new_trigger(ws, snapshot=snapshot, request_id=request_id)
    assert await new_trigger(ws, snapshot=snapshot, request_id=request_id) == first
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await new_trigger(ws, snapshot=snapshot)
    async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
        await new_trigger(ws, "other", snapshot=snapshot, request_id=request_id)


@on_one_server(
    ("fields", "code"),
    [
        ({"snapshot": ""}, "INVALID_ARGUMENT"),
        ({"snapshot": f"{DEMO}/snapshots/none"}, "NOT_FOUND"),
        ({"snapshot": "projects/other/snapshots/s"}, "INVALID_ARGUMENT"),
        ({"snapshot": f"{DEMO}/runs/r"}, "INVALID_ARGUMENT"),
        ({"occurrence": Occurrence()}, "INVALID_ARGUMENT"),
        ({"occurrence": Occurrence(run={})}, "INVALID_ARGUMENT"),
        ({"occurrence": Occurrence(model={})}, "INVALID_ARGUMENT"),
        (
            {"occurrence": Occurrence(model={"model": "projects/other/models/m"})},
            "INVALID_ARGUMENT",
        ),
        ({"occurrence": run_ends(pipeline="projects/other/pipelines/p")}, "INVALID_ARGUMENT"),
        ({"display_name": "x" * 129}, "INVALID_ARGUMENT"),
        ({"description": "x" * 4097}, "INVALID_ARGUMENT"),
        ({"labels": {str(n): "" for n in range(65)}}, "INVALID_ARGUMENT"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    ws: Harness, fields: dict[str, Any], code: str
) -> None:
    reason = "INVALID_FIELDS" if code == "INVALID_ARGUMENT" else "RESOURCE_NOT_FOUND"
    async with refused(code, reason):
        await new_trigger(ws, **fields)
    assert not (await ws.triggers().ListTriggers(List(parent=DEMO))).triggers


@on_one_server("hostile", ["Follow", "a/b", "../x", "a" * 64, "", "-", "a\n"])
async def test_hostile_ids_are_refused(ws: Harness, hostile: str) -> None:
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await new_trigger(ws, hostile)


async def test_changes_that_cannot_be_are_refused(ws: Harness) -> None:
    await new_trigger(ws)
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await change(ws, "paused", paused=True, etag="old")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await change(ws, "nonsense")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await change(ws, "uid", uid=str(uuid4()))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await change(ws, "snapshot")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await change(ws, "occurrence")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await change(ws, "snapshot", snapshot=f"{DEMO}/snapshots/none")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await change(ws, "paused", name=f"{DEMO}/triggers/none", paused=True)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await change(ws, "paused", name="", paused=True)


async def test_nobody_has_a_trigger_do_what_they_may_not_do(ws: Harness) -> None:
    """Whoever may keep triggers, and not run snapshots, neither makes nor redirects one."""
    await new_trigger(ws)
    pushed = policy(revision=2)
    pushed.roles.add(role="keeper", permissions=["triggers.create", "triggers.update"])
    pushed.grants.add(subject=VIEWER, role="keeper", resource=DEMO)
    ws.apply_policy(pushed)
    viewer = ws.token(VIEWER)
    made = await new_trigger(ws, "own", snapshot=(await ws.create_snapshot()).name)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await new_trigger(ws, "mine", snapshot=made.snapshot, token=viewer)
    for path, fields in (
        ("snapshot", {"snapshot": made.snapshot}),
        ("parameters", {"parameters": {"rate": 1}}),
        ("paused", {"paused": False}),
    ):
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await change(ws, path, token=viewer, **fields)
    renamed = await change(ws, "display_name", display_name="Ours", token=viewer)
    assert renamed.runs_as == ADMIN


async def test_a_snapshot_that_a_trigger_runs_is_not_deleted(ws: Harness) -> None:
    made = await new_trigger(ws)
    request = snapshots_pb2.DeleteSnapshotRequest(name=made.snapshot)
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.snapshots().DeleteSnapshot(request)
    assert refusal.error
    assert refusal.error.metadata["dependents"] == FOLLOW


async def test_a_trigger_runs_a_snapshot_or_a_template(ws: Harness) -> None:
    snapshot = (await ws.create_snapshot()).name
    publish = snapshots_pb2.PublishSnapshotRequest
    await ws.snapshots().PublishSnapshot(publish(name=snapshot, template="nightly"))
    for fields, code, reason in (
        ({"snapshot": "", "template": "none"}, "NOT_FOUND", "RESOURCE_NOT_FOUND"),
        ({"snapshot": snapshot, "template": "nightly"}, "INVALID_ARGUMENT", "INVALID_FIELDS"),
        ({"snapshot": "", "template": "No"}, "INVALID_ARGUMENT", "INVALID_FIELDS"),
    ):
        async with refused(code, reason):
            await new_trigger(ws, **fields)
    made = await new_trigger(ws, snapshot="", template="nightly")
    assert (made.snapshot, made.template) == ("", "nightly")
    # A name that triggers run does not vanish; it may move.
    for call in (
        ws.snapshots().UnpublishSnapshot(snapshots_pb2.UnpublishSnapshotRequest(name=snapshot)),
        ws.snapshots().PublishSnapshot(publish(name=snapshot, template="weekly")),
    ):
        async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
            await call
        assert refusal.error
        assert refusal.error.metadata["dependents"] == FOLLOW
    changed = await change(ws, "snapshot", snapshot=snapshot, token=ws.token(EDITOR))
    assert (changed.snapshot, changed.template, changed.runs_as) == (snapshot, "", EDITOR)
    await ws.snapshots().UnpublishSnapshot(snapshots_pb2.UnpublishSnapshotRequest(name=snapshot))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await change(ws, "template", template="nightly")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await change(ws, "template")


async def test_nobody_runs_by_a_template_what_they_may_not_run(ws: Harness) -> None:
    snapshot = (await ws.create_snapshot()).name
    await ws.snapshots().PublishSnapshot(
        snapshots_pb2.PublishSnapshotRequest(name=snapshot, template="nightly")
    )
    await new_trigger(ws, snapshot=snapshot)
    pushed = policy(revision=2)
    pushed.roles.add(role="keeper", permissions=["triggers.create", "triggers.update"])
    pushed.grants.add(subject=VIEWER, role="keeper", resource=DEMO)
    ws.apply_policy(pushed)
    viewer = ws.token(VIEWER)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await new_trigger(ws, "mine", snapshot="", template="nightly", token=viewer)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await change(ws, "template", template="nightly", token=viewer)


async def test_a_project_with_triggers_is_not_deleted(ws: Harness) -> None:
    await new_trigger(ws)
    request = projects_pb2.DeleteProjectRequest(name=DEMO)
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.projects().DeleteProject(request)
    assert refusal.error
    assert "triggers" in refusal.error.metadata["dependents"]


async def test_lists_refuse_what_they_do_not_know(ws: Harness) -> None:
    for request, reason in (
        (List(parent=DEMO, filter="creator=me"), "INVALID_FILTER"),
        (List(parent=DEMO, order_by="paused"), "INVALID_ORDER"),
        (List(parent=DEMO, page_size=-1), "INVALID_FIELDS"),
    ):
        async with refused("INVALID_ARGUMENT", reason):
            await ws.triggers().ListTriggers(request)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.triggers().ListTriggers(List(parent="projects/none"))
    firings = triggers_pb2.ListTriggerFiringsRequest(parent="projects/demo/triggers/A")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.triggers().ListTriggerFirings(firings)


# What waits for a lock of another transaction, of this database.
_BLOCKED = sa.text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def until_blocked(ws: Harness, call: asyncio.Task[Any]) -> None:
    """Returns once somebody waits for a lock; fails where the call ends without."""
    blocked = 0
    while not blocked:
        assert not call.done(), f"nothing was waited for: {call.result()}"
        blocked = await ws.workspace.database.read(
            lambda session: session.connection().execute(_BLOCKED).scalar_one()
        )


@pytest.mark.parametrize("fate", ["gone", "moved"])
async def test_a_template_that_goes_away_at_the_same_moment_is_not_taken(
    tmp_path: Path, postgres_url: str, fate: str
) -> None:
    async with workspace(tmp_path, postgres_url) as ws:
        await ws.create_project()
        old, new = (await ws.create_snapshot()).name, (await ws.create_snapshot()).name
        publish = snapshots_pb2.PublishSnapshotRequest
        await ws.snapshots().PublishSnapshot(publish(name=old, template="nightly"))
        # What another replica does in its own transaction.
        other = await asyncpg.connect(postgres_url)
        async with other.transaction():
            change = "UPDATE snapshots SET template = $1 WHERE id = $2"
            await other.execute(change, None, old.rpartition("/")[2])
            if fate == "moved":
                await other.execute(change, "nightly", new.rpartition("/")[2])
            making = asyncio.create_task(new_trigger(ws, snapshot="", template="nightly"))
            await until_blocked(ws, making)
        await other.close()
        if fate == "moved":
            assert (await making).template == "nightly"
        else:
            async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
                await making
