"""Runs of snapshots: started from anywhere without the code, and waited for."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Generator, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from weft._enums import word
from weft._states import RunState, StopMode

if TYPE_CHECKING:
    from weft._artifact import Artifact
    from weft._connection import Connection, Endpoint
    from weftapi.workspace.v1 import run_types_pb2, snapshot_types_pb2


class SubmittedRun:
    """A run that a workload manager executes; safe to use from several threads.

    `await run` waits for its end as `wait()` does, and lets the loop go on meanwhile.

    Attributes:
        name: `projects/<id>/runs/<id>`.
    """

    def __init__(self, endpoint: Endpoint, message: run_types_pb2.Run) -> None:
        self.name: str = message.name
        self._endpoint = endpoint
        self._message = message
        self._lock = threading.Lock()
        self._end: Future[RunState] | None = None

    @property
    def id(self) -> str:
        """Readable id, such as `brave-otter-4f2a`."""
        return self.name.rpartition("/")[2]

    @property
    def state(self) -> RunState:
        """The state that was last heard of; `refresh()` asks anew."""
        from weftapi.workspace.v1 import run_types_pb2

        return RunState(word(run_types_pb2.RunState, self._message.state))

    @property
    def reason(self) -> str:
        """Why it is in this state, in words; for a failed run what failed it."""
        return self._message.failure.message or self._message.state_reason

    def refresh(self) -> RunState:
        """Ask the workspace how the run fares; raises ApiError."""
        from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc

        stub = self._endpoint.stub(runs_pb2_grpc.RunServiceStub)
        self._message = self._endpoint.call(stub.GetRun, runs_pb2.GetRunRequest(name=self.name))
        return self.state

    def wait(self, timeout_s: float | None = None) -> RunState:
        """Wait until the run has ended, well or not, and give its final state.

        Raises:
            TimeoutError: It has not ended within so many seconds; it goes on.
            ApiError: The workspace refuses to tell.
        """
        return self._following().result(timeout_s)

    def __await__(self) -> Generator[Any, None, RunState]:
        import asyncio

        return asyncio.wrap_future(self._following()).__await__()

    def stop(self, reason: str = "", *, force: bool = False) -> RunState:
        """Ask the run to stop, and give its state: STOPPING until its runner confirms.

        Args:
            reason: Why, for those who look at it later.
            force: Cancel the steps that run, too.

        Raises:
            ApiError: It has ended, or the workspace refuses.
        """
        from weftapi.workspace.v1 import run_types_pb2, runs_pb2, runs_pb2_grpc

        mode = StopMode.FORCE if force else StopMode.GRACEFUL
        request = runs_pb2.StopRunRequest(
            name=self.name,
            mode=run_types_pb2.StopMode.Value(f"STOP_MODE_{mode}"),
            reason=reason,
            request_id=str(uuid.uuid4()),
        )
        stub = self._endpoint.stub(runs_pb2_grpc.RunServiceStub)
        self._message = self._endpoint.call(stub.StopRun, request)
        return self.state

    def output(self, step: str, name: str = "output") -> Artifact[Any]:
        """Give what a step of the run made; it is not read before `load()`.

        Args:
            step: The step's id.
            name: Which of its outputs, where there are several.

        Raises:
            LookupError: The step has no such output, or not yet.
            NotFoundError: The run has no such step.
        """
        from weft._load import version_of
        from weftapi.workspace.v1 import steps_pb2, steps_pb2_grpc

        stub = self._endpoint.stub(steps_pb2_grpc.StepServiceStub)
        request = steps_pb2.GetStepRequest(name=f"{self.name}/steps/{step}")
        made = self._endpoint.call(stub.GetStep, request).outputs
        if name not in made:
            known = ", ".join(sorted(made)) or "none yet"
            raise LookupError(f"step {step} of {self.id} has no output {name!r}; it has {known}")
        return version_of(self._endpoint, made[name])

    def _following(self) -> Future[RunState]:
        """Follow the run in a thread of its own, once for all that wait."""
        with self._lock:
            if self._end is None or (self._end.done() and self._end.exception()):
                self._end = Future()
                # Who waits no longer takes nothing from the others.
                self._end.set_running_or_notify_cancel()
                work = threading.Thread(target=self._follow, args=(self._end,), daemon=True)
                work.start()
            return self._end

    def _follow(self, end: Future[RunState]) -> None:
        from weft._streams import watch_run

        try:
            for event in watch_run(self._endpoint, self.name):
                if event.WhichOneof("resource") == "run":
                    self._message = event.run
        except Exception as error:  # noqa: BLE001 - raised again where it is waited
            end.set_exception(error)
        else:
            end.set_result(self.state)

    def __repr__(self) -> str:
        return f"<run {self.id} {self.state}>"


def run_snapshot(
    snapshot: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    cache: bool = True,
    labels: Mapping[str, str] | None = None,
    name: str = "",
    stack: str | None = None,
) -> SubmittedRun:
    """Run a snapshot on the workload manager of the workspace in use, without its code.

    ```python
    run = weft.run_snapshot("nightly", {"rows": 100})
    run.wait(timeout_s=3600)  # or: await run
    run.output("total").load()
    ```

    Args:
        snapshot: Name of a template, id of a snapshot, or a whole resource name.
        parameters: Plain values of the pipeline's parameters; its defaults stand in for others.
        cache: Whether results of earlier runs may stand in for steps.
        labels: Labels of the run.
        name: The name of the run that people read.
        stack: Id of the stack; by default the snapshot's, then the one in use.

    Raises:
        NotFoundError: There is no such snapshot.
        InvalidRequestError: The parameters do not fit; the message says which and why.
        TypeError: A parameter is no plain value.
        ApiError: The workspace refuses it for another reason.
        ContextError: No workspace is known here: sign in first.
    """
    from weft import _json, _spec
    from weft._connection import Connection
    from weftapi.workspace.v1 import snapshots_pb2, snapshots_pb2_grpc

    plain = {key: _json.encode(value) for key, value in (parameters or {}).items()}
    connection = Connection.current()
    found = _find(connection, snapshot)
    if stack is None:
        stack = "" if found.stack else connection.context.stack
    request = snapshots_pb2.RunSnapshotRequest(
        name=found.name,
        parameters=_spec.struct(plain),
        labels=labels,
        cache_disabled=not cache,
        display_name=name,
        request_id=str(uuid.uuid4()),
        stack=f"stacks/{stack}" if stack else "",
    )
    stub = connection.workspace.stub(snapshots_pb2_grpc.SnapshotServiceStub)
    return SubmittedRun(connection.workspace, connection.workspace.call(stub.RunSnapshot, request))


def _find(connection: Connection, text: str) -> snapshot_types_pb2.Snapshot:
    """Gives the template of this name, else the snapshot of this id; raises NotFoundError."""
    from weftapi.workspace.v1 import snapshots_pb2, snapshots_pb2_grpc

    endpoint = connection.workspace
    stub = endpoint.stub(snapshots_pb2_grpc.SnapshotServiceStub)
    if not text.startswith("projects/"):
        query = f"template = {json.dumps(text)}"
        request = snapshots_pb2.ListSnapshotsRequest(
            parent=connection.project, filter=query, page_size=1
        )
        if found := endpoint.call(stub.ListSnapshots, request).snapshots:
            return found[0]
        text = f"{connection.project}/snapshots/{text}"
    return endpoint.call(stub.GetSnapshot, snapshots_pb2.GetSnapshotRequest(name=text))
