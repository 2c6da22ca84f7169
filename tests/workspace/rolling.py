"""People who work with a workspace while its replicas are replaced.

The people use the SDK as it is, and note every call that failed for them after its retries.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.workspace.harness import run_report
from weft._connection import Endpoint
from weft._log_shipper import LogShipper
from weft._records import LogBatch, LogLine
from weft._reporter import Reporter
from weft._run_ref import RunRef
from weft._streams import watch_events
from weft.errors import WeftError
from weftapi.workspace.v1 import (
    events_pb2,
    logs_pb2,
    logs_pb2_grpc,
    projects_pb2,
    projects_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    run_types_pb2,
    runs_pb2,
    runs_pb2_grpc,
)

DEMO = "projects/demo"
_PATIENCE_S = 60.0


@dataclass
class Seen:
    """What one watcher was shown."""

    endpoint: Endpoint
    events: list[events_pb2.Event] = field(default_factory=list)
    breaks: int = 0


class People:
    """Programs of users, each a thread with a connection of its own."""

    def __init__(self, connect: Callable[[], Endpoint]) -> None:
        self._connect = connect
        self.failures: list[str] = []
        # Runs that were told to have ended, and how many calls were answered.
        self.ended: list[str] = []
        self.answered = 0
        self.lines = 0
        self.log_run = ""
        self.watchers: list[Seen] = []
        self._head = 0
        self._is_over = threading.Event()
        self._is_closed = False
        self._progress = threading.Condition()
        self._endpoints: list[Endpoint] = []
        self._threads: list[threading.Thread] = []
        self._own = self._endpoint()

    def prepare(self) -> int:
        """Makes what they work on; the revision after it."""
        project = projects_pb2.CreateProjectRequest(project_id="demo")
        self.call(self._own, projects_pb2_grpc.ProjectServiceStub, "CreateProject", project)
        run = self._create(self._own, "the log's")
        self.log_run = run.name
        return int(run.revision)

    def start(self, revision: int) -> None:
        self._head = revision
        self.watchers = [Seen(self._endpoint()) for _ in range(3)]
        for seen in self.watchers:
            self._work(lambda seen=seen: self._watch(seen, revision))  # type: ignore[misc]
        self._work(lambda: self._runs(is_streamed=True))
        self._work(lambda: self._runs(is_streamed=False))
        self._work(self._lists)
        self._work(self._log)

    def more(self, runs: int) -> None:
        """Waits for so many more runs from their creation to their end."""
        with self._progress:
            goal = len(self.ended) + runs
            assert self._progress.wait_for(
                lambda: len(self.ended) >= goal or self.failures, _PATIENCE_S
            ), "nobody gets on"

    def visit(self) -> None:
        """One call of somebody new, over a connection of their own."""
        request = projects_pb2.ListProjectsRequest()
        self.call(self._endpoint(), projects_pb2_grpc.ProjectServiceStub, "ListProjects", request)

    def end(self) -> int:
        """Has everybody finish what they began; the last revision, which watchers have seen."""
        self._is_over.set()
        last = self._create(self._own, "the last")
        for thread in self._threads[len(self.watchers) :]:
            thread.join(_PATIENCE_S)
        last = self._create(self._own, "after the last")
        with self._progress:
            assert self._progress.wait_for(
                lambda: self.failures or min(map(_seen, self.watchers)) >= last.revision,
                _PATIENCE_S,
            ), "a watcher does not come to the end"
        return int(last.revision)

    def close(self) -> None:
        """Hangs up: watches go on until then."""
        self._is_closed = True
        self._is_over.set()
        for endpoint in self._endpoints:
            endpoint.close()
        for thread in self._threads:
            thread.join(_PATIENCE_S)

    def listed_lines(self) -> list[str]:
        """What is kept of the log."""
        name = RunRef.parse(self.log_run).log_stream("", 1)
        request = logs_pb2.ReadLogsRequest(log_stream=name)
        found: list[str] = []
        while True:
            page = self.call(self._own, logs_pb2_grpc.LogServiceStub, "ReadLogs", request)
            found += [line.message for line in page.lines]
            if page.end_of_stream:
                return found
            request.offset = page.next_offset

    def listed_runs(self) -> Iterator[run_types_pb2.Run]:
        request = runs_pb2.ListRunsRequest(parent=DEMO, page_size=200)
        while True:
            page = self.call(self._own, runs_pb2_grpc.RunServiceStub, "ListRuns", request)
            yield from page.runs
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def call(self, endpoint: Endpoint, stub: Any, method: str, request: Any) -> Any:
        answer = endpoint.call(getattr(endpoint.stub(stub), method), request)
        self.answered += 1
        return answer

    def _endpoint(self) -> Endpoint:
        endpoint = self._connect()
        self._endpoints.append(endpoint)
        return endpoint

    def _work(self, work: Callable[[], None]) -> None:
        def noted() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - whatever it is, somebody's work ended
                self._fail(error)

        thread = threading.Thread(target=noted, name=getattr(work, "__name__", "a watch"))
        self._threads.append(thread)
        thread.start()

    def _fail(self, error: Exception) -> None:
        with self._progress:
            if not self._is_closed:
                self.failures.append(f"{threading.current_thread().name}: {error!r}")
            self._progress.notify_all()

    def _create(self, endpoint: Endpoint, name: str) -> Any:
        run = run_types_pb2.Run(pipeline=f"{DEMO}/pipelines/train", display_name=name)
        request = runs_pb2.CreateRunRequest(parent=DEMO, run=run, request_id=str(uuid4()))
        return self.call(endpoint, runs_pb2_grpc.RunServiceStub, "CreateRun", request)

    def _runs(self, *, is_streamed: bool) -> None:
        endpoint, number = self._endpoint(), 0
        while not self._is_over.is_set():
            number += 1
            run = self._create(endpoint, f"run {number} streamed {is_streamed}")
            self.call(
                endpoint,
                runs_pb2_grpc.RunServiceStub,
                "GetRun",
                runs_pb2.GetRunRequest(name=run.name),
            )
            (self._stream if is_streamed else self._report)(endpoint, run.name)
            with self._progress:
                self.ended.append(run.name)
                self._progress.notify_all()
            self._is_over.wait(0.02)

    def _report(self, endpoint: Endpoint, run: str) -> None:
        reporter = str(uuid4())
        for sequence, state in ((1, "RUNNING"), (2, "SUCCEEDED")):
            request = reports_pb2.BatchReportRequest(
                run=run, reporter=reporter, reports=[run_report(sequence, state)]
            )
            self.call(endpoint, reports_pb2_grpc.ReportServiceStub, "BatchReport", request)

    def _stream(self, endpoint: Endpoint, run: str) -> None:
        reporter = Reporter(
            endpoint,
            run,
            str(uuid4()),
            first=0,
            on_answer=lambda _: None,
            on_failure=self._fail,
        )
        for state in ("RUNNING", "SUCCEEDED"):
            reporter.send(run_report(0, state))
        if not reporter.close(_PATIENCE_S):
            raise WeftError(f"the reports of {run} are not durable")

    def _lists(self) -> None:
        endpoint = self._endpoint()
        request = runs_pb2.ListRunsRequest(parent=DEMO, page_size=20)
        while not self._is_over.is_set():
            self.call(endpoint, runs_pb2_grpc.RunServiceStub, "ListRuns", request)
            self._is_over.wait(0.01)

    def _log(self) -> None:
        shipper = LogShipper(self._endpoint(), RunRef.parse(self.log_run))
        while not self._is_over.wait(0.02):
            lines = tuple(_line(self.lines + n) for n in range(5))
            shipper.append(LogBatch("", 1, lines))
            self.lines += 5
        if error := shipper.close(_PATIENCE_S):
            raise error

    def _watch(self, seen: Seen, revision: int) -> None:
        def broke(_error: object) -> None:
            seen.breaks += 1

        for event in watch_events(seen.endpoint, DEMO, after_revision=revision, on_break=broke):
            seen.events.append(event)
            if self._is_over.is_set():
                with self._progress:
                    self._progress.notify_all()


def _seen(watcher: Seen) -> int:
    return watcher.events[-1].revision if watcher.events else 0


def _line(number: int) -> LogLine:
    return LogLine(datetime.now(UTC), "INFO", "stdout", f"line {number}")
