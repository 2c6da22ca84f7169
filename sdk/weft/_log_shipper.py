"""Ships log lines to the workspace: in order, without loss or doubles, apart from the steps.

A line stays here until the workspace has made it durable. When too many wait because the
workspace is away, steps wait too: a log that vanishes is worse than a step that takes longer.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weft._backoff import Backoff
from weft._connection import Endpoint
from weft._records import LogBatch
from weft._run_ref import RunRef
from weft.errors import ApiError, OutOfRangeError, WeftError

if TYPE_CHECKING:
    from weftapi.common.v1 import types_pb2
    from weftapi.workspace.v1 import logs_pb2_grpc

_log = logging.getLogger("weft")
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
    # How many lines the workspace had when this process began: more than 0 in a replay.
    kept: int = 0
    waiting: deque[types_pb2.LogLine] = field(default_factory=deque)
    is_created: bool = False
    is_finished: bool = False
    is_sealed: bool = False

    @property
    def is_due(self) -> bool:
        """Whether its end is waited for."""
        return self.is_finished and not self.is_sealed


class LogShipper:
    """Takes lines from any thread and ships them from its own."""

    def __init__(self, endpoint: Endpoint, ref: RunRef) -> None:
        self._endpoint = endpoint
        self._ref = ref
        self._logs: dict[Key, _Log] = {}
        # What was sealed is only remembered: a fan-out has thousands of logs, few at a time.
        self._sealed: set[Key] = set()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._is_closing = False
        self._abandoned = threading.Event()
        self._error: WeftError | None = None
        self._thread = threading.Thread(target=self._ship, name="weft-logs", daemon=True)
        self._thread.start()

    @property
    def _stub(self) -> logs_pb2_grpc.LogServiceStub:
        from weftapi.workspace.v1 import logs_pb2_grpc

        return self._endpoint.stub(logs_pb2_grpc.LogServiceStub)

    def append(self, batch: LogBatch) -> None:
        """Takes lines; waits only while too many are not durable yet."""
        from weft import _wire

        key = (batch.step, batch.attempt)
        lines = [_wire.log_line(line) for line in batch.lines]
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting_bytes <= _MAX_WAITING_BYTES or self._has_ended
            )
            # A step that was left behind may speak when its log is complete: too late.
            if not self._has_ended and key not in self._sealed:
                self._log(key).waiting.extend(lines)
                self._waiting_bytes += sum(map(_size, lines))

    def open(self, step: str, attempt: int) -> None:
        """Makes the log of an attempt known to the workspace; raises ApiError."""
        with self._changed:
            if self._has_ended or (step, attempt) in self._sealed:
                return
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
            self._changed.wait_for(lambda: log.is_sealed or self._has_ended, timeout_s)

    def close(self, timeout_s: float) -> WeftError | None:
        """Ships and seals everything, for so long; answers what kept it from that."""
        with self._changed:
            self._is_closing = True
            for log in self._logs.values():
                log.is_finished = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        with self._changed:
            if self._logs and self._error is None:
                self._error = WeftError(f"{len(self._logs)} logs are not complete")
            self._abandoned.set()
            self._changed.notify_all()
            return self._error

    @property
    def _has_ended(self) -> bool:
        return self._abandoned.is_set()

    def _log(self, key: Key) -> _Log:
        if key not in self._logs:
            self._logs[key] = _Log(self._ref.log_stream(*key))
        return self._logs[key]

    def _ship(self) -> None:
        backoff = Backoff(*_RETRY_S)
        while not self._has_ended:
            with self._changed:
                is_last = self._is_closing
                logs = list(self._logs.items())
            try:
                for key, log in logs:
                    self._ship_one(key, log)
                backoff.reset()
            except ApiError as error:
                if not backoff.forgives(error):
                    self._give_up(error)
                    return
                backoff.wait(self._abandoned)
                continue
            except Exception as error:  # noqa: BLE001 - nobody else would ever hear of it
                self._give_up(WeftError(f"logs cannot be sent: {error!r}"))
                return
            if is_last:
                return
            with self._changed:
                self._changed.wait_for(self._has_due_logs, _FLUSH_S)

    def _has_due_logs(self) -> bool:
        return self._is_closing or any(log.is_due for log in self._logs.values())

    def _ship_one(self, key: Key, log: _Log) -> None:
        # Read before the lines: what is appended afterwards is for another round.
        is_finished = log.is_finished
        if not (log.waiting or is_finished):
            return
        try:
            self._create(key, log)
            while log.waiting:
                self._write(log)
            if is_finished:
                self._seal(key, log)
        except ApiError as error:
            if error.reason not in {"LOG_SEALED", "LOG_WRITER_FENCED"}:
                raise
            self._lose(key, log, error)

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
        log.kept = self._endpoint.call(self._stub.CreateLogStream, request).next_offset
        log.is_created = True

    def _write(self, log: _Log) -> None:
        from weftapi.workspace.v1 import logs_pb2

        with self._changed:
            lines = _chunk(log.waiting)
        chunk = logs_pb2.LogChunk(first_offset=log.next_offset, lines=lines)
        request = logs_pb2.WriteLogsRequest(
            log_stream=log.name, writer_epoch=log.epoch, chunk=chunk
        )
        try:
            answer = self._endpoint.call(self._stub.WriteLogs, request)
        except OutOfRangeError as error:
            if "expected" not in error.metadata:
                raise
            # The workspace was restored and has less than it once acknowledged: go on from there.
            log.next_offset = int(error.metadata["expected"])
            return
        durable = answer.committed_offset - log.next_offset
        if durable <= 0:
            raise ApiError(f"{log.name} accepted lines and kept none", code=2)
        log.epoch = answer.writer_epoch
        log.next_offset = answer.committed_offset
        with self._changed:
            self._drop(log, durable)

    def _drop(self, log: _Log, count: int) -> None:
        for _ in range(min(count, len(log.waiting))):
            self._waiting_bytes -= _size(log.waiting.popleft())
        self._changed.notify_all()

    def _seal(self, key: Key, log: _Log) -> None:
        from weftapi.workspace.v1 import logs_pb2

        request = logs_pb2.SealLogStreamRequest(name=log.name)
        self._endpoint.call(self._stub.SealLogStream, request)
        with self._changed:
            self._forget(key, log)

    def _lose(self, key: Key, log: _Log, error: ApiError) -> None:
        """One log that takes no more lines keeps none of the others."""
        with self._changed:
            lost = log.next_offset + len(log.waiting) - max(log.kept, log.next_offset)
            if lost > 0:
                _log.warning("%d lines of %s are lost: %s", lost, log.name, error)
            self._forget(key, log)

    def _forget(self, key: Key, log: _Log) -> None:
        self._drop(log, len(log.waiting))
        log.is_sealed = True
        self._sealed.add(key)
        self._logs.pop(key, None)
        self._changed.notify_all()

    def _give_up(self, error: WeftError) -> None:
        with self._changed:
            self._error = error
            self._abandoned.set()
            self._changed.notify_all()


def _chunk(waiting: deque[types_pb2.LogLine]) -> list[types_pb2.LogLine]:
    """As many of the first lines as one message takes."""
    lines: list[types_pb2.LogLine] = []
    size = 0
    for line in waiting:
        size += _size(line)
        if lines and (size > _MAX_CHUNK_BYTES or len(lines) >= _MAX_CHUNK_LINES):
            break
        lines.append(line)
    return lines


def _size(line: types_pb2.LogLine) -> int:
    return line.ByteSize() + _LINE_OVERHEAD
