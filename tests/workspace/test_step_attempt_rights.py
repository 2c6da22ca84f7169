"""Who may have attempts at steps executed: it is to have code run."""

from pathlib import Path
from uuid import uuid4

from tests.workspace.apart import ME, OTHER, Apart
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import (
    ADMIN,
    policy,
    refused,
    run_report,
    step_report,
    workspace,
)
from weftapi.workspace.v1 import snapshots_pb2
from weftapi.workspace.v1 import step_attempts_pb2 as pb


async def test_who_may_report_a_run_has_no_code_executed(tmp_path: Path, database_url: str) -> None:
    manager = FakeManager()
    async with workspace(tmp_path, database_url, managers=manager) as ws:
        await ws.create_project()
        run = await ws.create_run(snapshot=(await ws.create_snapshot()).name)
        pushed = policy(revision=2)
        pushed.roles.add(role="teller", permissions=["runs.create", "runs.report"])
        pushed.grants.add(subject="users/teller", role="teller", resource="projects/demo")
        ws.apply_policy(pushed)
        apart = Apart(ws, manager, run)
        await ws.report(run.name, ME, run_report(1, "RUNNING"))
        await apart.say("PROVISIONING")
        request = pb.LaunchStepAttemptRequest(step=apart.step, attempt=1)
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await ws.step_attempts(ws.token("users/teller")).LaunchStepAttempt(request)
        # Its runner asks by the token of the run alone.
        await ws.step_attempts(await ws.run_token(run.name)).LaunchStepAttempt(request)
        assert (await apart.submission()).workload.step == "load"


async def test_an_attempt_is_its_workloads_and_nobody_elses(
    tmp_path: Path, database_url: str
) -> None:
    """Not even an administrator's, who may report the run: the first to claim would hold it."""
    manager = FakeManager()
    async with workspace(tmp_path, database_url, managers=manager) as ws:
        await ws.create_project()
        snapshot = (await ws.create_snapshot()).name
        run = await ws.create_run(snapshot=snapshot)
        await ws.report(run.name, ME, run_report(1, "RUNNING"))
        apart = Apart(ws, manager, run)
        name = (await apart.launch()).name
        own = (await apart.submission()).workload.secret_files["WEFT_RUN_TOKEN_FILE"]
        other = await ws.run_token((await ws.create_run(snapshot=snapshot)).name)
        beat = pb.HeartbeatStepAttemptRequest(name=name, reporter=OTHER)
        for token, reason in (
            (ws.token(ADMIN), "CALLER_NOT_ALLOWED"),
            (other, "NOT_PERMITTED"),
        ):
            async with refused("PERMISSION_DENIED", reason):
                await apart.claim(token=token)
            async with refused("PERMISSION_DENIED", reason):
                await ws.step_attempts(token).HeartbeatStepAttempt(beat)
            async with refused("PERMISSION_DENIED", reason):
                await apart.complete("SUCCEEDED", token=token)
        assert (await apart.claim(token=own)).step.name == apart.step


async def test_steps_of_a_run_that_a_workload_executes_are_launched_by_its_runner(
    tmp_path: Path, database_url: str
) -> None:
    """Whoever came first would choose the arguments with which the step is executed."""
    manager = FakeManager()
    async with workspace(tmp_path, database_url, managers=manager) as ws:
        await ws.create_project()
        asked = snapshots_pb2.RunSnapshotRequest(name=(await ws.create_snapshot()).name)
        run = await ws.snapshots().RunSnapshot(asked)
        apart, token = Apart(ws, manager, run), await ws.run_token(run.name)
        me = str(uuid4())
        starting = (run_report(1, "RUNNING"), step_report(2, "load", "PROVISIONING"))
        await ws.report(run.name, me, *starting, token=token)
        request = pb.LaunchStepAttemptRequest(step=apart.step, attempt=1)
        async with refused("PERMISSION_DENIED", "NOT_THE_RUNNER"):
            await ws.step_attempts().LaunchStepAttempt(request)
        assert (await apart.ask()).name == f"{apart.step}/attempts/1"
