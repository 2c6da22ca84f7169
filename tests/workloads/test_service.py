"""WorkloadService over real mTLS, served by a real process."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from meshkit.spiffe import Role
from meshkit.status import from_rpc_error
from tests.workloads.mesh import Site, identity
from tests.workloads.observed import PATIENCE_S, said, shell
from weftapi.common.v1 import pods_pb2
from weftapi.workloads.v1 import workloads_pb2 as pb
from workloads.servicers.workloads import spec_from_proto, workload_to_proto

FINAL = {pb.WORKLOAD_STATE_SUCCEEDED, pb.WORKLOAD_STATE_FAILED, pb.WORKLOAD_STATE_CANCELLED}


def submission(id_: str, script: str, **rest) -> pb.SubmitWorkloadRequest:
    rest = {"kind": pb.WORKLOAD_KIND_RUNNER} | rest
    workload = pb.Workload(args=shell(script).args, **rest)
    return pb.SubmitWorkloadRequest(workload_id=id_, workload=workload)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        site = Site(tmp_path, stack)
        site.mine, site.theirs = identity(Role.WORKSPACE), identity(Role.WORKSPACE)
        await site.start(site.mine, site.theirs)
        yield site


async def ended(stub, name: str) -> pb.Workload:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            workload = await stub.GetWorkload(pb.GetWorkloadRequest(name=name))
            if workload.state in FINAL:
                return workload
            await asyncio.sleep(0.02)


async def refused(call) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), from_rpc_error(caught.value).reason


async def test_a_workload_from_submission_to_deletion(site):
    stub = site.stub(await site.workspace(site.mine))
    request = submission("first", "echo hello; exit 3", labels={"run": "r1"}, env={"A": "b"})
    accepted = await stub.SubmitWorkload(request)
    assert accepted.name == "workloads/first"
    assert accepted.revision > 0
    workload = await ended(stub, "workloads/first")
    assert workload.state == pb.WORKLOAD_STATE_FAILED
    assert workload.exit.code == 3
    assert workload.state_reason == workload.exit.message == "exited with code 3"
    assert workload.uid == accepted.uid
    assert dict(workload.labels) == {"run": "r1"}
    assert (await stub.SubmitWorkload(request)).state == pb.WORKLOAD_STATE_FAILED
    await stub.DeleteWorkload(pb.DeleteWorkloadRequest(name="workloads/first"))
    gone = pb.GetWorkloadRequest(name="workloads/first")
    assert await refused(stub.GetWorkload(gone)) == (
        grpc.StatusCode.NOT_FOUND,
        "RESOURCE_NOT_FOUND",
    )


async def test_a_step_is_executed_like_a_run(site):
    stub = site.stub(await site.workspace(site.mine))
    attempt = {"run": "projects/p/runs/r", "step": "train:3", "attempt": 2}
    volumes = [
        {"mount_path": "/a", "claim": "datasets", "read_only": True},
        {"mount_path": "/b", "config_map": "settings"},
        {"mount_path": "/c", "empty": {"size_bytes": 1, "in_memory": True}},
    ]
    tolerations = [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]
    pod = pods_pb2.PodSettings(labels={"a": "b"}, volumes=volumes, tolerations=tolerations)
    kind = pb.WORKLOAD_KIND_STEP
    request = submission("s", "exit 0", kind=kind, image="trainer:1", pod=pod, **attempt)
    await stub.SubmitWorkload(request)
    workload = await ended(stub, "workloads/s")
    assert workload.state == pb.WORKLOAD_STATE_SUCCEEDED
    assert (workload.kind, workload.image, workload.pod) == (kind, "trainer:1", pod)
    assert (workload.run, workload.step, workload.attempt) == tuple(attempt.values())


async def test_processes_build_no_images(site):
    stub = site.stub(await site.workspace(site.mine))
    build = {"image": "r.example/base:1", "build": "projects/p/builds/b"}
    request = submission("b", "exit 0", kind=pb.WORKLOAD_KIND_BUILD, **build)
    said = (grpc.StatusCode.FAILED_PRECONDITION, "BUILD_NOT_POSSIBLE")
    assert await refused(stub.SubmitWorkload(request)) == said
    answer = await stub.ValidateWorkload(pb.ValidateWorkloadRequest(workload=request.workload))
    assert "local processes" in answer.problems[0]


async def test_another_specification_is_a_conflict_other_secrets_are_not(site):
    stub = site.stub(await site.workspace(site.mine))
    secret = {"WEFT_RUN_TOKEN_FILE": "canary-1"}
    accepted = await stub.SubmitWorkload(submission("c", "true", secret_files=secret))
    assert "canary-1" not in str(accepted)
    secret = {"WEFT_RUN_TOKEN_FILE": "canary-2"}
    again = await stub.SubmitWorkload(submission("c", "true", secret_files=secret))
    assert again.uid == accepted.uid
    assert await refused(stub.SubmitWorkload(submission("c", "false"))) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "WORKLOAD_CONFLICT",
    )


@pytest.mark.parametrize(
    "bad",
    [
        {"secret_files": {"../../escape": "x"}},
        {"secret_files": {"A/B": "x"}},
        {"env": {"A=B": "x"}},
        {"env": {"A": "x\0y"}},
        {"environment": {"version": "3.11", "requirements": ["--index-url=http://evil"]}},
        {"step": "train"},
        {"attempt": 1},
        {"kind": pb.WORKLOAD_KIND_STEP, "run": "projects/p/runs/r", "step": "train"},
        {"kind": pb.WORKLOAD_KIND_STEP, "run": "projects/p/runs/r", "attempt": 1},
        {"kind": pb.WORKLOAD_KIND_STEP, "step": "train", "attempt": 1},
        {"kind": pb.WORKLOAD_KIND_BUILD, "image": "r.example/base:1"},
        {"kind": pb.WORKLOAD_KIND_BUILD, "build": "projects/p/builds/b"},
        {"build": "projects/p/builds/b"},
        {
            "kind": pb.WORKLOAD_KIND_BUILD,
            "image": "r.example/base:1",
            "build": "projects/p/builds/b",
            "run": "projects/p/runs/r",
        },
        {"run": "runs/r"},
        {"resources": {"gpu_resource": "privileged"}},
        {"pod": {"volumes": [{"mount_path": "../etc"}]}},
        {"pod": {"volumes": [{"mount_path": "/data", "claim": "../x"}]}},
        {"pod": {"tolerations": [{"effect": "NoSchedule"}]}},
        {"pod": {"priority_class": "A\n"}},
    ],
)
async def test_hostile_requests_are_refused_and_leave_nothing(site, bad):
    stub = site.stub(await site.workspace(site.mine))
    code, reason = await refused(stub.SubmitWorkload(submission("bad", "true", **bad)))
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS")
    assert not [path for path in site.state.rglob("*") if "bad" in path.name]


async def test_a_workspace_sees_its_own_workloads_alone(site):
    mine = site.stub(await site.workspace(site.mine))
    theirs = site.stub(await site.workspace(site.theirs))
    await mine.SubmitWorkload(submission("shared", "echo mine"))
    await theirs.SubmitWorkload(submission("other", "sleep 1000"))
    for stub, names in ((mine, ["workloads/shared"]), (theirs, ["workloads/other"])):
        listed = await stub.ListWorkloads(pb.ListWorkloadsRequest())
        assert [workload.name for workload in listed.workloads] == names
    for call in (
        mine.GetWorkload(pb.GetWorkloadRequest(name="workloads/other")),
        mine.CancelWorkload(pb.CancelWorkloadRequest(name="workloads/other")),
        mine.DeleteWorkload(pb.DeleteWorkloadRequest(name="workloads/other")),
    ):
        assert (await refused(call))[0] is grpc.StatusCode.NOT_FOUND


async def test_strangers_are_refused_whatever_they_ask(site):
    for role in (Role.WORKSPACE, Role.GATEWAY, Role.CONTROL_PLANE, Role.WORKLOAD_MANAGER):
        stub = site.stub(await site.workspace(identity(role)))
        for call in (
            stub.ListWorkloads(pb.ListWorkloadsRequest()),
            stub.GetWorkload(pb.GetWorkloadRequest(name="\n")),
            stub.SubmitWorkload(pb.SubmitWorkloadRequest()),
        ):
            assert await refused(call) == (
                grpc.StatusCode.PERMISSION_DENIED,
                "CALLER_NOT_ALLOWED",
            )


async def test_lists_come_in_pages(site):
    stub = site.stub(await site.workspace(site.mine))
    for number in range(5):
        await stub.SubmitWorkload(submission(f"w{number}", "true"))
    names, token, pages = [], "", 0
    while pages == 0 or token:
        page = await stub.ListWorkloads(pb.ListWorkloadsRequest(page_size=2, page_token=token))
        names += [workload.name for workload in page.workloads]
        token, pages = page.next_page_token, pages + 1
    assert (names, pages) == ([f"workloads/w{number}" for number in range(5)], 3)


async def test_a_watch_begins_with_all_and_resumes_without_a_gap(site):
    channels = await site.workspace(site.mine)
    stub, streams = site.stub(channels), site.streams(channels)
    await stub.SubmitWorkload(submission("before", "true"))
    await ended(stub, "workloads/before")
    watch = streams.WatchWorkloads(pb.WatchWorkloadsRequest())
    seen = {}
    async for message in watch:
        seen.update({workload.name: workload.state for workload in message.workloads})
        if message.initial_complete:
            break
        assert message.revision == 0
    watch.cancel()
    assert seen == {"workloads/before": pb.WORKLOAD_STATE_SUCCEEDED}
    await stub.SubmitWorkload(submission("after", "true"))
    await ended(stub, "workloads/after")
    await stub.DeleteWorkload(pb.DeleteWorkloadRequest(name="workloads/before"))
    resume = pb.WatchWorkloadsRequest(after_revision=message.revision, epoch=message.epoch)
    watch, deleted = streams.WatchWorkloads(resume), []
    async for message in watch:
        seen.update({workload.name: workload.state for workload in message.workloads})
        deleted += message.deleted
        if deleted and seen.get("workloads/after") == pb.WORKLOAD_STATE_SUCCEEDED:
            break
    watch.cancel()
    assert deleted == ["workloads/before"]


async def test_a_restarted_manager_has_another_epoch_and_every_workload(site):
    channels = await site.workspace(site.mine)
    stub = site.stub(channels)
    await stub.SubmitWorkload(submission("lives", "echo up; sleep 1000"))
    watch = site.streams(channels).WatchWorkloads(pb.WatchWorkloadsRequest())
    async for message in watch:
        if any(w.state == pb.WORKLOAD_STATE_RUNNING for w in message.workloads):
            break
    watch.cancel()
    before = await stub.GetWorkload(pb.GetWorkloadRequest(name="workloads/lives"))
    await site.kill()
    await site.start(site.mine, site.theirs)
    resume = pb.WatchWorkloadsRequest(after_revision=before.revision, epoch=message.epoch)
    streams = site.streams(channels)
    code, reason = await refused(streams.WatchWorkloads(resume).read())
    assert (code, reason) == (grpc.StatusCode.OUT_OF_RANGE, "EPOCH_CHANGED")
    stub = site.stub(channels)
    async with asyncio.timeout(PATIENCE_S):
        after = await stub.GetWorkload(pb.GetWorkloadRequest(name="workloads/lives"))
    assert (after.uid, after.engine_reference) == (before.uid, before.engine_reference)
    assert after.state == pb.WORKLOAD_STATE_RUNNING
    cancel = pb.CancelWorkloadRequest(
        name="workloads/lives", grace_period=Duration(), reason="enough"
    )
    await stub.CancelWorkload(cancel)
    workload = await ended(stub, "workloads/lives")
    assert workload.state == pb.WORKLOAD_STATE_CANCELLED
    assert workload.state_reason == "cancelled: enough"


async def test_a_tail_ends_only_when_everything_was_said(site):
    channels = await site.workspace(site.mine)
    script = "for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.05; done"
    await site.stub(channels).SubmitWorkload(submission("talk", script))
    seen, offset, is_over = b"", 0, False
    while not is_over:
        request = pb.TailWorkloadLogsRequest(name="workloads/talk", offset_bytes=offset)
        tail = site.streams(channels).TailWorkloadLogs(request)
        async for message in tail:
            seen += message.data
            offset, is_over = message.next_offset_bytes, message.end_of_stream
            if message.data and not is_over:
                break  # reconnect after each batch
        tail.cancel()
    assert said(seen, "stdout") == b"".join(b"line %d\n" % i for i in range(1, 9))


async def test_a_drained_manager_tells_watchers_to_come_back(site):
    channels = await site.workspace(site.mine)
    watch = site.streams(channels).WatchWorkloads(pb.WatchWorkloadsRequest())
    messages = []
    async for message in watch:
        messages.append(message)
        if message.initial_complete:
            site.process.terminate()
    assert messages[-1].reconnect
    assert await site.process.wait() == 0
    await site.start(site.mine, site.theirs)


def test_every_field_survives_the_way_there_and_back():
    given = submission(
        "x",
        "true",
        labels={"a": "b"},
        env={"C": "d"},
        environment={"executable": "/p", "host": "h", "version": "3.11", "requirements": ["x"]},
        resources={"cpu_millis": 500, "memory_bytes": 1 << 20},
        timeout=Duration(seconds=5),
        ttl_after_finish=Duration(seconds=6),
    ).workload
    from datetime import UTC, datetime
    from uuid import uuid4

    from workloads.lifecycle import WorkloadState
    from workloads.model import Workload, WorkloadKey

    workload = Workload(
        WorkloadKey(uuid4(), "x"),
        uuid4(),
        spec_from_proto(given),
        WorkloadState.QUEUED,
        datetime.now(UTC),
    )
    answered = workload_to_proto(workload, 7)
    for field, value in given.ListFields():
        assert getattr(answered, field.name) == value, field.name
    spec = spec_from_proto(given)
    assert type(spec).from_json(spec.to_json()) == spec


async def test_a_manager_that_is_to_end_its_workloads_leaves_no_process(site, tmp_path):
    await site.kill()
    await site.start(site.mine, end_on_stop="true", grace_s="0.5")
    stub = site.stub(await site.workspace(site.mine))
    pid_file = tmp_path / "pid"
    script = f"trap '' TERM; echo $$ > {pid_file}; while :; do sleep 0.1; done"
    await stub.SubmitWorkload(submission("stubborn", script))
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if pid_file.exists() and pid_file.read_text().strip():
                break
            await asyncio.sleep(0.02)
    site.process.terminate()
    assert await site.process.wait() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


async def test_a_workload_that_the_machine_could_never_execute(site):
    stub = site.stub(await site.workspace(site.mine))
    fits = submission("x", "true", resources=pb.WorkloadResources(cpu_millis=10)).workload
    answer = await stub.ValidateWorkload(pb.ValidateWorkloadRequest(workload=fits))
    assert (answer.engine, list(answer.problems)) == ("process", [])
    large = pb.WorkloadResources(cpu_millis=10**9, memory_bytes=1 << 60)
    request = pb.ValidateWorkloadRequest(workload=submission("x", "true", resources=large).workload)
    [problem] = (await stub.ValidateWorkload(request)).problems
    assert "It asks for 1e+06 cores, and this machine has" in problem
    assert "It asks for 1024 PiB of memory, and this machine has" in problem
    wrong = submission("x", "true", env={"A=B": "c"}).workload
    call = stub.ValidateWorkload(pb.ValidateWorkloadRequest(workload=wrong))
    assert await refused(call) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS")
    # Nothing was started, and nothing is known of it.
    assert not (await stub.ListWorkloads(pb.ListWorkloadsRequest())).workloads
