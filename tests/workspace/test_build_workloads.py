"""Images that workloads build: from the intent in the database to runs in them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from tests.workspace.apart import ME, Apart
from tests.workspace.build_worlds import BASE, DIGEST, ROOT, STATE, World, image, request
from tests.workspace.fakes import FakeError, FakeManager
from tests.workspace.harness import refused, run_report, workspace
from tests.workspace.stacks import new_stack
from weftapi.workloads.v1 import workloads_pb2
from weftapi.workspace.v1 import builds_pb2, run_types_pb2


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
    # What it waited for is not told for longer than it waits.
    await world.seen(build, lambda found: not found.state_reason)
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
    workload = (await world.submission(0)).workload_id
    world.manager.is_down = True
    await world.cancel(build)
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await world.cancel(build)
    # Until its workload was told, somebody must know of it.
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await world.ws.builds().DeleteBuild(delete)
    world.manager.is_down = False
    await world.delete(build)
    ended = world.manager.workloads[f"workloads/{workload}"].state
    assert ended == workloads_pb2.WORKLOAD_STATE_CANCELLED
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await world.cancel(build)


async def test_a_build_whose_digest_is_not_told_yet_is_waited_for(world: World) -> None:
    build = await world.create()
    submission = await world.submission(0)
    world.manager.is_mute = True
    world.end_well(submission.workload_id)
    await world.until(build, STATE.BUILD_STATE_BUILDING, "does not tell the digest yet")
    world.manager.is_mute = False
    made = await world.until(build, STATE.BUILD_STATE_SUCCEEDED)
    assert made.image.digest == DIGEST


async def test_a_build_whose_digest_is_never_told_fails(world: World) -> None:
    build = await world.create()
    submission = await world.submission(0)
    world.manager.is_mute = True
    world.end_well(submission.workload_id)
    await world.until(build, STATE.BUILD_STATE_BUILDING, "does not tell the digest yet")
    world.ws.clock.move(minutes=16)
    await world.until(build, STATE.BUILD_STATE_FAILED, "what it said cannot be read")


async def test_nobody_shares_a_workload_that_is_about_to_be_cancelled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await world.create()
    cancelled = (await world.submission(0)).workload_id
    cancel, is_asked, may_go = world.manager.CancelWorkload, asyncio.Event(), asyncio.Event()

    async def held(*args: Any, **kwargs: Any) -> Any:
        is_asked.set()
        await may_go.wait()
        return await cancel(*args, **kwargs)

    monkeypatch.setattr(world.manager, "CancelWorkload", held)
    await world.cancel(first)
    async with asyncio.timeout(30):
        await is_asked.wait()
    second = await world.create()
    may_go.set()
    own = (await world.submission(1)).workload_id
    assert own != cancelled
    world.end_well(own)
    await world.until(second, STATE.BUILD_STATE_SUCCEEDED)


async def test_a_step_executed_apart_waits_for_its_image_where_its_runner_did_not(
    world: World,
) -> None:
    build = await world.create()
    snapshot = await world.ws.create_snapshot(build=build.name)
    # In a process of somebody's own: nobody launched it, so nobody waited.
    run = await world.ws.create_run(snapshot=snapshot.name)
    await world.ws.add_steps(run.name, "load")
    await world.ws.report(run.name, ME, run_report(1, "RUNNING"))
    apart = Apart(world.ws, world.manager, run)
    await apart.launch()
    await apart.seen(lambda step: f"building image {ROOT}:weft-1" in step.state_reason)
    world.end_well((await world.submission(0)).workload_id)
    workload = (await world.submission(1)).workload
    assert workload.kind == workloads_pb2.WORKLOAD_KIND_STEP
    assert workload.image == f"{ROOT}:weft-1@{DIGEST}"


async def test_every_base_is_asked_about_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, validate = asyncio.Barrier(2), world.manager.ValidateWorkload

    async def together(*args: Any, **kwargs: Any) -> Any:
        async with asyncio.timeout(30):
            await both.wait()
        return await validate(*args, **kwargs)

    monkeypatch.setattr(world.manager, "ValidateWorkload", together)
    asked = request("weft-1", "weft-2")
    asked.build.step_images["step-weft-2"].recipe.base = BASE.replace("3.11", "3.12")
    await world.ws.builds().CreateBuild(asked)


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
    twice, untagged = request("weft-1", "weft-2"), request("weft-1", "a tag")
    twice.build.step_images["step-weft-2"].uri = f"{ROOT}:weft-1"
    twice.build.step_images["step-weft-2"].recipe.python = "3.12"
    entering = request("weft-1", "weft-2")
    entering.build.step_images["step-weft-2"].recipe.requirements.append(
        "--extra-index-url https://ana:hunter2@packages.example.com/simple"
    )
    elsewhere.build.image.uri = "registry.example.com/other/weft:1"
    unpinned.build.image.recipe.base = "registry.example.com/base/python:3.11"
    both.build.image.digest = DIGEST
    nowhere.build.stack = ""
    for wrong, field in (
        (elsewhere, "build.image.uri"),
        (unpinned, "build.image.recipe.base"),
        (both, "build.image"),
        (nowhere, "build.stack"),
        (twice, "build.step_images[step-weft-2]"),
        (untagged, "build.step_images[step-a tag].uri"),
        (entering, "build.step_images[step-weft-2].recipe.requirements[1]"),
    ):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS") as said:
            await stub.CreateBuild(wrong)
        assert said.error
        assert [each.field for each in said.error.violations] == [field]
        assert "hunter2" not in said.error.message
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.CreateBuild(request(stack="stacks/absent"))
    listed = await stub.ListBuilds(builds_pb2.ListBuildsRequest(parent="projects/demo"))
    assert (list(listed.builds), world.manager.submissions) == ([], [])
