"""A mesh with its dashboard, somebody signed in to it in Chromium, and much to look at."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from bench.processes import ROOT
from bench.site import PROJECT
from weft._connection import Connection
from weft._contexts import ContextStore
from weft._embedded import EmbeddedMesh
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import (
    logs_pb2,
    logs_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    run_types_pb2,
    runs_pb2,
    runs_pb2_grpc,
)

API = f"/api/workspace/v1/{PROJECT}"
_PATIENCE_MS = 120_000
_LANES = 40
_STEPS_AT_ONCE = 500
_LINES_AT_ONCE = 10_000
# One person makes all the load here.
_UNLIMITED = {
    f"WEFT_{server}_{limit}": "1000000"
    for server in ("CONTROLPLANE", "WORKSPACE")
    for limit in ("RATE_PER_SECOND", "RATE_BURST", "PEER_RATE_PER_SECOND", "PEER_RATE_BURST")
}
# What the browser itself takes for a request and its whole answer, with nothing drawn.
_FETCH = """
async path => {
    const start = performance.now()
    const answer = await fetch(path)
    if (!answer.ok) throw new Error(await answer.text())
    await answer.text()
    return performance.now() - start
}
"""


class Work:
    """What a person's colleagues do meanwhile: over gRPC, as an SDK does it."""

    def __init__(self, connection: Connection) -> None:
        self._endpoint = connection.workspace
        self._runs = self._endpoint.stub(runs_pb2_grpc.RunServiceStub)
        self._reports = self._endpoint.stub(reports_pb2_grpc.ReportServiceStub)
        self._logs = self._endpoint.stub(logs_pb2_grpc.LogServiceStub)

    def new_run(self, run_id: str) -> str:
        """Makes a run of which nothing is known yet; answers its name."""
        run = run_types_pb2.Run(pipeline=f"{PROJECT}/pipelines/pipeline-0")
        request = runs_pb2.CreateRunRequest(parent=PROJECT, run_id=run_id, run=run)
        name: str = self._endpoint.call(self._runs.CreateRun, request).name
        return name

    def add_steps(self, run: str, count: int) -> None:
        """Steps in forty lanes, each of which waits for two of the rank before it."""
        new = [reports_pb2.NewStep(step_id=f"s-{n}", upstream=_before(n)) for n in range(count)]
        for at in range(0, count, _STEPS_AT_ONCE):
            steps = new[at : at + _STEPS_AT_ONCE]
            request = reports_pb2.BatchCreateStepsRequest(parent=run, steps=steps)
            self._endpoint.call(self._reports.BatchCreateSteps, request)

    def write_log(self, run: str, log_id: str, lines: int) -> None:
        """A log whose line in the middle alone holds a needle."""
        log = logs_pb2.LogStream(run=run)
        request = logs_pb2.CreateLogStreamRequest(
            parent=PROJECT, log_stream_id=log_id, log_stream=log
        )
        name = self._endpoint.call(self._logs.CreateLogStream, request).name
        epoch = 0
        for first in range(0, lines, _LINES_AT_ONCE):
            count = min(_LINES_AT_ONCE, lines - first)
            chunk = logs_pb2.LogChunk(first_offset=first, lines=_lines(first, count, lines // 2))
            writing = logs_pb2.WriteLogsRequest(log_stream=name, writer_epoch=epoch, chunk=chunk)
            epoch = self._endpoint.call(self._logs.WriteLogs, writing).writer_epoch


class Browser:
    """A page of Chromium, signed in."""

    def __init__(self, page: Page, origin: str, work: Work) -> None:
        self.page = page
        self.work = work
        self._origin = origin

    def opened_ms(self, path: str, is_shown: Callable[[Page], None]) -> float:
        """From typing the address of a page of the project until it shows something."""
        start = time.perf_counter()
        self.page.goto(f"{self._origin}/w/default/p/{_id(PROJECT)}/{path}", wait_until="commit")
        is_shown(self.page)
        return (time.perf_counter() - start) * 1e3

    def fetched_ms(self, path: str) -> float:
        """What the API alone takes for what the page reads, over the same connection."""
        taken: float = self.page.evaluate(_FETCH, f"{API}{path}")
        return taken


@contextmanager
def browsing(directory: Path) -> Iterator[Browser]:
    """A mesh whose workspace stands in `directory`, and its dashboard in Chromium."""
    program = shutil.which("chromium")
    if program is None or not (ROOT / "gateway/dashboard/index.html").exists():
        raise RuntimeError("Chromium or the build is missing: install chromium, make dashboard")
    store = ContextStore(directory / "config")
    mesh = EmbeddedMesh(directory, store, settings=_UNLIMITED)
    try:
        context = mesh.start(lambda _line: None)
        connection = Connection(context, store)
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
            chromium = playwright.chromium.launch(executable_path=program, args=arguments)
            page = chromium.new_context().new_page()
            page.set_default_timeout(_PATIENCE_MS)
            page.goto(mesh.sign_in_link())
            page.get_by_role("navigation").first.wait_for()
            yield Browser(page, mesh.addresses.dashboard, Work(connection))
            chromium.close()
        connection.close()
    finally:
        mesh.stop()


def database_url(directory: Path) -> str:
    """Where the workspace of such a mesh keeps its rows."""
    (directory / "workspace").mkdir(mode=0o700, parents=True)
    return f"sqlite:///{directory / 'workspace' / 'workspace.db'}"


def _before(number: int) -> list[str]:
    rank, lane = divmod(number, _LANES)
    first = (rank - 1) * _LANES
    return sorted({f"s-{first + lane}", f"s-{first + lane * 7 % _LANES}"}) if rank else []


def _lines(first: int, count: int, needle_at: int) -> Iterator[types_pb2.LogLine]:
    for number in range(first, first + count):
        found = "the needle" if number == needle_at else "loss 0.03125"
        message = f"line {number} epoch 12 batch 3400/10000 {found} lr 0.000125"
        yield types_pb2.LogLine(message=message, channel=types_pb2.LOG_CHANNEL_STDOUT)


def _id(name: str) -> Any:
    return name.rpartition("/")[2]
