"""A project of the mesh, and what a user does in it."""

import contextlib
import json
import os
import select
import subprocess
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from weft._connection import Connection
from weft._streams import watch_run
from weftapi.workspace.v1 import (
    events_pb2,
    events_pb2_grpc,
    logs_pb2,
    logs_pb2_grpc,
    projects_pb2,
    projects_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    run_types_pb2,
    runs_pb2,
    runs_pb2_grpc,
    steps_pb2,
    steps_pb2_grpc,
)

if TYPE_CHECKING:
    from tests.system.mesh import Mesh

PIPELINES = Path(__file__).with_name("pipelines")
PATIENCE_S = 40.0
Place = tuple[int, int]


class Project:
    """A project, its stubs as an administrator, and the CLI in it."""

    def __init__(self, mesh: "Mesh", project_id: str, connection: Connection) -> None:
        self.mesh = mesh
        self.id = project_id
        self.name = f"projects/{project_id}"
        self.connection = connection
        self.endpoint = connection.workspace
        self.call = connection.workspace.call
        self.projects = self.endpoint.stub(projects_pb2_grpc.ProjectServiceStub)
        self.runs = self.endpoint.stub(runs_pb2_grpc.RunServiceStub)
        self.steps = self.endpoint.stub(steps_pb2_grpc.StepServiceStub)
        self.reports = self.endpoint.stub(reports_pb2_grpc.ReportServiceStub)
        self.events = self.endpoint.stub(events_pb2_grpc.EventServiceStub)
        self.logs = self.endpoint.stub(logs_pb2_grpc.LogServiceStub)

    def create(self) -> None:
        self.call(
            self.projects.CreateProject, projects_pb2.CreateProjectRequest(project_id=self.id)
        )

    def close(self) -> None:
        self.connection.close()

    def until_connected(self) -> None:
        """Waits until calls reach the workspace again: gRPC pauses before it tries once more."""
        grpc.channel_ready_future(self.endpoint.channel).result(PATIENCE_S)

    def cli(self, *arguments: str, code: int | None = 0, **more: str) -> str:
        return self.mesh.cli(*arguments, code=code, WEFT_PROJECT=self.id, **more)

    def popen(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        return self.mesh.popen(*arguments, WEFT_PROJECT=self.id, **more)

    def submit(self, pipeline: str, *flags: str, **parameters: Any) -> str:
        """Submits a pipeline of `pipelines/` by the CLI; answers the new run's name."""
        given = [f"--{name.replace('_', '-')}={value}" for name, value in parameters.items()]
        target = str(PIPELINES / pipeline)
        answer = self.cli("run", target, "--detach", "-o", "json", *flags, *given)
        name: str = json.loads(answer)["name"]
        return name

    def create_run(self, pipeline: str = "made") -> run_types_pb2.Run:
        """A run that the caller executes: nothing is launched."""
        request = runs_pb2.CreateRunRequest(parent=self.name, request_id=str(uuid.uuid4()))
        request.run.pipeline = f"{self.name}/pipelines/{pipeline}"
        return self.call(self.runs.CreateRun, request)

    def add_steps(self, run: str, *steps: str) -> None:
        new = [reports_pb2.NewStep(step_id=step) for step in steps]
        request = reports_pb2.BatchCreateStepsRequest(parent=run, steps=new)
        self.call(self.reports.BatchCreateSteps, request)

    def run(self, name: str) -> run_types_pb2.Run:
        return self.call(self.runs.GetRun, runs_pb2.GetRunRequest(name=name))

    def steps_of(self, run: str) -> dict[str, run_types_pb2.Step]:
        request = steps_pb2.ListStepsRequest(parent=run, page_size=500)
        steps: dict[str, run_types_pb2.Step] = {}
        while True:
            page = self.call(self.steps.ListSteps, request)
            steps |= {step.step_id: step for step in page.steps}
            request.page_token = page.next_page_token
            if not page.next_page_token:
                return steps

    def watch(self, run: str) -> Iterator[events_pb2.Event]:
        """The run as the SDK watches it: over any break, to its end."""
        return watch_run(self.endpoint, run)

    def watch_to_end(self, run: str) -> run_types_pb2.Run:
        for _ in self.watch(run):
            pass
        return self.run(run)

    def until_step(self, run: str, step: str, state: str = "RUNNING") -> None:
        """Waits until a step is in a state."""
        wanted = run_types_pb2.StepState.Value(f"STEP_STATE_{state}")
        for event in self.watch(run):
            if event.step.step_id == step and event.step.state == wanted:
                return
        raise AssertionError(f"{run} ended before {step} was {state}")

    def until_workload_gone(self, pid: int, group: int) -> None:
        """Waits until a process has gone, and finds nothing left of its group."""
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            ready, _, _ = select.select([handle], [], [], PATIENCE_S)
            os.close(handle)
            assert ready, f"process {pid} lives on"
        left = [int(p.name) for p in Path("/proc").glob("[0-9]*") if _group_of(p) == group]
        assert not left

    def list_events(self, after: int = 0) -> list[events_pb2.Event]:
        request = events_pb2.ListEventsRequest(
            parent=self.name, after_revision=after, page_size=500
        )
        events: list[events_pb2.Event] = []
        while True:
            page = self.call(self.events.ListEvents, request)
            events += page.events
            request.after_revision = page.revision
            if not page.more:
                return events

    def revision(self) -> int:
        info: events_pb2.FeedInfo = self.call(
            self.events.GetFeedInfo, events_pb2.GetFeedInfoRequest()
        )
        return info.revision

    def log_streams(self, run: str) -> list[logs_pb2.LogStream]:
        request = logs_pb2.ListLogStreamsRequest(
            parent=self.name, filter=f'run = "{run}"', page_size=500
        )
        return list(self.call(self.logs.ListLogStreams, request).log_streams)

    def log_lines(self, stream: str) -> list[str]:
        request = logs_pb2.ReadLogsRequest(log_stream=stream, max_lines=10_000)
        lines: list[str] = []
        while True:
            page = self.call(self.logs.ReadLogs, request)
            lines += [line.message for line in page.lines]
            request.offset = page.next_offset
            if page.end_of_stream or not page.lines:
                return lines


def process_at(gate: Path) -> tuple[int, int]:
    """The process of the step that waits at a gate, and its group, once it is there."""
    mark, deadline = Path(f"{gate}.pids"), time.monotonic() + PATIENCE_S
    while not (mark.exists() and mark.read_text().endswith("\n")):
        assert time.monotonic() < deadline, f"no step came to {gate}"
        # It is told to run before it does: there is nothing here to wait on.
        time.sleep(0.02)
    pid, group = map(int, mark.read_text().split())
    return pid, group


def state_of(run: run_types_pb2.Run | str) -> str:
    """Such as "SUCCEEDED"."""
    assert isinstance(run, run_types_pb2.Run)
    return run_types_pb2.RunState.Name(run.state).removeprefix("RUN_STATE_")


def step_states(steps: dict[str, run_types_pb2.Step]) -> dict[str, str]:
    name = run_types_pb2.StepState.Name
    return {key: name(step.state).removeprefix("STEP_STATE_") for key, step in steps.items()}


def places(events: Iterable[events_pb2.Event]) -> list[Place]:
    """Where each event stands in the feed."""
    return [(event.revision, event.index) for event in events]


def of_run(events: Iterable[events_pb2.Event], run: str) -> list[events_pb2.Event]:
    """Those of a run and its steps: what a watch of the run shows."""
    return [e for e in events if e.name == run or e.name.startswith(f"{run}/steps/")]


def _group_of(process: Path) -> int:
    """The process group of a process that lives; 0 for one that has ended."""
    try:
        state, _, group, *_ = (process / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if state == "Z" else int(group)
