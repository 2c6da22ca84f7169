"""Attempts at steps that are executed apart: asked for, submitted, claimed, and told of."""

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from uuid import uuid4

import grpc
import pytest

from tests.workspace.apart import ME, OTHER, STATE, Apart
from tests.workspace.fakes import FakeError, FakeManager
from tests.workspace.harness import Harness, refused, run_report, step_report, workspace
from weftapi.workloads.v1 import workloads_pb2
from weftapi.workspace.v1 import (
    artifact_types_pb2,
    artifacts_pb2,
    builds_pb2,
    logs_pb2,
    reports_pb2,
    run_types_pb2,
    runs_pb2,
    snapshots_pb2,
    step_settings_pb2,
    steps_pb2,
)
from weftapi.workspace.v1 import step_attempts_pb2 as pb


@pytest.fixture
async def apart(tmp_path: Path, database_url: str) -> AsyncIterator[Apart]:
    manager = FakeManager()
    async with workspace(
        tmp_path, database_url, managers=manager, launch_interval_s=0.2, stop_grace_s=0.5
    ) as ws:
        await ws.create_project()
        snapshot = await ws.create_snapshot()
        run = await ws.create_run(snapshot=snapshot.name)
        await ws.report(run.name, ME, run_report(1, "RUNNING"))
        yield Apart(ws, manager, run)


def failure(code: str = "EXCEPTION") -> run_types_pb2.Failure:
    return run_types_pb2.Failure(kind=run_types_pb2.FAILURE_KIND_USER, code=code, message="no")


async def test_an_attempt_is_executed_by_a_workload_of_its_own(apart: Apart) -> None:
    ws = apart.ws
    resources = step_settings_pb2.ResourceSpec(cpu_millis=500, memory_bytes=1 << 30, gpu_count=1)
    launched = await apart.launch(arguments='{"a": 1}', resources=resources)
    assert launched.name == f"{apart.step}/attempts/1"
    assert launched.state == STATE.STEP_STATE_PROVISIONING
    submission = await apart.submission()
    workload = submission.workload
    assert workload.kind == workloads_pb2.WORKLOAD_KIND_STEP
    assert (workload.run, workload.step, workload.attempt) == (apart.run, "load", 1)
    assert list(workload.args) == ["-m", "weft.step_runner"]
    assert workload.env["WEFT_STEP_ATTEMPT"] == launched.name
    assert workload.resources.memory_bytes == 1 << 30
    assert (workload.resources.cpu_millis, workload.resources.gpu_count) == (500, 1)
    token = workload.secret_files["WEFT_RUN_TOKEN_FILE"]
    told = await apart.claim(token=token, host="node-1")
    assert (told.arguments, told.run.name, told.step.step_id) == ('{"a": 1}', apart.run, "load")
    assert told.step.state == STATE.STEP_STATE_RUNNING
    assert told.step.workload == f"workloads/{submission.workload_id}"
    version = await apart.version(token)
    async with refused("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"):
        await apart.complete("SUCCEEDED", token=token, metadata={"rate": "x" * (65 << 10)})
    ended = await apart.complete(
        "SUCCEEDED", token=token, outputs={"output": version}, metadata={"rate": 1}
    )
    assert (ended.host, ended.state) == ("node-1", STATE.STEP_STATE_RUNNING)
    step = await apart.until("SUCCEEDED")
    assert step.state == STATE.STEP_STATE_RUNNING
    assert (dict(step.outputs), step.metadata["rate"]) == ({"output": version}, 1)
    # What it measured stands for its run as well: people look for runs by it.
    found = await ws.runs().ListRuns(
        runs_pb2.ListRunsRequest(parent="projects/demo", filter="metadata.rate = 1")
    )
    assert [run.name for run in found.runs] == [apart.run]
    await apart.say("SUCCEEDED", outputs={"output": version})
    assert (await apart.now()).state == STATE.STEP_STATE_SUCCEEDED
    apart.manager.end(f"workloads/{submission.workload_id}", "SUCCEEDED")
    ws.clock.move(seconds=5)
    assert not apart.manager.cancellations


async def test_a_step_runs_in_the_image_that_its_build_has_for_it(apart: Apart) -> None:
    ws = apart.ws
    other = builds_pb2.BuildImage(uri="registry.test/load:2", digest=f"sha256:{'b' * 64}")
    build = builds_pb2.Build(
        pipeline="projects/demo/pipelines/train",
        image=builds_pb2.BuildImage(uri="registry.test/train:1", digest=f"sha256:{'a' * 64}"),
        step_images={"load": other},
        checksum="c" * 64,
    )
    made = await ws.builds().CreateBuild(
        builds_pb2.CreateBuildRequest(parent="projects/demo", build=build)
    )
    snapshot = await ws.create_snapshot(build=made.name)
    run = await ws.snapshots().RunSnapshot(snapshots_pb2.RunSnapshotRequest(name=snapshot.name))
    runner = (await apart.submission()).workload
    assert runner.image == f"registry.test/train:1@sha256:{'a' * 64}"
    await ws.report(run.name, ME, run_report(1, "RUNNING"))
    built = Apart(ws, apart.manager, run)
    await built.launch()
    assert (await apart.submission(1)).workload.image == f"registry.test/load:2@{other.digest}"


async def test_a_launch_is_made_once_however_often_it_is_asked_for(apart: Apart) -> None:
    first = await apart.launch(arguments="{}")
    assert await apart.ask(arguments="{}") == first
    await apart.submission()
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await apart.ask(arguments='{"other": 1}')
    assert len(apart.manager.submissions) == 1


async def test_what_cannot_be_launched_is_refused(apart: Apart) -> None:
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await apart.ask()
    await apart.say("PROVISIONING")
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await apart.ask(attempt=2)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await apart.ask(arguments="x" * 262_145)
    request = pb.LaunchStepAttemptRequest(step=f"{apart.run}/steps/absent", attempt=1)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await apart.ws.step_attempts().LaunchStepAttempt(request)
    own = await apart.ws.create_run()
    await apart.ws.add_steps(own.name, "load")
    await apart.ws.report(own.name, ME, run_report(1, "RUNNING"))
    await apart.ws.report(own.name, ME, step_report(2, "load", "PROVISIONING"))
    request = pb.LaunchStepAttemptRequest(step=f"{own.name}/steps/load", attempt=1)
    async with refused("FAILED_PRECONDITION", "SNAPSHOT_WITHOUT_CODE"):
        await apart.ws.step_attempts().LaunchStepAttempt(request)


async def test_without_a_manager_nothing_is_executed_apart(ws: Harness) -> None:
    request = pb.LaunchStepAttemptRequest(step="projects/demo/runs/r/steps/s", attempt=1)
    async with refused("FAILED_PRECONDITION", "NO_WORKLOAD_MANAGER"):
        await ws.step_attempts().LaunchStepAttempt(request)


async def test_the_first_process_holds_the_attempt(apart: Apart) -> None:
    await apart.launch()
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await apart.claim(attempt=7)
    await apart.claim()
    await apart.claim()
    async with refused("ABORTED", "ATTEMPT_FENCED"):
        await apart.claim(str(uuid4()))
    async with refused("ABORTED", "ATTEMPT_FENCED"):
        await apart.complete("SUCCEEDED", reporter=str(uuid4()))
    await apart.complete("SUCCEEDED")
    async with refused("ABORTED", "ATTEMPT_FENCED"):
        await apart.claim()


async def test_the_first_word_on_its_end_counts(apart: Apart) -> None:
    await apart.launch()
    async with refused("ABORTED", "ATTEMPT_FENCED"):
        await apart.complete("SUCCEEDED")
    await apart.claim()
    absent = {"output": "projects/demo/artifacts/data/versions/9"}
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await apart.complete("SUCCEEDED", outputs=absent)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await apart.complete("RUNNING")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await apart.complete("FAILED")
    await apart.complete("RETRYING", failure=failure())
    await apart.complete("SUCCEEDED")
    step = await apart.now()
    assert step.attempt_outcome == STATE.STEP_STATE_RETRYING
    assert step.failure.code == "EXCEPTION"


async def test_a_heartbeat_renews_the_token_of_the_attempt_alone(apart: Apart) -> None:
    ws = apart.ws
    await apart.launch()
    submission = await apart.submission()
    token = submission.workload.secret_files["WEFT_RUN_TOKEN_FILE"]
    name = f"{apart.step}/attempts/1"
    beat = pb.HeartbeatStepAttemptRequest(name=name, reporter=OTHER)
    async with refused("ABORTED", "ATTEMPT_FENCED"):
        await ws.step_attempts(token).HeartbeatStepAttempt(beat)
    await apart.claim(token=token)
    answer = await ws.step_attempts(token).HeartbeatStepAttempt(beat)
    assert not answer.run_token
    assert "BEGIN CERTIFICATE" in answer.trust_bundle_pem
    ws.clock.move(minutes=31)
    fresh = (await ws.step_attempts(token).HeartbeatStepAttempt(beat)).run_token
    await ws.step_attempts(fresh).HeartbeatStepAttempt(beat)
    files = [path for path in ws.workspace.settings.data_dir.rglob("*") if path.is_file()]
    assert not [path for path in files if fresh.encode() in path.read_bytes()]
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.report(apart.run, ME, run_report(9, "FAILED"), token=fresh)
    await apart.say("RETRYING", failure=failure("TIMEOUT"))
    async with refused("ABORTED", "ATTEMPT_FENCED"):
        await ws.step_attempts(fresh).HeartbeatStepAttempt(beat)
    await apart.say("PROVISIONING", attempt=2)
    ws.clock.move(seconds=6)
    async with refused("UNAUTHENTICATED", "INVALID_CREDENTIAL"):
        await ws.runs(fresh).GetRun(runs_pb2.GetRunRequest(name=apart.run))


async def test_the_token_of_an_attempt_opens_no_more_than_that(apart: Apart) -> None:
    ws = apart.ws
    await apart.launch()
    submission = await apart.submission()
    token = submission.workload.secret_files["WEFT_RUN_TOKEN_FILE"]
    await apart.claim(token=token)
    await ws.runs(token).GetRun(runs_pb2.GetRunRequest(name=apart.run))
    own = reports_pb2.WriteMetadataRequest(run=apart.run, step_id="load", values={"a": 1})
    await ws.reports(token).WriteMetadata(own)
    stream = logs_pb2.LogStream(run=apart.run, step_id="load", attempt=1)
    create = logs_pb2.CreateLogStreamRequest(
        parent="projects/demo", log_stream_id="of-load", log_stream=stream
    )
    await ws.logs(token).CreateLogStream(create)
    stream.step_id = "fit"
    create.log_stream.CopyFrom(stream)
    other = f"{apart.run}/steps/fit"
    version = artifact_types_pb2.ArtifactVersion(
        uid=str(uuid4()),
        uri="file:///x",
        data_type="builtins.int",
        materializer="json/1",
        content_hash="a" * 64,
        producer_step=other,
    )
    made = artifacts_pb2.NewArtifactVersion(artifact_id="data", artifact_version=version)
    for call in (
        ws.logs(token).CreateLogStream(create),
        ws.artifacts(token).BatchCreateArtifactVersions(
            artifacts_pb2.BatchCreateArtifactVersionsRequest(
                parent="projects/demo", requests=[made]
            )
        ),
        ws.reports(token).WriteMetadata(
            reports_pb2.WriteMetadataRequest(run=apart.run, values={"a": 1})
        ),
        ws.reports(token).WriteMetadata(
            reports_pb2.WriteMetadataRequest(run=apart.run, step_id="fit", values={"a": 1})
        ),
        ws.reports(token).ClaimRun(reports_pb2.ClaimRunRequest(name=apart.run, reporter=ME)),
        ws.step_attempts(token).LaunchStepAttempt(
            pb.LaunchStepAttemptRequest(step=apart.step, attempt=1)
        ),
        ws.step_attempts(token).ClaimStepAttempt(
            pb.ClaimStepAttemptRequest(name=f"{apart.step}/attempts/2", reporter=OTHER)
        ),
        ws.steps(token).LookupStepCache(
            steps_pb2.LookupStepCacheRequest(parent="projects/demo", cache_key="a" * 64)
        ),
    ):
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await call


async def test_a_workload_that_dies_ends_its_attempt_in_the_engines_words(apart: Apart) -> None:
    await apart.launch()
    name = f"workloads/{(await apart.submission()).workload_id}"
    await apart.claim()
    apart.manager.said[name] = b"2026-11-21T23:49:04.818Z stderr F last words"
    apart.manager.end(name, "FAILED", code=137, out_of_memory=True, message="Killed at 2 GiB.")
    step = await apart.until("FAILED")
    assert (step.failure.code, step.failure.message) == ("OUT_OF_MEMORY", "Killed at 2 GiB.")
    assert step.failure.traceback == "last words"
    assert step.state == STATE.STEP_STATE_RUNNING
    await apart.complete("SUCCEEDED")
    assert (await apart.now()).attempt_outcome == STATE.STEP_STATE_FAILED
    await apart.say("RETRYING", failure=step.failure)
    await apart.launch(attempt=2)
    again = await apart.now()
    assert again.attempt_outcome == STATE.STEP_STATE_UNSPECIFIED
    assert again.workload.endswith("-2")
    assert (await apart.submission(1)).workload.attempt == 2


async def test_a_step_says_in_the_engines_words_what_it_waits_for(apart: Apart) -> None:
    await apart.launch()
    name = f"workloads/{(await apart.submission()).workload_id}"
    apart.manager.wait(name, 'Back-off pulling image "nothing"')
    step = await apart.seen(lambda step: "pulling" in step.state_reason)
    assert step.state == STATE.STEP_STATE_PROVISIONING


async def test_a_step_that_finds_no_room_says_so_and_is_offered_again(apart: Apart) -> None:
    words = "the cluster refuses it: exceeded quota: team-a"
    apart.manager.fail_submit = FakeError(grpc.StatusCode.RESOURCE_EXHAUSTED, words)
    await apart.launch()
    assert (await apart.seen(lambda step: step.state_reason == words)).attempt_count == 1
    apart.manager.fail_submit = FakeError(grpc.StatusCode.UNAVAILABLE)
    await apart.seen(lambda step: "does not answer" in step.state_reason)
    apart.manager.fail_submit = None
    await apart.submission()


async def test_a_manager_that_refuses_ends_the_attempt(apart: Apart) -> None:
    words = "This engine runs no such thing."
    apart.manager.fail_submit = FakeError(grpc.StatusCode.INVALID_ARGUMENT, words)
    await apart.launch()
    step = await apart.until("FAILED")
    assert (step.failure.code, step.failure.message) == ("WORKLOAD_REFUSED", words)


async def test_a_workload_that_vanished_is_lost(apart: Apart) -> None:
    await apart.launch()
    name = f"workloads/{(await apart.submission()).workload_id}"
    await apart.claim()
    del apart.manager.workloads[name]
    apart.manager.restart()
    assert (await apart.until("FAILED")).failure.code == "WORKLOAD_LOST"


async def test_a_lost_answer_makes_no_second_workload(apart: Apart) -> None:
    apart.manager.lose_answer = True
    await apart.launch()
    await apart.submission()
    apart.manager.lose_answer = False
    await apart.submission(1)
    assert len(apart.manager.workloads) == 1


async def test_a_workload_that_never_speaks_is_not_waited_for(apart: Apart) -> None:
    await apart.launch()
    name = f"workloads/{(await apart.submission()).workload_id}"
    apart.manager.run(name)
    await apart.seen(lambda step: step.state_reason == "It runs.")
    apart.ws.clock.move(minutes=16)
    assert (await apart.until("FAILED")).failure.code == "NOT_STARTED"


async def test_a_step_that_stops_loses_its_workload(apart: Apart) -> None:
    await apart.launch()
    await apart.submission()
    await apart.claim()
    await apart.ws.steps().StopStep(steps_pb2.StopStepRequest(name=apart.step, reason="mistake"))
    await apart.cancelled()
    assert apart.manager.cancellations[0].grace_period.seconds == 3600
    assert apart.manager.cancellations[0].reason == "mistake"
    assert (await apart.until("STOPPED")).state == STATE.STEP_STATE_STOPPING


async def test_what_its_runner_gave_up_loses_its_workload(apart: Apart) -> None:
    await apart.launch()
    await apart.submission()
    await apart.claim()
    await apart.say("RETRYING", failure=failure("TIMEOUT"))
    await apart.cancelled()
    assert apart.manager.cancellations[0].grace_period.seconds < 60


async def test_the_end_of_a_run_ends_its_workloads_and_keeps_what_ended_well(
    apart: Apart,
) -> None:
    await apart.launch()
    await apart.submission()
    await apart.claim()
    await apart.complete("SUCCEEDED")
    # Its runner dies before it said what follows.
    await apart.ws.report(apart.run, ME, run_report(9, "FAILED"))
    assert (await apart.now()).state == STATE.STEP_STATE_SUCCEEDED
    # A process that should have left by itself is not waited for for ever.
    apart.ws.clock.move(minutes=5)
    await apart.cancelled()


async def test_a_stack_says_what_executes_steps(apart: Apart) -> None:
    run = await apart.ws.create_run()
    request = reports_pb2.ClaimRunRequest(name=run.name, reporter=ME)
    told = await apart.ws.reports().ClaimRun(request)
    assert (told.step_isolation, told.max_step_workloads) == (0, 0)


async def test_the_run_can_be_deleted_with_its_launches(apart: Apart) -> None:
    await apart.launch()
    await apart.submission()
    await apart.claim()
    apart.manager.is_down = True
    await apart.ws.report(apart.run, ME, run_report(9, "FAILED"))
    request = runs_pb2.DeleteRunRequest(name=apart.run)
    # A workload of a run that is gone would be nobody's.
    async with refused("FAILED_PRECONDITION", "RUN_NOT_ENDED"):
        await apart.ws.runs().DeleteRun(request)
    apart.manager.is_down = False
    while await _is_refused(apart.ws.runs().DeleteRun(request)):
        await apart.cancelled()
    assert len(apart.manager.cancellations) == 1


async def _is_refused(call: Awaitable[object]) -> bool:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code() is grpc.StatusCode.FAILED_PRECONDITION
    return False
