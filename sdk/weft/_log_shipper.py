"""Ships log lines to the workspace: in order, without loss or doubles, apart from the steps.

A line stays here until the workspace has made it durable. When too many wait because the
workspace is away, steps wait too: a log that vanishes is worse than a step that takes longer.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weft._connection import Endpoint
from weft._records import LogBatch
from weft._run_ref import RunRef
from weft.errors import ApiError, OutOfRangeError

if TYPE_CHECKING:
    from weftapi.common.v1 import types_pb2

_FLUSH_S = 0.2
_MAX_CHUNK_LINES = 5_000
_MAX_CHUNK_BYTES = 2 << 20
_MAX_WAITING_BYTES = 64 << 20
_RETRY_S = (0.2, 5.0)
_LINE_OVERHEAD = 64
Key = tuple[str, int]


@dataclass(slots=True)
class _Log:
    """One log and what of it is not durable yet."""

    name: str
    epoch: int = 0
    next_offset: int = 0
    waiting: deque[types_pb2.LogLine] = field(default_factory=deque)
    is_created: bool = False
    is_finished: bool = False
    is_sealed: bool = False


class LogShipper:
    """Takes lines from any thread and ships them from its own."""

    def __init__(self, endpoint: Endpoint, ref: RunRef) -> None:
        from weftapi.workspace.v1 import logs_pb2_grpc

        self._endpoint = endpoint
        self._ref = ref
        self._stub = endpoint.stub(logs_pb2_grpc.LogServiceStub)
        self._logs: dict[Key, _Log] = {}
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._is_closing = False
        self._error: ApiError | None = None
        self._thread = threading.Thread(target=self._ship, name="weft-logs", daemon=True)
        self._thread.start()

    def append(self, batch: LogBatch) -> None:
        """Takes lines; waits only while too many are not durable yet."""
        from weft import _wire

        lines = [_wire.log_line(line) for line in batch.lines]
        size = sum(len(line.message) + _LINE_OVERHEAD for line in lines)
        with self._changed:
            while self._waiting_bytes > _MAX_WAITING_BYTES and self._error is None:
                self._changed.wait()
            if self._error is None:
                self._log((batch.step, batch.attempt)).waiting.extend(lines)
                self._waiting_bytes += size

    def open(self, step: str, attempt: int) -> None:
        """Makes the log of an attempt known to the workspace; raises ApiError."""
        with self._changed:
            log = self._log((step, attempt))
        self._create((step, attempt), log)

    def finish(self, step: str, attempt: int, timeout_s: float) -> None:
        """Ships what is left of an attempt's log and seals it, for as long as that may take."""
        with self._changed:
            log = self._logs.get((step, attempt))
            if log is None:
                return
            log.is_finished = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: log.is_sealed or self._error is not None, timeout_s)

    def close(self, timeout_s: float) -> ApiError | None:
        """Ships and seals everything; answers what kept it from that."""
        with self._changed:
            self._is_closing = True
            for log in self._logs.values():
                log.is_finished = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return self._error

    def _log(self, key: Key) -> _Log:
        if key not in self._logs:
            self._logs[key] = _Log(self._ref.log_stream(*key))
        return self._logs[key]

    def _ship(self) -> None:
        delay = _RETRY_S[0]
        while True:
            with self._changed:
                is_last = self._is_closing
                logs = list(self._logs.items())
            try:
                for key, log in logs:
                    self._ship_one(key, log)
                delay = _RETRY_S[0]
            except ApiError as error:
                if not _is_transient(error):
                    self._give_up(error)
                    return
                time.sleep(delay)
                delay = min(delay * 2, _RETRY_S[1])
                continue
            if is_last:
                return
            with self._changed:
                self._changed.wait_for(self._has_finished_logs, _FLUSH_S)

    def _has_finished_logs(self) -> bool:
        return self._is_closing or any(
            log.is_finished and not log.is_sealed for log in self._logs.values()
        )

    def _ship_one(self, key: Key, log: _Log) -> None:
        # Read before the lines: what is appended afterwards is for another round.
        is_finished = log.is_finished
        if log.is_sealed or not (log.waiting or is_finished):
            return
        self._create(key, log)
        while log.waiting:
            self._write(log)
        if is_finished:
            self._seal(log)

    def _create(self, key: Key, log: _Log) -> None:
        from weftapi.workspace.v1 import logs_pb2

        if log.is_created:
            return
        step, attempt = key
        request = logs_pb2.CreateLogStreamRequest(
            parent=self._ref.parent, log_stream_id=self._ref.log_stream_id(step, attempt)
        )
        request.log_stream.run = self._ref.name
        request.log_stream.step_id, request.log_stream.attempt = step, attempt
        self._endpoint.call(self._stub.CreateLogStream, request)
        log.is_created = True

    def _write(self, log: _Log) -> None:
        from weftapi.workspace.v1 import logs_pb2

        chunk = logs_pb2.LogChunk(first_offset=log.next_offset, lines=_chunk(log.waiting))
        request = logs_pb2.WriteLogsRequest(
            log_stream=log.name, writer_epoch=log.epoch, chunk=chunk
        )
        try:
            answer = self._endpoint.call(self._stub.WriteLogs, request)
        except OutOfRangeError as error:
            # A new writer of a log that an earlier process began goes on where that one ended.
            log.next_offset = int(error.metadata["expected"])
            return
        log.epoch = answer.writer_epoch
        durable = answer.committed_offset - log.next_offset
        log.next_offset = answer.committed_offset
        self._drop(log, durable)

    def _drop(self, log: _Log, count: int) -> None:
        with self._changed:
            for _ in range(min(count, len(log.waiting))):
                line = log.waiting.popleft()
                self._waiting_bytes -= len(line.message) + _LINE_OVERHEAD
            self._changed.notify_all()

    def _seal(self, log: _Log) -> None:
        from weftapi.workspace.v1 import logs_pb2

        request = logs_pb2.SealLogStreamRequest(name=log.name)
        self._endpoint.call(self._stub.SealLogStream, request)
        with self._changed:
            log.is_sealed = True
            self._changed.notify_all()

    def _give_up(self, error: ApiError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()


def _chunk(waiting: deque[types_pb2.LogLine]) -> list[types_pb2.LogLine]:
    """As many of the first lines as one message takes."""
    lines: list[types_pb2.LogLine] = []
    size = 0
    for line in waiting:
        size += len(line.message) + _LINE_OVERHEAD
        if lines and (size > _MAX_CHUNK_BYTES or len(lines) >= _MAX_CHUNK_LINES):
            break
        lines.append(line)
    return lines


def _is_transient(error: ApiError) -> bool:
    # UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL and UNAVAILABLE pass.
    return error.code in {2, 4, 8, 13, 14}
