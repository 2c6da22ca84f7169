"""Images that workloads build: from the intent in the database to runs in them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from tests.workspace.fakes import FakeError, FakeManager
from tests.workspace.harness import Harness, refused, workspace
from tests.workspace.stacks import new_component, new_stack
from weftapi.workloads.v1 import workloads_pb2
from weftapi.workspace.v1 import builds_pb2, run_types_pb2, runs_pb2, snapshots_pb2

BASE = f"registry.example.com/base/python:3.11@sha256:{'b' * 64}"
DIGEST = f"sha256:{'d' * 64}"
ROOT = "registry.example.com/team/weft"
STATE = builds_pb2.BuildState
RECIPE = builds_pb2.ImageRecipe(
    base=BASE, requirements=["click==8.1 --hash=sha256:00"], build_arguments={"A": "b"}
)


def image(tag: str = "weft-1", **fields: Any) -> builds_pb2.BuildImage:
    return builds_pb2.BuildImage(**{"uri": f"{ROOT}:{tag}", "recipe": RECIPE, **fields})


def request(*tags: str, **fields: Any) -> builds_pb2.CreateBuildRequest:
    first, *others = tags or ("weft-1",)
    build = builds_pb2.Build(
        pipeline="projects/demo/pipelines/train",
        checksum=hashlib.sha256(first.encode()).hexdigest(),
        image=image(first),
        step_images={f"step-{tag}": image(tag) for tag in others},
        stack="stacks/boxed",
    )
    build.MergeFrom(builds_pb2.Build(**fields))
    return builds_pb2.CreateBuildRequest(parent="projects/demo", build=build)


class World:
    """A workspace with a stack that builds, and its manager."""

    def __init__(self, ws: Harness, manager: FakeManager) -> None:
        self.ws = ws
        self.manager = manager

    async def set_up(self) -> None:
        await self.ws.create_project()
        secret = {"registry": "registry.example.com", "repository": "team/weft"}
        registry = await new_component(self.ws, "registry", "generic-container-registry", secret)
        builder = await new_component(self.ws, "builder", "in-cluster-image-builder")
        await new_stack(self.ws, "boxed", registry.name, builder.name)

    async def create(self, *tags: str) -> builds_pb2.Build:
        return await self.ws.builds().CreateBuild(request(*tags))

    async def run_with(self, build: builds_pb2.Build) -> run_types_pb2.Run:
        snapshot = await self.ws.create_snapshot(build=build.name)
        asked = snapshots_pb2.RunSnapshotRequest(name=snapshot.name)
        return await self.ws.snapshots().RunSnapshot(asked)

    async def submission(self, number: int) -> workloads_pb2.SubmitWorkloadRequest:
        """The workload that is submitted as this one, from 0."""
        async with asyncio.timeout(30):
            while len(self.manager.submissions) <= number:
                self.manager.submitted.clear()
                await self.manager.submitted.wait()
        return self.manager.submissions[number]

    async def until(self, build: builds_pb2.Build, state: int, words: str = "") -> builds_pb2.Build:
        async with asyncio.timeout(30):
            while True:
                found = await self.ws.builds().GetBuild(builds_pb2.GetBuildRequest(name=build.name))
                if found.state == state and words in found.state_reason:
                    return found
                await asyncio.sleep(0.05)

    async def told(self, run: run_types_pb2.Run, words: str) -> run_types_pb2.Run:
        """The run, as soon as it says so of itself, or ends."""
        asked = runs_pb2.WatchRunRequest(name=run.name, send_initial_state=True)
        async with asyncio.timeout(30):
            async for response in self.ws.runs().WatchRun(asked):
                for event in response.events:
                    if event.name == run.name and words in event.run.state_reason:
                        return event.run
        raise AssertionError(f"the watch ended before {words}")

    def end_well(self, workload: str, digest: str = DIGEST) -> None:
        name = f"workloads/{workload}"
        text = f"Successfully installed click\nweft-image {digest}\n"
        self.manager.said[name] = "".join(
            f"2026-11-22T18:00:00.0Z stdout F {line}\n" for line in text.splitlines()
        ).encode()
        self.manager.end(name, "SUCCEEDED")

    def end_badly(self, workload: str, words: str) -> None:
        name = f"workloads/{workload}"
        self.manager.said[name] = f"2026-11-22T18:00:00.0Z stderr F {words}\n".encode()
        self.manager.end(name, "FAILED", code=1, message="It ended with exit code 1.")


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    manager = FakeManager()
    manager.engine = "kubernetes"
    async with workspace(tmp_path, database_url, managers=manager, launch_interval_s=0.2) as ws:
        made = World(ws, manager)
        await made.set_up()
        yield made


async def test_a_run_waits_for_its_image_and_is_pinned_to_it(world: World) -> None:
    build = await world.create()
    assert (build.state, build.image.digest) == (STATE.BUILD_STATE_BUILDING, "")
    # What it is made of may say how an index is entered: nobody hears it.
    assert not build.image.HasField("recipe")
    run = await world.run_with(build)
    await world.told(run, f"building image {ROOT}:weft-1 ({build.name})")
    submission = await world.submission(0)
    workload = submission.workload
    assert workload.kind == workloads_pb2.WORKLOAD_KIND_BUILD
    assert (workload.image, workload.build, workload.run) == (BASE, build.name, "")
    assert "click" not in str(workload.args) + str(workload.env)
    world.manager.wait(f"workloads/{submission.workload_id}", "It waits for a node.")
    await world.told(run, "It waits for a node.")
    world.manager.run(f"workloads/{submission.workload_id}")
    world.end_well(submission.workload_id)
    made = await world.until(build, STATE.BUILD_STATE_SUCCEEDED)
    assert (made.image.digest, made.HasField("end_time")) == (DIGEST, True)
    runner = (await world.submission(1)).workload
    assert (runner.kind, runner.run) == (workloads_pb2.WORKLOAD_KIND_RUNNER, run.name)
    assert runner.image == f"{ROOT}:weft-1@{DIGEST}"


async def test_builds_of_the_same_content_share_one_workload(world: World) -> None:
    first = await world.create("weft-1", "weft-2")
    second = await world.create("weft-2")
    ids = {(await world.submission(n)).workload_id for n in range(3)}
    assert len(ids) == len(world.manager.workloads) == 2
    # One of them is not wanted any more; the image that the other waits for goes on being built.
    cancel = builds_pb2.CancelBuildRequest(name=first.name, request_id=str(uuid4()))
    cancelled = await world.ws.builds().CancelBuild(cancel)
    assert cancelled.state == STATE.BUILD_STATE_CANCELLED
    assert await world.ws.builds().CancelBuild(cancel) == cancelled
    await world.manager.cancelled.wait()
    [left] = [
        name
        for name, each in world.manager.workloads.items()
        if each.state != workloads_pb2.WORKLOAD_STATE_CANCELLED
    ]
    world.end_well(left.removeprefix("workloads/"))
    await world.until(second, STATE.BUILD_STATE_SUCCEEDED)
    assert len(world.manager.cancellations) == 1


async def test_a_build_that_fails_fails_its_runs_in_the_builders_words(world: World) -> None:
    build = await world.create()
    run = await world.run_with(build)
    submission = await world.submission(0)
    world.end_badly(submission.workload_id, "No matching distribution found for click==99")
    failed = await world.until(build, STATE.BUILD_STATE_FAILED)
    assert failed.state_reason == f"{ROOT}:weft-1: No matching distribution found for click==99"
    ended = await world.told(run, "No matching distribution")
    assert (ended.state, ended.failure.code) == (run_types_pb2.RUN_STATE_FAILED, "BUILD_FAILED")
    # The next one builds anew: it is not the end of the last that counts.
    again = await world.create()
    assert (await world.submission(1)).workload_id != submission.workload_id
    world.end_well((await world.submission(1)).workload_id)
    await world.until(again, STATE.BUILD_STATE_SUCCEEDED)


async def test_a_build_whose_answer_was_lost_is_built_once(world: World) -> None:
    world.manager.lose_answer = True
    build = await world.create()
    await world.submission(0)
    world.manager.lose_answer = False
    submission = await world.submission(1)
    assert len(world.manager.workloads) == 1
    world.end_well(submission.workload_id)
    await world.until(build, STATE.BUILD_STATE_SUCCEEDED)


async def test_a_build_whose_workload_vanished_fails(world: World) -> None:
    build = await world.create()
    submission = await world.submission(0)
    world.manager.run(f"workloads/{submission.workload_id}")
    del world.manager.workloads[f"workloads/{submission.workload_id}"]
    world.manager.restart()
    await world.until(build, STATE.BUILD_STATE_FAILED, "no longer knows")


async def test_a_build_that_never_starts_ends_with_what_its_engine_said(world: World) -> None:
    build = await world.create()
    submission = await world.submission(0)
    world.manager.wait(f"workloads/{submission.workload_id}", "Back-off pulling image")
    await world.until(build, STATE.BUILD_STATE_BUILDING, "Back-off")
    world.ws.clock.move(minutes=16)
    await world.until(build, STATE.BUILD_STATE_FAILED, "within 15 minutes. Back-off")
    assert len(world.manager.cancellations) == 1


async def test_what_the_manager_will_never_take_fails_at_once(world: World) -> None:
    world.manager.fail_submit = FakeError(grpc.StatusCode.FAILED_PRECONDITION, "not allowed here")
    build = await world.create()
    await world.until(build, STATE.BUILD_STATE_FAILED, "not allowed here")


async def test_a_build_that_is_under_way_stays(world: World) -> None:
    build = await world.create()
    delete = builds_pb2.DeleteBuildRequest(name=build.name)
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await world.ws.builds().DeleteBuild(delete)
    await world.ws.builds().CancelBuild(builds_pb2.CancelBuildRequest(name=build.name))
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await world.ws.builds().CancelBuild(builds_pb2.CancelBuildRequest(name=build.name))
    await world.ws.builds().DeleteBuild(delete)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await world.ws.builds().CancelBuild(builds_pb2.CancelBuildRequest(name=build.name))


async def test_what_builds_an_image_can_be_followed(world: World) -> None:
    stub = world.ws.builds()
    build = await world.create()
    submission = await world.submission(0)
    world.end_well(submission.workload_id)
    tail = builds_pb2.TailBuildLogRequest(name=build.name)
    parts = [part async for part in stub.TailBuildLog(tail)]
    text = "".join(part.text for part in parts)
    assert text == f"Successfully installed click\nweft-image {DIGEST}\n"
    assert [part.end_of_stream for part in parts][-1]
    await world.until(build, STATE.BUILD_STATE_SUCCEEDED)
    world.manager.is_down = True
    async with refused("UNAVAILABLE", "UPSTREAM_UNAVAILABLE"):
        _ = [part async for part in stub.TailBuildLog(tail)]


async def test_a_build_that_nobody_builds_here_has_no_log(world: World) -> None:
    by_hand = request()
    by_hand.build.image.CopyFrom(image(recipe=None, digest=DIGEST))
    by_hand.build.stack = ""
    made = await world.ws.builds().CreateBuild(by_hand)
    assert made.state == STATE.BUILD_STATE_SUCCEEDED
    for name in (made.name, "projects/demo/builds/absent"):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            asked = builds_pb2.TailBuildLogRequest(name=name)
            _ = [part async for part in world.ws.builds().TailBuildLog(asked)]


async def test_what_cannot_be_built_is_refused_before_there_is_a_build(world: World) -> None:
    stub = world.ws.builds()
    plain = await new_stack(world.ws, "plain")
    for broken in (
        request(stack=plain.name),
        request("weft-2", stack="stacks/plain"),
    ):
        async with refused("FAILED_PRECONDITION", "BUILD_NOT_POSSIBLE"):
            await stub.CreateBuild(broken)
    world.manager.problems = ["The image is of no registry that is allowed here."]
    async with refused("FAILED_PRECONDITION", "BUILD_NOT_POSSIBLE") as said:
        await stub.CreateBuild(request())
    assert said.error
    assert "no registry that is allowed" in said.error.message
    world.manager.problems = []
    elsewhere, unpinned, both, nowhere = request(), request(), request(), request()
    elsewhere.build.image.uri = "registry.example.com/other/weft:1"
    unpinned.build.image.recipe.base = "registry.example.com/base/python:3.11"
    both.build.image.digest = DIGEST
    nowhere.build.stack = ""
    for wrong in (elsewhere, unpinned, both, nowhere):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await stub.CreateBuild(wrong)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.CreateBuild(request(stack="stacks/absent"))
    listed = await stub.ListBuilds(builds_pb2.ListBuildsRequest(parent="projects/demo"))
    assert (list(listed.builds), world.manager.submissions) == ([], [])
