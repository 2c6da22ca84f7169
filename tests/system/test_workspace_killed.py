"""The workspace server dies without a goodbye while many report: nothing acknowledged is lost.

The oracle of security.md, section 5: each acknowledged report is there exactly once, each
unknown one at most once and, sent again, exactly once; what a watch saw over all breaks is what
the feed lists; a run that was executing meanwhile ends in the truth.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL
from typing import Any

import grpc
import pytest

from tests.system.mesh import Mesh
from tests.system.project import PATIENCE_S, Project, state_of
from tests.system.watching import Watcher
from weftapi.workspace.v1 import events_pb2, reports_pb2, reports_pb2_grpc, run_types_pb2

SEED = 20_261
KILLS = 20
RUNS = 20
REPORTS_PER_RUN = 10
REPORTER = "00000000-0000-4000-8000-000000000001"
Key = tuple[str, str]


class Reporters:
    """200 clients that report at once, and keep in mind what became of each report."""

    def __init__(self, project: Project, runs: list[str]) -> None:
        self._project = project
        self._runs = runs
        # Without the SDK's retries: here an unknown outcome stays unknown.
        self._channel = grpc.secure_channel(
            project.endpoint.target,
            grpc.ssl_channel_credentials(project.connection.context.ca_pem.encode()),
            options=[("grpc.enable_retries", 0), ("grpc.max_reconnect_backoff_ms", 200)],
        )
        self._stub = reports_pb2_grpc.ReportServiceStub(self._channel)
        self.acknowledged: set[Key] = set()
        self.unknown: set[Key] = set()
        self.ever_unknown: set[Key] = set()

    def send(self, turn: int, kill: Callable[[], None], at: int) -> None:
        """All of a turn's reports at once; calls `kill` when `at` of them are acknowledged."""
        calls = {}
        counter = Countdown(at, kill)
        for run in self._runs:
            for number in range(REPORTS_PER_RUN):
                call = self._start(run, turn, number)
                call.add_done_callback(counter)
                calls[run, step_id(turn, number)] = call
        for key, call in calls.items():
            self._judge(key, call)
        counter.wait()

    def resend(self, turn: int) -> None:
        """Sends again what has no known outcome, as the same reports."""
        for run, step in sorted(self.unknown):
            self._start(run, turn, int(step.rpartition("-")[2]), wait_for_ready=True).result()
            self.unknown.discard((run, step))
            self.acknowledged.add((run, step))

    def close(self) -> None:
        self._channel.close()

    def _start(self, run: str, turn: int, number: int, *, wait_for_ready: bool = False) -> Any:
        report = reports_pb2.Report(sequence=turn * REPORTS_PER_RUN + number + 1)
        report.step.step_id, report.step.attempt = step_id(turn, number), 1
        report.step.state = run_types_pb2.STEP_STATE_RUNNING
        request = reports_pb2.BatchReportRequest(run=run, reporter=REPORTER, reports=[report])
        return self._stub.BatchReport.future(
            request,
            timeout=30,
            metadata=self._project.endpoint._metadata(is_fresh=False),
            wait_for_ready=wait_for_ready,
        )

    def _judge(self, key: Key, call: Any) -> None:
        error = call.exception()
        if error is None:
            assert call.result().results[0].outcome == reports_pb2.REPORT_OUTCOME_APPLIED
            self.acknowledged.add(key)
            return
        assert error.code() is grpc.StatusCode.UNAVAILABLE, error
        self.unknown.add(key)
        self.ever_unknown.add(key)


class Countdown:
    """Calls something once, when so many calls have succeeded; at once for 0."""

    def __init__(self, count: int, then: Callable[[], None]) -> None:
        self._count = count
        self._then = then
        self._lock = threading.Lock()
        self._has_called = threading.Event()
        if not count:
            self._call()

    def __call__(self, call: Any) -> None:
        if call.exception() is not None:
            return
        with self._lock:
            self._count -= 1
            if self._count == 0:
                self._call()

    def wait(self) -> None:
        assert self._has_called.wait(PATIENCE_S)

    def _call(self) -> None:
        self._then()
        self._has_called.set()


@pytest.mark.fault
@pytest.mark.timeout(240)
def test_nothing_acknowledged_is_lost_when_the_workspace_is_killed(
    mesh: Mesh, project: Project, gate: Path
) -> None:
    executing = project.submit("gated.py", gate=gate)
    project.until_step(executing, "first")
    runs = prepare(project)
    start = project.revision()
    watcher = Watcher(project, start)
    reporters = Reporters(project, runs)
    chance = random.Random(SEED)
    try:
        for turn in range(KILLS):
            reporters.send(
                turn,
                lambda: mesh.signal_only("workspace", SIGKILL),
                # Also before the first acknowledgement, and rarely near the last.
                at=chance.choice([0, chance.randint(1, 40), chance.randint(41, 180)]),
            )
            mesh.wait_restarted("workspace")
            check_kept(mesh, project, reporters, start)
            reporters.resend(turn)
        gate.touch()
        ended = project.watch_to_end(executing)
        assert state_of(ended) == "SUCCEEDED"
        watcher.wait_for(ended.revision)
    finally:
        watcher.close()
        reporters.close()

    assert reporters.ever_unknown, "no client saw an unknown outcome: the kills came too late"
    events = project.list_events(after=start)
    everything = {(run, step_id(t, n)) for run in runs for t, n in turns()}
    assert running(events) == Counter(everything)
    upto = [event for event in events if event.revision <= watcher.revision]
    assert watcher.openings > 1
    assert watcher.events == upto


def check_kept(mesh: Mesh, project: Project, reporters: Reporters, start: int) -> None:
    """What is there after a kill: all that was acknowledged, and nothing twice."""
    # A connection of its own: one that has seen the server dead pauses before it tries again.
    newcomer = Project(mesh, project.id, mesh.connect(project.id))
    kept = running(newcomer.list_events(after=start))
    newcomer.close()
    assert reporters.acknowledged <= set(kept)
    assert set(kept) <= reporters.acknowledged | reporters.unknown
    assert not [key for key, count in kept.items() if count > 1]


def prepare(project: Project) -> list[str]:
    """Runs with a pending step for each report of each turn."""
    runs = []
    for number in range(RUNS):
        run = project.create_run(f"made-{number}").name
        project.add_steps(run, *(step_id(*place) for place in turns()))
        runs.append(run)
    return runs


def turns() -> list[tuple[int, int]]:
    return [(turn, number) for turn in range(KILLS) for number in range(REPORTS_PER_RUN)]


def step_id(turn: int, number: int) -> str:
    return f"s{turn}-{number}"


def running(events: list[events_pb2.Event]) -> Counter[Key]:
    """How often each step was seen to start."""
    return Counter(
        (event.step.name.rpartition("/steps/")[0], event.step.step_id)
        for event in events
        if event.step.step_id.startswith("s")
        and "-" in event.step.step_id
        and event.transition.to.endswith("RUNNING")
    )
