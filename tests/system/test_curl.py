"""`curl` follows a run through the gateway, cut at any byte, and misses nothing."""

import itertools
import json
import random
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

from tests.system.mesh import Mesh
from tests.system.project import Place, Project, of_run, places
from weftapi.workspace.v1 import reports_pb2, run_types_pb2

SEED = 4_711
CUTS = 50
STEPS = 60
REPORTER = "00000000-0000-4000-8000-000000000002"


def test_server_sent_events_cut_at_any_byte_are_resumed_without_a_gap(
    mesh: Mesh, project: Project
) -> None:
    run = project.create_run().name
    start = project.revision()
    reader = Reader(mesh, project, f"{run}:watch?afterRevision={start}")
    chance = random.Random(SEED)
    live = threading.Thread(target=execute, args=(project, run))
    live.start()
    for _ in range(CUTS):
        reader.read(chance.randint(1, 4_000))
        if reader.has_ended:
            break
    live.join()
    cuts = reader.openings
    while not reader.has_ended:
        reader.read(None)

    expected = of_run(project.list_events(after=start), run)
    assert reader.seen == places(expected)
    assert [event["name"] for event in reader.events] == [event.name for event in expected]
    assert cuts >= CUTS
    # It has ended: whoever comes back is told so, and browsers stop asking.
    assert reader.status() == 204


class Reader:
    """Reads a stream as a browser does: the id of the last event is where it goes on."""

    def __init__(self, mesh: Mesh, project: Project, path: str) -> None:
        metadata = dict(project.endpoint._metadata(is_fresh=False))
        self._arguments = [
            *("curl", "-sS", "-N", "--cacert", str(mesh.ca_file), "-m", "40"),
            *("-H", f"Authorization: {metadata['authorization']}"),
            *("-H", "Accept: text/event-stream"),
        ]
        self._url = f"{mesh.gateway}/api/workspace/v1/{path}"
        self._last_id = ""
        self.events: list[Any] = []
        self.openings = 0
        self.has_ended = False

    @property
    def seen(self) -> list[Place]:
        return [_place(event) for event in self.events]

    def read(self, count: int | None) -> None:
        """Reads so many bytes and cuts the connection; None reads to the end of the stream."""
        self.openings += 1
        process = subprocess.Popen(self._command(), stdout=subprocess.PIPE)
        assert process.stdout
        try:
            content = process.stdout.read(count)
        finally:
            process.kill()
            process.stdout.close()
            process.wait()
        # What the cut tore apart was not received.
        for block in content.decode(errors="replace").split("\n\n")[:-1]:
            self._take(dict(_fields(block)))

    def status(self) -> int:
        done = subprocess.run(
            [*self._command(), "-o", "/dev/null", "-w", "%{http_code}"],
            capture_output=True,
            check=True,
            timeout=45,
        )
        return int(done.stdout)

    def _command(self) -> list[str]:
        resumes = ["-H", f"Last-Event-ID: {self._last_id}"] if self._last_id else []
        return [*self._arguments, *resumes, self._url]

    def _take(self, fields: dict[str, str]) -> None:
        if "data" not in fields:
            return
        message = json.loads(fields["data"])
        assert fields["event"] != "error", message
        last = _place(self.events[-1]) if self.events else (0, -1)
        self.events += [e for e in message.get("events", []) if _place(e) > last]
        self._last_id = fields.get("id", self._last_id)
        self.has_ended = fields["event"] == "end"


def execute(project: Project, run: str) -> None:
    """Executes a run of many steps, telling of each as it goes."""
    steps = [f"s{number}" for number in range(STEPS)]
    project.add_steps(run, *steps)
    number = itertools.count(1)
    _tell(project, run, _of_run(next(number), run_types_pb2.RUN_STATE_RUNNING))
    for step in steps:
        for state in (run_types_pb2.STEP_STATE_RUNNING, run_types_pb2.STEP_STATE_SUCCEEDED):
            report = reports_pb2.Report(sequence=next(number))
            report.step.step_id, report.step.attempt, report.step.state = step, 1, state
            _tell(project, run, report)
    _tell(project, run, _of_run(next(number), run_types_pb2.RUN_STATE_SUCCEEDED))


def _of_run(sequence: int, state: "run_types_pb2.RunState") -> reports_pb2.Report:
    return reports_pb2.Report(sequence=sequence, run=reports_pb2.RunReport(state=state))


def _tell(project: Project, run: str, report: reports_pb2.Report) -> None:
    request = reports_pb2.BatchReportRequest(run=run, reporter=REPORTER, reports=[report])
    answer = project.call(project.reports.BatchReport, request)
    assert answer.results[0].outcome == reports_pb2.REPORT_OUTCOME_APPLIED


def _fields(block: str) -> Iterator[tuple[str, str]]:
    for line in block.splitlines():
        name, _, value = line.partition(": ")
        if name:
            yield name, value


def _place(event: Any) -> Place:
    return int(event["revision"]), int(event.get("index", 0))
