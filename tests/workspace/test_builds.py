"""Builds, and the pipelines that they and snapshots belong to."""

from typing import Any
from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask

from meshkit.session import Session
from tests.workspace.harness import VIEWER, Harness, refused
from weftapi.workspace.v1 import builds_pb2, pipelines_pb2
from workspace.store import builds as store

TRAIN = "projects/demo/pipelines/train"
DIGEST = f"sha256:{'b' * 64}"
IMAGE = builds_pb2.BuildImage(uri="registry.example.com/train:1", digest=DIGEST)


def new(checksum: str = "a" * 64, build_id: str = "", **fields: Any) -> Any:
    build = builds_pb2.Build(**{"pipeline": TRAIN, "checksum": checksum, "image": IMAGE, **fields})
    return builds_pb2.CreateBuildRequest(parent="projects/demo", build_id=build_id, build=build)


async def found(ws: Harness, filter_: str) -> list[str]:
    listed = await ws.builds().ListBuilds(
        builds_pb2.ListBuildsRequest(parent="projects/demo", filter=filter_)
    )
    return [build.name for build in listed.builds]


async def test_a_build_is_found_again_by_what_it_was_made_of(ws: Harness) -> None:
    stub = ws.builds()
    first = await stub.CreateBuild(new(labels={"team": "a"}, step_images={"fit": IMAGE}))
    assert first.image.digest == DIGEST
    assert await stub.GetBuild(builds_pb2.GetBuildRequest(name=first.name)) == first
    other = await stub.CreateBuild(new("c" * 64))
    again = await stub.CreateBuild(new())
    assert await found(ws, f'checksum = "{"a" * 64}"') == [again.name, first.name]
    assert await found(ws, f'checksum = "{"c" * 64}" pipeline = train') == [other.name]
    assert await found(ws, "pipeline = other") == []


async def test_steps_alone_may_have_images(ws: Harness) -> None:
    made = await ws.builds().CreateBuild(new(image=None, step_images={"fit": IMAGE}))
    assert not made.HasField("image")
    assert await ws.builds().GetBuild(builds_pb2.GetBuildRequest(name=made.name)) == made

    def images(session: Session) -> list[str]:
        build = made.name.rpartition("/")[2]
        return [store.image_of(session, "demo", build, step) for step in ("fit", "")]

    assert await ws.workspace.database.read(images) == [f"{IMAGE.uri}@{IMAGE.digest}", ""]


async def test_what_is_no_build_is_refused(ws: Harness) -> None:
    stub = ws.builds()
    await stub.CreateBuild(new(build_id="b1"))
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await stub.CreateBuild(new(build_id="b1"))
    image = builds_pb2.BuildImage(uri="r/i:1", digest="latest")
    for broken in (
        new("short"),
        new(image=None),
        new(image=image),
        new(step_images={"fit": image}),
        new(pipeline=""),
        new(pipeline="projects/other/pipelines/train"),
        new(build_id="../b"),
    ):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await stub.CreateBuild(broken)
    elsewhere = new(pipeline="projects/other/pipelines/train")
    elsewhere.parent = "projects/other"
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.CreateBuild(elsewhere)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.GetBuild(builds_pb2.GetBuildRequest(name="projects/demo/builds/absent"))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.ListBuilds(builds_pb2.ListBuildsRequest(parent="projects/absent"))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.builds(ws.token(VIEWER)).CreateBuild(new())


async def test_a_repeated_request_makes_one_build(ws: Harness) -> None:
    request = new()
    request.request_id = str(uuid4())
    first = await ws.builds().CreateBuild(request)
    assert await ws.builds().CreateBuild(request) == first
    assert await found(ws, "") == [first.name]


async def test_a_build_that_a_snapshot_uses_stays(ws: Harness) -> None:
    stub = ws.builds()
    build, unused = await stub.CreateBuild(new()), await stub.CreateBuild(new())
    snapshot = await ws.create_snapshot(build=build.name)
    assert snapshot.build == build.name
    async with (used := refused("FAILED_PRECONDITION", "RESOURCE_IN_USE")):
        await stub.DeleteBuild(builds_pb2.DeleteBuildRequest(name=build.name))
    assert used.error
    assert used.error.metadata["dependents"] == snapshot.name
    await stub.DeleteBuild(builds_pb2.DeleteBuildRequest(name=unused.name))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.DeleteBuild(builds_pb2.DeleteBuildRequest(name=unused.name))


async def test_people_say_what_a_pipeline_is_for(ws: Harness) -> None:
    stub = ws.pipelines()
    await ws.create_run()
    made = await stub.GetPipeline(pipelines_pb2.GetPipelineRequest(name=TRAIN))

    def update(*paths: str, **fields: Any) -> Any:
        changed = pipelines_pb2.Pipeline(name=TRAIN, **fields)
        mask = FieldMask(paths=paths)
        return pipelines_pb2.UpdatePipelineRequest(pipeline=changed, update_mask=mask)

    request = update(display_name="Training", labels={"team": "a"}, etag=made.etag)
    request.request_id = str(uuid4())
    changed = await stub.UpdatePipeline(request)
    assert (changed.display_name, dict(changed.labels)) == ("Training", {"team": "a"})
    assert await stub.UpdatePipeline(request) == changed
    assert await stub.GetPipeline(pipelines_pb2.GetPipelineRequest(name=TRAIN)) == changed
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await stub.UpdatePipeline(update(description="x", etag=made.etag))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await stub.UpdatePipeline(update("creator"))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await stub.UpdatePipeline(update(display_name="x" * 129))
    absent = pipelines_pb2.Pipeline(name="projects/demo/pipelines/absent", description="x")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.UpdatePipeline(pipelines_pb2.UpdatePipelineRequest(pipeline=absent))


async def test_a_pipeline_that_something_belongs_to_stays(ws: Harness) -> None:
    stub = ws.pipelines()
    build = await ws.builds().CreateBuild(new())
    run = await ws.create_run()
    request = pipelines_pb2.DeletePipelineRequest(name=TRAIN)
    async with (used := refused("FAILED_PRECONDITION", "RESOURCE_IN_USE")):
        await stub.DeletePipeline(request)
    assert used.error
    assert used.error.metadata["dependents"] == f"{run.name},{build.name}"
    empty = await ws.builds().CreateBuild(new(pipeline="projects/demo/pipelines/empty"))
    await ws.builds().DeleteBuild(builds_pb2.DeleteBuildRequest(name=empty.name))
    request = pipelines_pb2.DeletePipelineRequest(name=empty.pipeline)
    await stub.DeletePipeline(request)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.DeletePipeline(request)
