"""(g) The unit of work that peers were measured by, from 8 clients.

Create a run; 5 steps, each created, finished with one artifact; finish the run: 17 calls. The
target is absolute: the best peer recorded 4.2 such runs a second on the same kind of machine
(MLflow, 8 clients; performance.md, section 2), a hundred times that is wanted streamed and
thirty times unary. Streamed, the states go over one open report stream for each run, and steps
and artifacts in batches, as the SDK sends them.
"""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from bench.create_run import request
from bench.databases import workspaces
from bench.figures import Figure, reach
from bench.load import DEADLINE_S, Options, Slice, closed_loop, figure, take_turns
from bench.run import main
from bench.site import PROJECT, Server, Site
from weftapi.workspace.v1 import (
    artifact_types_pb2,
    artifacts_pb2,
    artifacts_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    run_types_pb2,
    runs_pb2_grpc,
)

CLIENTS = 8
STEPS = tuple(f"step-{number}" for number in range(5))
BEST_PEER = 4.2
_RUNNING, _SUCCEEDED = run_types_pb2.STEP_STATE_RUNNING, run_types_pb2.STEP_STATE_SUCCEEDED
_RUN_RUNNING, _RUN_SUCCEEDED = run_types_pb2.RUN_STATE_RUNNING, run_types_pb2.RUN_STATE_SUCCEEDED

Unit = Callable[["Client"], Awaitable[None]]


class Client:
    """One client with a connection of its own."""

    def __init__(self, server: Server, channel: grpc.aio.Channel) -> None:
        self.metadata = server.metadata
        self.runs: Any = runs_pb2_grpc.RunServiceStub(channel)
        self.reports: Any = reports_pb2_grpc.ReportServiceStub(channel)
        self.artifacts: Any = artifacts_pb2_grpc.ArtifactServiceStub(channel)

    async def create_run(self) -> str:
        run = await self.runs.CreateRun(request(), metadata=self.metadata, timeout=DEADLINE_S)
        name: str = run.name
        return name

    async def create_steps(self, run: str, *steps: str) -> None:
        new = [reports_pb2.NewStep(step_id=step) for step in steps]
        adding = reports_pb2.BatchCreateStepsRequest(parent=run, steps=new)
        await self.reports.BatchCreateSteps(adding, metadata=self.metadata, timeout=DEADLINE_S)

    async def create_artifacts(self, run: str, *steps: str) -> list[str]:
        making = artifacts_pb2.BatchCreateArtifactVersionsRequest(
            parent=PROJECT, requests=[_artifact(run, step) for step in steps]
        )
        answer = await self.artifacts.BatchCreateArtifactVersions(
            making, metadata=self.metadata, timeout=DEADLINE_S
        )
        return [version.name for version in answer.artifact_versions]


async def unary(client: Client) -> None:
    """17 calls, one after another."""
    run = await client.create_run()
    reporter, sequence = str(uuid.uuid4()), 0

    async def report(*reports: reports_pb2.Report) -> None:
        nonlocal sequence
        for one in reports:
            sequence += 1
            one.sequence = sequence
        batch = reports_pb2.BatchReportRequest(run=run, reporter=reporter, reports=reports)
        answer = await client.reports.BatchReport(
            batch, metadata=client.metadata, timeout=DEADLINE_S
        )
        _require_applied(answer.results)

    for step in STEPS:
        await client.create_steps(run, step)
        (version,) = await client.create_artifacts(run, step)
        # The first report of a run says that it runs; the rest is one call for each step.
        first = [_run_report(_RUN_RUNNING)] if step == STEPS[0] else []
        await report(*first, _step_report(step, _RUNNING), _step_report(step, _SUCCEEDED, version))
    await report(_run_report(_RUN_SUCCEEDED))


async def streamed(client: Client) -> None:
    """The same, with every state over one stream."""
    run = await client.create_run()
    call = client.reports.StreamReports(metadata=client.metadata)
    opening = reports_pb2.OpenReports(run=run, reporter=str(uuid.uuid4()))
    await call.write(reports_pb2.StreamReportsRequest(open=opening))
    await client.create_steps(run, *STEPS)
    versions = await client.create_artifacts(run, *STEPS)
    reports = [_run_report(_RUN_RUNNING)]
    for step, version in zip(STEPS, versions, strict=True):
        reports += [_step_report(step, _RUNNING), _step_report(step, _SUCCEEDED, version)]
    reports.append(_run_report(_RUN_SUCCEEDED))
    for sequence, report in enumerate(reports, 1):
        report.sequence = sequence
        batch = reports_pb2.ReportBatch(reports=[report])
        await call.write(reports_pb2.StreamReportsRequest(batch=batch))
    await call.done_writing()
    while (answer := await call.read()) is not grpc.aio.EOF:
        _require_applied(answer.results)


async def working(server: Server, unit: Unit) -> Slice:
    clients = [Client(server, await server.channel()) for _ in range(CLIENTS)]

    async def work(number: int) -> int:
        await unit(clients[number])
        return 1

    return closed_loop(server.process, work, clients=CLIENTS)


async def measure(site: Site, options: Options) -> list[Figure]:
    bare_server = await site.bare()
    servers = await workspaces(site, options, with_normal=False)
    figures = []
    for unit, times in ((streamed, 100), (unary, 30)):
        bare = await working(bare_server, unit)
        target = reach(times * BEST_PEER)
        for name, server in servers:
            pair = await take_turns(await working(server, unit), bare, options)
            title = f"17-call unit, {unit.__name__}, {name}"
            figures.append(figure("g", title, "runs/s", pair, target))
    return figures


def _artifact(run: str, step: str) -> artifacts_pb2.NewArtifactVersion:
    version = artifact_types_pb2.ArtifactVersion(
        uri=f"s3://bucket/{run}/{step}/output",
        data_type="builtins.dict",
        materializer="json",
        content_hash="ab" * 32,
        size_bytes=1024,
        producer_step=f"{run}/steps/{step}",
        producer_output="output",
        type=artifact_types_pb2.ARTIFACT_TYPE_DATA,
    )
    return artifacts_pb2.NewArtifactVersion(artifact_id=f"{step}-output", artifact_version=version)


def _run_report(state: run_types_pb2.RunState.ValueType) -> reports_pb2.Report:
    return reports_pb2.Report(run=reports_pb2.RunReport(state=state))


def _step_report(
    step: str, state: run_types_pb2.StepState.ValueType, version: str = ""
) -> reports_pb2.Report:
    outputs = {"output": version} if version else {}
    said = reports_pb2.StepReport(step_id=step, attempt=1, state=state, outputs=outputs)
    return reports_pb2.Report(step=said)


def _require_applied(results: Any) -> None:
    for result in results:
        if result.outcome != reports_pb2.REPORT_OUTCOME_APPLIED:
            raise RuntimeError(f"a report was not applied: {result}")


if __name__ == "__main__":
    main(measure)
