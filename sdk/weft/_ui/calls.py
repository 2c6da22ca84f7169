"""What the user interface asks of the workspace: in threads, so that it stays awake."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from textual.app import App

from weft._ui.watch import Broke, Heard
from weft.cli._run_calls import request_id
from weft.errors import OutOfRangeError, WeftError

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import events_pb2, logs_pb2, run_types_pb2

MOST_RUNS = 200


class Calls:
    """A connection, as the screens use it."""

    def __init__(self, connection: Connection) -> None:
        from weftapi.workspace.v1 import runs_pb2_grpc

        self.connection = connection
        self._endpoint = connection.workspace
        self._runs = self._endpoint.stub(runs_pb2_grpc.RunServiceStub)

    def page_of(self, name: str) -> str:
        """The page of a resource in the dashboard; "" where none is known."""
        from weft.cli._links import page_of

        return page_of(self.connection.context, name)

    def runs(
        self, query: str, heard: Heard, broke: Broke
    ) -> Iterator[list[run_types_pb2.Run] | events_pb2.Event]:
        """The newest runs as a list, then each change; a list again where changes were lost."""
        from weft._streams import watch_runs
        from weftapi.workspace.v1 import runs_pb2

        request = runs_pb2.ListRunsRequest(
            parent=self.connection.project, filter=query, page_size=MOST_RUNS
        )
        while True:
            found = self._endpoint.call(self._runs.ListRuns, request)
            yield list(found.runs)
            try:
                yield from watch_runs(
                    self._endpoint,
                    self.connection.project,
                    query,
                    after_revision=found.revision,
                    on_break=broke,
                    on_message=heard,
                )
            except OutOfRangeError:
                continue

    def run(self, name: str, heard: Heard, broke: Broke) -> Iterator[events_pb2.Event]:
        """A run and its steps as they are, then each change until it has ended."""
        from weft._streams import watch_run

        return watch_run(self._endpoint, name, on_break=broke, on_message=heard)

    def log(self, stream: str, contains: str, broke: Broke) -> Iterator[logs_pb2.TailLogsResponse]:
        """The lines of a log that hold a text, as they come."""
        from weft._streams import tail_logs
        from weftapi.workspace.v1 import logs_pb2

        wanted = logs_pb2.LogFilter(contains=contains)
        return tail_logs(self._endpoint, stream, wanted=wanted, on_break=broke)

    def stop(self, run: str, is_forced: bool) -> str:  # noqa: FBT001 - as the user answered
        """Stops a run, and cancels what runs where it is forced; says how it is then."""
        from weft.cli._runview import run_state
        from weftapi.workspace.v1 import run_types_pb2, runs_pb2

        mode = (run_types_pb2.STOP_MODE_GRACEFUL, run_types_pb2.STOP_MODE_FORCE)[is_forced]
        request = runs_pb2.StopRunRequest(name=run, mode=mode, request_id=request_id())
        stopped = self._endpoint.call(self._runs.StopRun, request)
        return f"{_id(run)} is {run_state(stopped).lower()}"

    def retry(self, run: str) -> str:
        """Runs it again from where it failed; says what the new run is called."""
        from weftapi.workspace.v1 import runs_pb2

        request = runs_pb2.RetryRunRequest(name=run, from_failed=True, request_id=request_id())
        return f"{_id(self._endpoint.call(self._runs.RetryRun, request).name)} retries {_id(run)}"


def beside(app: App[Any], call: Callable[[], str]) -> None:
    """Calls in a thread of its own, and shows what it says, or why it was refused."""

    def work() -> None:
        try:
            words, severity = call(), "information"
        except WeftError as error:
            words, severity = str(error), "error"
        app.call_from_thread(app.notify, words, severity=severity, markup=False)

    threading.Thread(target=work, daemon=True).start()


def _id(name: str) -> str:
    return name.rpartition("/")[2]
