"""Reporters: runs with steps whose states move back and forth for as long as one likes."""

import uuid
from collections.abc import Sequence
from itertools import cycle
from typing import Any

from bench.create_run import request
from bench.site import Server
from weftapi.workspace.v1 import (
    reports_pb2,
    reports_pb2_grpc,
    run_types_pb2,
    runs_pb2_grpc,
)


class Reporter:
    """One run and whoever reports on it. Each report moves a step: RUNNING, PAUSED, RUNNING ..."""

    def __init__(self, run: str, steps: Sequence[str]) -> None:
        self.run = run
        self.id = str(uuid.uuid4())
        self.sequence = 0
        self._moves = cycle(
            (step, state)
            for state in (run_types_pb2.STEP_STATE_RUNNING, run_types_pb2.STEP_STATE_PAUSED)
            for step in steps
        )

    def next(self) -> reports_pb2.Report:
        """The next thing that happens."""
        self.sequence += 1
        step, state = next(self._moves)
        said = reports_pb2.StepReport(step_id=step, attempt=1, state=state)
        return reports_pb2.Report(sequence=self.sequence, step=said)

    def batch(self, size: int = 1) -> reports_pb2.BatchReportRequest:
        """The next things that happen, in one call."""
        reports = [self.next() for _ in range(size)]
        return reports_pb2.BatchReportRequest(run=self.run, reporter=self.id, reports=reports)


async def reporters(server: Server, count: int, *, steps: int = 5) -> list[Reporter]:
    """New runs with their reporters; the runs are RUNNING."""
    runs = await server.stub(runs_pb2_grpc.RunServiceStub)
    reports = await server.stub(reports_pb2_grpc.ReportServiceStub)
    return [await _reporter(server, runs, reports, steps) for _ in range(count)]


async def _reporter(server: Server, runs: Any, reports: Any, steps: int) -> Reporter:
    run = await runs.CreateRun(request(), metadata=server.metadata)
    ids = [f"step-{number}" for number in range(steps)]
    new = [reports_pb2.NewStep(step_id=id_) for id_ in ids]
    adding = reports_pb2.BatchCreateStepsRequest(parent=run.name, steps=new)
    await reports.BatchCreateSteps(adding, metadata=server.metadata)
    reporter = Reporter(run.name, ids)
    began = reports_pb2.BatchReportRequest(run=run.name, reporter=reporter.id)
    reporter.sequence = 1
    began.reports.add(sequence=1).run.state = run_types_pb2.RUN_STATE_RUNNING
    await reports.BatchReport(began, metadata=server.metadata)
    return reporter
