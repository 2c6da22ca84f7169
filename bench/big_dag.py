"""A run of 5,000 steps beside one of 500: what a step costs must not depend on how many there are.

Each step follows two earlier ones. Steps are made and reported by the hundred, as an SDK in a
hurry sends them; then the graph is read. The limit is our own figure for 500 steps; both are
the server's own CPU, which no neighbour of this machine adds to.
"""

import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.create_run import request
from bench.databases import workspaces
from bench.figures import Figure, at_most
from bench.load import DEADLINE_S, Options
from bench.run import main
from bench.site import Server, Site
from weftapi.workspace.v1 import (
    reports_pb2,
    reports_pb2_grpc,
    run_types_pb2,
    runs_pb2,
    runs_pb2_grpc,
)

FEW, MANY = 500, 5_000
_AT_ONCE = 100
_STATES = (run_types_pb2.STEP_STATE_RUNNING, run_types_pb2.STEP_STATE_SUCCEEDED)

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step cost, in microseconds: elapsed, and of the server's CPU."""

    elapsed_us: float
    cpu_us: float


class Dag:
    """A run of so many steps."""

    def __init__(self, server: Server, run: str, steps: int, runs: Any, reports: Any) -> None:
        self._server = server
        self._run = run
        self._ids = [f"step-{number}" for number in range(steps)]
        self._runs = runs
        self._reports = reports

    async def record(self) -> None:
        """Makes every step, starts and ends it, and ends the run."""
        for new in _parts(list(self._new())):
            adding = reports_pb2.BatchCreateStepsRequest(parent=self._run, steps=new)
            await self._call(self._reports.BatchCreateSteps, adding)
        reporter = str(uuid.uuid4())
        for said in _parts(list(self._said())):
            batch = reports_pb2.BatchReportRequest(run=self._run, reporter=reporter, reports=said)
            answer = await self._call(self._reports.BatchReport, batch)
            if any(one.outcome != reports_pb2.REPORT_OUTCOME_APPLIED for one in answer.results):
                raise RuntimeError("a report was not applied")

    async def draw(self) -> None:
        """Reads the graph, whole."""
        asked = runs_pb2.GetRunGraphRequest(name=self._run)
        graph = await self._call(self._runs.GetRunGraph, asked)
        if graph.truncated or len(graph.steps) != len(self._ids):
            raise RuntimeError("the graph is not whole")

    async def cost(self, work: Work, *, times: int = 1) -> Cost:
        """Of each step, when the work is done so many times."""
        process, start = self._server.process, time.perf_counter()
        cpu_s, steps = process.cpu_s, len(self._ids) * times
        for _ in range(times):
            await work()
        elapsed_s = time.perf_counter() - start
        return Cost(elapsed_s / steps * 1e6, (process.cpu_s - cpu_s) / steps * 1e6)

    async def _call(self, method: Any, asked: Any) -> Any:
        return await method(asked, metadata=self._server.metadata, timeout=DEADLINE_S)

    def _new(self) -> Iterator[reports_pb2.NewStep]:
        for number, id_ in enumerate(self._ids):
            upstream = {self._ids[number // 2], self._ids[max(number - 1, 0)]} - {id_}
            yield reports_pb2.NewStep(step_id=id_, upstream=sorted(upstream))

    def _said(self) -> Iterator[reports_pb2.Report]:
        yield _of_run(1, run_types_pb2.RUN_STATE_RUNNING)
        moves = [(id_, state) for id_ in self._ids for state in _STATES]
        for sequence, (id_, state) in enumerate(moves, 2):
            step = reports_pb2.StepReport(step_id=id_, attempt=1, state=state)
            yield reports_pb2.Report(sequence=sequence, step=step)
        yield _of_run(len(moves) + 2, run_types_pb2.RUN_STATE_SUCCEEDED)


async def measure(site: Site, options: Options) -> list[Figure]:
    figures = []
    for kind, server in await workspaces(site, options, with_normal=False):
        (few_recorded, few_drawn), (recorded, drawn) = [
            await _costs(server, steps, 2 if options.quick else MANY // steps)
            for steps in (FEW, FEW * 2 if options.quick else MANY)
        ]
        figures.append(_figure(f"record a step of {MANY:,}, {kind}", recorded, few_recorded))
        figures.append(_figure(f"draw a step of {MANY:,}, {kind}", drawn, few_drawn))
    return figures


async def _costs(server: Server, steps: int, times: int) -> tuple[Cost, Cost]:
    """Of recording and of drawing, each as much in all as of the other size."""
    runs = await server.stub(runs_pb2_grpc.RunServiceStub)
    reports = await server.stub(reports_pb2_grpc.ReportServiceStub)
    recorded = []
    for _ in range(times):
        run = await runs.CreateRun(request(), metadata=server.metadata, timeout=DEADLINE_S)
        dag = Dag(server, run.name, steps, runs, reports)
        recorded.append(await dag.cost(dag.record))
    drawn = await dag.cost(dag.draw, times=times * 3)
    return _mean(recorded), drawn


def _mean(costs: list[Cost]) -> Cost:
    count = len(costs)
    elapsed, cpu = (sum(values) / count for values in zip(*map(_values, costs), strict=True))
    return Cost(elapsed, cpu)


def _values(cost: Cost) -> tuple[float, float]:
    return cost.elapsed_us, cost.cpu_us


def _figure(name: str, many: Cost, few: Cost) -> Figure:
    note = f"elapsed {many.elapsed_us:.0f}/{few.elapsed_us:.0f} us; bare: a step of {FEW}"
    return Figure("j", name, "CPU us", many.cpu_us, few.cpu_us, at_most(1.5), note=note)


def _parts(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def _of_run(sequence: int, state: run_types_pb2.RunState.ValueType) -> reports_pb2.Report:
    return reports_pb2.Report(sequence=sequence, run=reports_pb2.RunReport(state=state))


if __name__ == "__main__":
    main(measure)
