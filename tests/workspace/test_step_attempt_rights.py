"""Who may have attempts at steps executed: it is to have code run."""

from pathlib import Path

from tests.workspace.apart import ME, Apart
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import policy, refused, run_report, workspace
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
