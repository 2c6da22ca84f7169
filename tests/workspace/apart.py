"""A run whose runner has its first step executed apart, for tests that play all other parts."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from tests.workspace.fakes import FakeManager
from tests.workspace.harness import Harness, step_report
from weftapi.workloads.v1 import workloads_pb2
from weftapi.workspace.v1 import (
    artifact_types_pb2,
    artifacts_pb2,
    run_types_pb2,
    runs_pb2,
    steps_pb2,
)
from weftapi.workspace.v1 import step_attempts_pb2 as pb

# The same in every process: a workload lives on where the workspace dies.
ME = str(UUID(int=1))
OTHER = str(UUID(int=2))
STATE = run_types_pb2.StepState


class Apart:
    """A run whose runner asks for its first step to be executed apart."""

    def __init__(self, ws: Harness, manager: FakeManager, run: run_types_pb2.Run) -> None:
        self.ws = ws
        self.manager = manager
        self.run = run.name
        self.step = f"{run.name}/steps/load"
        self.sequence = 1

    async def say(self, state: str, *, attempt: int = 1, **fields: Any) -> list[int]:
        """What the runner reports of the step."""
        self.sequence += 1
        report = step_report(self.sequence, "load", state, attempt=attempt, **fields)
        answer = await self.ws.report(self.run, ME, report)
        return [result.outcome for result in answer.results]

    async def launch(self, attempt: int = 1, **fields: Any) -> run_types_pb2.StepAttempt:
        await self.say("PROVISIONING", attempt=attempt)
        return await self.ask(attempt, **fields)

    async def ask(self, attempt: int = 1, **fields: Any) -> run_types_pb2.StepAttempt:
        request = pb.LaunchStepAttemptRequest(step=self.step, attempt=attempt, **fields)
        return await self.ws.step_attempts(await self.token()).LaunchStepAttempt(request)

    async def submission(self, number: int = 0) -> workloads_pb2.SubmitWorkloadRequest:
        """What the workload manager was asked for, as soon as it was."""
        async with asyncio.timeout(30):
            while len(self.manager.submissions) <= number:
                self.manager.submitted.clear()
                await self.manager.submitted.wait()
        return self.manager.submissions[number]

    async def token(self) -> str:
        """That of the run: attempts are a run's own."""
        return await self.ws.run_token(self.run)

    async def cancelled(self) -> None:
        """Returns when the workload manager was asked to end something."""
        async with asyncio.timeout(30):
            await self.manager.cancelled.wait()

    async def claim(
        self, reporter: str = OTHER, *, attempt: int = 1, token: str | None = None, **fields: Any
    ) -> pb.StepInstructions:
        request = pb.ClaimStepAttemptRequest(
            name=f"{self.step}/attempts/{attempt}", reporter=reporter, **fields
        )
        stub = self.ws.step_attempts(token or await self.token())
        return await stub.ClaimStepAttempt(request)

    async def complete(
        self,
        outcome: str,
        *,
        reporter: str = OTHER,
        attempt: int = 1,
        token: str | None = None,
        **fields: Any,
    ) -> run_types_pb2.StepAttempt:
        request = pb.CompleteStepAttemptRequest(
            name=f"{self.step}/attempts/{attempt}",
            reporter=reporter,
            outcome=STATE.Value(f"STEP_STATE_{outcome}"),
            **fields,
        )
        stub = self.ws.step_attempts(token or await self.token())
        return await stub.CompleteStepAttempt(request)

    async def until(self, outcome: str) -> run_types_pb2.Step:
        """The step, as soon as the watch of its run shows this end of its attempt."""
        wanted = STATE.Value(f"STEP_STATE_{outcome}")
        return await self.seen(lambda step: step.attempt_outcome == wanted)

    async def seen(self, holds: Callable[[run_types_pb2.Step], bool]) -> run_types_pb2.Step:
        """The step, as soon as the watch of its run shows it so."""
        request = runs_pb2.WatchRunRequest(name=self.run, send_initial_state=True)
        async with asyncio.timeout(30):
            async for response in self.ws.runs().WatchRun(request):
                for event in response.events:
                    if event.name == self.step and holds(event.step):
                        return event.step
        raise AssertionError("the watch ended before that")

    async def now(self) -> run_types_pb2.Step:
        return await self.ws.steps().GetStep(steps_pb2.GetStepRequest(name=self.step))

    async def version(self, token: str | None = None) -> str:
        """An artifact version that the step made."""
        new = artifacts_pb2.NewArtifactVersion(
            artifact_id="data",
            artifact_version=artifact_types_pb2.ArtifactVersion(
                uid=str(uuid4()),
                type=artifact_types_pb2.ARTIFACT_TYPE_DATA,
                uri="file:///data",
                data_type="builtins.int",
                materializer="json/1",
                content_hash="a" * 64,
                producer_step=self.step,
            ),
        )
        request = artifacts_pb2.BatchCreateArtifactVersionsRequest(
            parent="projects/demo", requests=[new]
        )
        answer = await self.ws.artifacts(token).BatchCreateArtifactVersions(request)
        return answer.artifact_versions[0].name
