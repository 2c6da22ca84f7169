"""Snapshots as people keep them: named, published, validated, run with settings of their own."""

from typing import Any
from uuid import uuid4

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import MessageToDict

from tests.workspace.harness import VIEWER, Harness, refused, spec_step
from weftapi.workspace.v1 import (
    events_pb2,
    runs_pb2,
    snapshot_types_pb2,
    snapshots_pb2,
    step_settings_pb2,
)

pb = snapshots_pb2
SCHEMA = {
    "type": "object",
    "properties": {"rate": {"type": "number", "minimum": 0}, "name": {"type": "string"}},
    "required": ["rate", "name"],
    "additionalProperties": False,
}
ABSENT = "projects/demo/snapshots/absent"


def update(
    snapshot: snapshot_types_pb2.Snapshot, *paths: str, **fields: Any
) -> pb.UpdateSnapshotRequest:
    new = snapshot_types_pb2.Snapshot(name=snapshot.name, **fields)
    return pb.UpdateSnapshotRequest(snapshot=new, update_mask=FieldMask(paths=paths))


async def get(ws: Harness, name: str) -> snapshot_types_pb2.Snapshot:
    return await ws.snapshots().GetSnapshot(pb.GetSnapshotRequest(name=name))


async def publish(
    ws: Harness, name: str, template: str, **fields: Any
) -> snapshot_types_pb2.Snapshot:
    request = pb.PublishSnapshotRequest(name=name, template=template, **fields)
    return await ws.snapshots().PublishSnapshot(request)


async def test_snapshots_are_found_by_their_labels(ws: Harness) -> None:
    mine = await ws.create_snapshot(labels={"team": "vision", "tier": "gold"})
    await ws.create_snapshot(labels={"team": "speech"})
    await ws.create_snapshot()
    for text, found in (
        ("labels.team = vision", [mine.name]),
        ("labels.team = vision labels.tier = lead", []),
        ("labels.tier:*", [mine.name]),
    ):
        listed = await ws.snapshots().ListSnapshots(
            pb.ListSnapshotsRequest(parent="projects/demo", filter=text)
        )
        assert [snapshot.name for snapshot in listed.snapshots] == found, text


async def templates(ws: Harness, name: str) -> list[str]:
    listed = await ws.snapshots().ListSnapshots(
        pb.ListSnapshotsRequest(parent="projects/demo", filter=f'template = "{name}"')
    )
    return [snapshot.name for snapshot in listed.snapshots]


async def test_people_say_what_a_snapshot_is_for(ws: Harness) -> None:
    made = await ws.create_snapshot(display_name="First", labels={"team": "a"})
    request = update(
        made, "description", "labels", description="Nightly", labels={"team": "b"}, etag=made.etag
    )
    changed = await ws.snapshots().UpdateSnapshot(request)
    assert (changed.display_name, changed.description) == ("First", "Nightly")
    assert (dict(changed.labels), changed.spec) == ({"team": "b"}, made.spec)
    assert changed.etag != made.etag
    assert changed.revision > made.revision
    assert await get(ws, made.name) == changed
    # Saying the same again is no change.
    again = await ws.snapshots().UpdateSnapshot(update(made, "description", description="Nightly"))
    assert again == changed
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.snapshots().UpdateSnapshot(request)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.snapshots().UpdateSnapshot(update(made, "colour"))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.snapshots().UpdateSnapshot(update(made, "spec", spec=made.spec))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.snapshots().UpdateSnapshot(update(made, description="x" * 4097))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.snapshots().UpdateSnapshot(
            update(snapshot_types_pb2.Snapshot(name=ABSENT), description="x")
        )


async def test_a_change_that_is_asked_for_twice_happens_once(ws: Harness) -> None:
    made = await ws.create_snapshot()
    request = update(made, "description", description="once")
    request.request_id = str(uuid4())
    first = await ws.snapshots().UpdateSnapshot(request)
    assert await ws.snapshots().UpdateSnapshot(request) == first
    request.snapshot.description = "other"
    async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
        await ws.snapshots().UpdateSnapshot(request)


async def test_a_template_is_a_name_that_one_snapshot_of_a_project_holds(ws: Harness) -> None:
    old, new = await ws.create_snapshot(), await ws.create_snapshot()
    published = await publish(ws, old.name, "nightly")
    assert published.template == "nightly"
    assert await publish(ws, old.name, "nightly") == published
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await publish(ws, new.name, "nightly")
    moved = await publish(ws, new.name, "nightly", move=True)
    assert moved.template == "nightly"
    assert not (await get(ws, old.name)).template
    assert await templates(ws, "nightly") == [new.name]
    # It has one name at most, and gives the other back.
    await publish(ws, new.name, "hourly")
    assert await templates(ws, "nightly") == []
    await publish(ws, old.name, "nightly")
    await ws.create_project("other")
    elsewhere = await ws.create_snapshot(project="other")
    assert (await publish(ws, elsewhere.name, "nightly")).template == "nightly"


async def test_a_template_is_taken_back(ws: Harness) -> None:
    made = await ws.create_snapshot()
    stub, request = ws.snapshots(), pb.UnpublishSnapshotRequest(name=made.name)
    published = await publish(ws, made.name, "nightly", etag=made.etag)
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await publish(ws, made.name, "hourly", etag=made.etag)
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await stub.UnpublishSnapshot(pb.UnpublishSnapshotRequest(name=made.name, etag=made.etag))
    bare = await stub.UnpublishSnapshot(request)
    assert not bare.template
    assert bare.etag != published.etag
    assert await stub.UnpublishSnapshot(request) == bare
    for hostile in ("Nightly", "a/b", "../x", "a" * 64, "a:b"):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await publish(ws, made.name, hostile)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await publish(ws, ABSENT, "nightly")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.UnpublishSnapshot(pb.UnpublishSnapshotRequest(name=ABSENT))


async def test_a_snapshot_that_is_used_stays(ws: Harness) -> None:
    made = await ws.create_snapshot()
    stub, request = ws.snapshots(), pb.DeleteSnapshotRequest(name=made.name)
    run = await ws.create_run(snapshot=made.name)
    await publish(ws, made.name, "nightly")
    async with (used := refused("FAILED_PRECONDITION", "RESOURCE_IN_USE")):
        await stub.DeleteSnapshot(request)
    assert used.error
    assert used.error.metadata["dependents"] == f"template nightly,{run.name}"
    unused = await ws.create_snapshot()
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await stub.DeleteSnapshot(pb.DeleteSnapshotRequest(name=unused.name, etag="x"))
    await stub.DeleteSnapshot(pb.DeleteSnapshotRequest(name=unused.name, etag=unused.etag))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await get(ws, unused.name)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.DeleteSnapshot(pb.DeleteSnapshotRequest(name=unused.name))


async def test_watchers_see_what_becomes_of_a_snapshot(ws: Harness) -> None:
    made = await ws.create_snapshot()
    await publish(ws, made.name, "nightly")
    await ws.snapshots().UnpublishSnapshot(pb.UnpublishSnapshotRequest(name=made.name))
    await ws.snapshots().DeleteSnapshot(pb.DeleteSnapshotRequest(name=made.name))
    listed = await ws.events().ListEvents(
        events_pb2.ListEventsRequest(parent="projects/demo", resource_types=["weft.dev/Snapshot"])
    )
    kinds = [events_pb2.EventType.Name(e.type).removeprefix("EVENT_TYPE_") for e in listed.events]
    assert kinds == ["CREATED", "UPDATED", "UPDATED", "DELETED"]
    assert [e.snapshot.template for e in listed.events] == ["", "nightly", "", ""]


async def test_a_form_learns_what_to_ask_for(ws: Harness) -> None:
    stub = ws.snapshots()
    made = await ws.create_snapshot(parameters_schema=SCHEMA, spec={"parameters": {"rate": 0.5}})
    answer = await stub.GetSnapshotParameterSchema(
        pb.GetSnapshotParameterSchemaRequest(name=made.name)
    )
    schema = MessageToDict(answer.schema)
    assert schema["properties"]["rate"] == {"type": "number", "minimum": 0, "default": 0.5}
    # What has a default need not be given.
    assert schema["required"] == ["name"]
    bare = await ws.create_snapshot(spec={"parameters": {"depth": 3}})
    answer = await stub.GetSnapshotParameterSchema(
        pb.GetSnapshotParameterSchemaRequest(name=bare.name)
    )
    assert MessageToDict(answer.schema)["properties"] == {"depth": {"default": 3}}
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.GetSnapshotParameterSchema(pb.GetSnapshotParameterSchemaRequest(name=ABSENT))


async def test_a_dry_run_says_everything_at_once(ws: Harness) -> None:
    made = await ws.create_snapshot(
        code=False, parameters_schema=SCHEMA, spec={"parameters": {"name": "x"}}
    )
    request = pb.ValidateSnapshotRunRequest(
        name=made.name,
        parameters={"rate": -1, "colour": "red"},
        step_settings={
            "paint": step_settings_pb2.StepSettings(),
            "fit": step_settings_pb2.StepSettings(environment={"WEFT_RUN": "x", "SEED": "1"}),
        },
        stack="stacks/absent",
    )
    answer = await ws.snapshots().ValidateSnapshotRun(request)
    assert sorted((problem.reason, problem.field) for problem in answer.problems) == [
        ("INVALID_FIELDS", "step_settings.fit.environment.WEFT_RUN"),
        ("INVALID_FIELDS", "step_settings.paint"),
        ("INVALID_PARAMETERS", "parameters.colour"),
        ("INVALID_PARAMETERS", "parameters.rate"),
        ("NO_WORKLOAD_MANAGER", ""),
        ("RESOURCE_NOT_FOUND", ""),
        ("SNAPSHOT_WITHOUT_CODE", ""),
    ]
    assert all(problem.message for problem in answer.problems)
    listed = await ws.runs().ListRuns(runs_pb2.ListRunsRequest(parent="projects/demo"))
    assert not listed.runs
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.snapshots().ValidateSnapshotRun(pb.ValidateSnapshotRunRequest(name=ABSENT))


async def test_a_snapshot_needs_a_build_of_its_own_project(ws: Harness) -> None:
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.create_snapshot(spec_step("load"), build="projects/demo/builds/absent")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.create_snapshot(spec_step("load"), build="projects/other/builds/b")


async def prune(ws: Harness, token: str | None = None, **fields: Any) -> Any:
    request = pb.PruneSnapshotsRequest(parent="projects/demo", minimum_age=Duration(), **fields)
    return await ws.snapshots(token).PruneSnapshots(request)


async def test_prune_takes_what_nothing_uses_page_by_page(ws: Harness) -> None:
    ran, published, labelled, *plain = [
        (await ws.create_snapshot(labels={"keep": "me"} if number == 2 else {})).name
        for number in range(6)
    ]
    await ws.create_run(snapshot=ran)
    await publish(ws, published, "nightly")
    young = pb.PruneSnapshotsRequest(parent="projects/demo")
    assert not (await ws.snapshots().PruneSnapshots(young)).snapshots
    tried = await prune(ws, validate_only=True)
    assert [s.name for s in tried.snapshots] == plain
    found, token, pages = [], "", 0
    while token or not pages:
        page = await prune(ws, page_size=2, page_token=token)
        found += [s.name for s in page.snapshots]
        token, pages = page.next_page_token, pages + 1
    assert (found, pages) == (plain, 3)
    assert not (await prune(ws)).snapshots
    for kept in (ran, published, labelled):
        await get(ws, kept)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await get(ws, plain[0])
    async with refused("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN"):
        await prune(ws, page_token="x")
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await prune(ws, ws.token(VIEWER))
