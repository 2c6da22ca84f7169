"""The bare server: the contract's own messages over mutual TLS, with nothing behind them.

`python -m bench.bare CREDENTIALS_DIR READY_FILE [DATABASE]`. It is what the wire, protobuf and
grpc.aio leave to win: every answer is ready before the question, reports and log lines are
counted and forgotten, a watch is a cursor into a list that everybody shares. Given the file of
a database, what is reported is durable there before a watch sees it.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import uvloop

from bench.bare_changes import Changes
from meshkit.credentials import Credentials
from meshkit.process import spare_the_collector
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc
from weftapi.workspace.v1 import (
    artifacts_pb2,
    artifacts_pb2_grpc,
    events_pb2,
    logs_pb2,
    logs_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    run_types_pb2,
    runs_pb2,
    runs_pb2_grpc,
)

_NAME = "projects/bench/runs/0191d7a2-6f3e-7c56-9d0e-0123456789ab"
_UID = "0191d7a2-6f3e-7c56-9d0e-0123456789ab"
_ACK_EVERY = 16
_PAGE_EVENTS = 512
_WATCH_RUN = "/weftapi.workspace.v1.RunService/WatchRun"


def sample_run() -> run_types_pb2.Run:
    """A run as ours answers it, of about the same size."""
    run = run_types_pb2.Run(
        name=_NAME,
        uid=_UID,
        creator="users/00000000-0000-0000-0000-000000000001",
        revision=1,
        etag="1",
        pipeline="projects/bench/pipelines/train",
        trigger=run_types_pb2.RUN_TRIGGER_SDK,
        state=run_types_pb2.RUN_STATE_PENDING,
        step_counts={"PENDING": 5},
    )
    run.create_time.GetCurrentTime()
    run.update_time.GetCurrentTime()
    return run


def sample_step() -> run_types_pb2.Step:
    """A step as ours shows it in events."""
    step = run_types_pb2.Step(
        name=f"{_NAME}/steps/step-0",
        uid=_UID,
        revision=1,
        step_id="step-0",
        state=run_types_pb2.STEP_STATE_RUNNING,
        attempt_count=1,
    )
    step.create_time.GetCurrentTime()
    step.update_time.GetCurrentTime()
    step.start_time.GetCurrentTime()
    return step


class Fan:
    """Events that all watchers share: each is a position, and reads what is later."""

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self._changed = asyncio.Event()

    def append(self, events: list[bytes]) -> None:
        self.events += events
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def watch(self, _request: bytes, _context: Any) -> AsyncIterator[bytes]:
        """A watch that sends the shared bytes, whatever has come at once."""
        position = len(self.events)
        yield events_pb2.WatchResponse(bookmark=events_pb2.Bookmark()).SerializeToString()
        while True:
            while len(self.events) <= position:
                await self._changed.wait()
            batch = self.events[position : position + _PAGE_EVENTS]
            position += len(batch)
            yield b"".join(batch)


class _Handlers(grpc.GenericRpcHandler):
    """Takes the place of a server in generated code, so that a handler can be replaced."""

    def __init__(self) -> None:
        self.by_path: dict[str, Any] = {}

    def add_generic_rpc_handlers(self, _handlers: object) -> None:
        """The registered handlers are the same ones by name."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        self.by_path |= {f"/{service}/{name}": handler for name, handler in handlers.items()}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return self.by_path.get(handler_call_details.method)


class Runs(runs_pb2_grpc.RunServiceServicer):
    def __init__(self) -> None:
        self._run = sample_run()

    async def CreateRun(self, _request: runs_pb2.CreateRunRequest, _context: Any) -> Any:
        return self._run

    async def GetRun(self, _request: runs_pb2.GetRunRequest, _context: Any) -> Any:
        return self._run


class Reports(reports_pb2_grpc.ReportServiceServicer):
    def __init__(self, fan: Fan, changes: Changes | None) -> None:
        self._fan = fan
        self._changes = changes
        event = events_pb2.Event(
            revision=1,
            type=events_pb2.EVENT_TYPE_UPDATED,
            resource_type="weft.dev/Step",
            name=f"{_NAME}/steps/step-0",
            uid=_UID,
            project="projects/bench",
            actor="users/00000000-0000-0000-0000-000000000001",
            changed_fields=["state"],
            transition=events_pb2.Transition(to="RUNNING"),
            matches_filter=True,
            step=sample_step(),
        )
        event.event_time.GetCurrentTime()
        # One response with one event; joined, such responses are one with many events.
        self._event = events_pb2.WatchResponse(revision=1, events=[event]).SerializeToString()

    async def BatchCreateSteps(self, _request: Any, _context: Any) -> Any:
        return reports_pb2.BatchCreateStepsResponse(steps=[sample_step()])

    async def BatchReport(self, request: reports_pb2.BatchReportRequest, _context: Any) -> Any:
        if self._changes:
            steps = [(report.step.step_id, report.step.state) for report in request.reports]
            await self._changes.write(steps, self._event)
        self._fan.append([self._event] * len(request.reports))
        applied = reports_pb2.REPORT_OUTCOME_APPLIED
        return reports_pb2.BatchReportResponse(
            results=[
                reports_pb2.ReportResult(sequence=report.sequence, outcome=applied)
                for report in request.reports
            ]
        )

    async def StreamReports(self, requests: Any, _context: Any) -> AsyncIterator[Any]:
        messages = 0
        async for request in requests:
            messages += 1
            if request.HasField("open"):
                yield reports_pb2.StreamReportsResponse()
            elif messages % _ACK_EVERY == 0:
                acked = request.batch.reports[-1].sequence
                yield reports_pb2.StreamReportsResponse(acked_sequence=acked)


class Tokens(auth_pb2_grpc.AuthServiceServicer):
    """A token of the size of ours, made before."""

    def __init__(self) -> None:
        self._answer = auth_pb2.TokenSet(access_token="x" * 480, subject=f"users/{_UID}")
        self._answer.expire_time.GetCurrentTime()

    async def ExchangeToken(self, _request: Any, _context: Any) -> Any:
        return self._answer


class Artifacts(artifacts_pb2_grpc.ArtifactServiceServicer):
    async def BatchCreateArtifactVersions(self, request: Any, _context: Any) -> Any:
        versions = [new.artifact_version for new in request.requests]
        return artifacts_pb2.BatchCreateArtifactVersionsResponse(artifact_versions=versions)


class Logs(logs_pb2_grpc.LogServiceServicer):
    async def AppendLogs(self, requests: Any, _context: Any) -> AsyncIterator[Any]:
        messages = 0
        async for request in requests:
            messages += 1
            if request.HasField("open"):
                yield logs_pb2.AppendLogsResponse(opened=logs_pb2.LogOpened(writer_epoch=1))
            elif messages % _ACK_EVERY == 0:
                end = request.chunk.first_offset + len(request.chunk.lines)
                yield logs_pb2.AppendLogsResponse(ack=logs_pb2.LogAck(committed_offset=end))


async def serve(credentials: Path, ready_file: Path, database: Path | None = None) -> None:
    """Serves until the process is ended."""
    fan, changes = Fan(), Changes(database) if database else None
    handlers: Any = _Handlers()
    runs_pb2_grpc.add_RunServiceServicer_to_server(Runs(), handlers)  # type: ignore[abstract]
    reports_pb2_grpc.add_ReportServiceServicer_to_server(Reports(fan, changes), handlers)  # type: ignore[abstract]
    artifacts_pb2_grpc.add_ArtifactServiceServicer_to_server(Artifacts(), handlers)  # type: ignore[abstract]
    auth_pb2_grpc.add_AuthServiceServicer_to_server(Tokens(), handlers)  # type: ignore[abstract]
    logs_pb2_grpc.add_LogServiceServicer_to_server(Logs(), handlers)  # type: ignore[abstract]
    # Without protobuf: the bytes of a watch are ready.
    handlers.by_path[_WATCH_RUN] = grpc.unary_stream_rpc_method_handler(fan.watch)
    server = grpc.aio.server(handlers=[handlers], options=[("grpc.so_reuseport", 0)])
    port = server.add_secure_port("127.0.0.1:0", Credentials(credentials).for_server())
    await server.start()
    spare_the_collector()
    temporary = ready_file.with_suffix(".tmp")
    temporary.write_text(json.dumps({"pid": os.getpid(), "mesh": port}))
    temporary.replace(ready_file)
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(serve(*(Path(argument) for argument in sys.argv[1:])))
