"""Streams that survive breaks: watches resume by revision, logs by offset.

Only an explicit end means finished. A stream that closes, breaks or falls silent is opened
again from where it was; one whose place is gone begins again from a snapshot.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from weft._connection import Endpoint
from weft.errors import ApiError, NotSignedInError, OutOfRangeError, error_from_rpc

if TYPE_CHECKING:
    from weftapi.workspace.v1 import events_pb2, logs_pb2

_BACKOFF_S = (0.5, 10.0)
_HEALTHY_S = 30.0
# The server says at least every 15 s that it is alive; three silent intervals mean a dead line.
_SILENCE_S = 45.0
# CANCELLED (by the peer), UNKNOWN, DEADLINE_EXCEEDED, INTERNAL (a reset), UNAVAILABLE.
_TRANSIENT_CODES = frozenset({1, 2, 4, 13, 14})
# RESOURCE_EXHAUSTED: too slow, or too many streams for the moment.
_BUSY_CODE = 8

Reopen = Callable[..., Any]
"""Opens the stream from its newest resume point; `is_fresh` renews the token first."""


def watch_run(endpoint: Endpoint, run: str) -> Iterator[events_pb2.Event]:
    """Yields a run and its steps as they are, then each change once, until the run has ended."""
    from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc

    method = endpoint.stub(runs_pb2_grpc.RunServiceStub).WatchRun
    position = _Position()

    def reopen(*, is_fresh: bool) -> Any:
        request = runs_pb2.WatchRunRequest(
            name=run,
            after_revision=position.revision,
            send_initial_state=not position.revision,
            epoch=position.epoch,
        )
        return endpoint.open(method, request, is_fresh=is_fresh)

    for message in resumed(reopen, on_lost=position.forget):
        yield from position.take(message)
        if message.end_of_stream:
            return


def tail_logs(
    endpoint: Endpoint, log_stream: str, *, offset: int = 0, last_lines: int = 0
) -> Iterator[logs_pb2.TailLogsResponse]:
    """Yields batches of lines from an offset, or from so many lines before the end, to the end."""
    from weftapi.workspace.v1 import logs_pb2, logs_pb2_grpc

    method = endpoint.stub(logs_pb2_grpc.LogServiceStub).TailLogs
    # An offset that is set wins, also 0.
    start = None if last_lines else offset
    request = logs_pb2.TailLogsRequest(log_stream=log_stream, offset=start, last_lines=last_lines)

    def reopen(*, is_fresh: bool) -> Any:
        return endpoint.open(method, request, is_fresh=is_fresh)

    for message in resumed(reopen, on_lost=None):
        yield message
        request.offset, request.last_lines = message.next_offset, 0
        if message.end_of_stream:
            return


class _Position:
    """How far a watch has come; drops what was seen before (S30)."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.revision = 0
        self.epoch = ""
        self._seen = (0, -1)

    def take(self, message: events_pb2.WatchResponse) -> Iterator[events_pb2.Event]:
        from weftapi.workspace.v1 import events_pb2

        self.epoch = message.epoch or self.epoch
        for event in message.events:
            is_snapshot = event.type == events_pb2.EVENT_TYPE_SNAPSHOT
            if is_snapshot or (event.revision, event.index) > self._seen:
                yield event
            if not is_snapshot:
                self._seen = (event.revision, event.index)
        # Stored after the events were taken, and never in the middle of a commit.
        is_initial = any(e.type == events_pb2.EVENT_TYPE_SNAPSHOT for e in message.events)
        if not message.more_in_revision and not (is_initial and not message.HasField("bookmark")):
            self.revision = max(self.revision, message.revision)


def resumed(reopen: Reopen, on_lost: Callable[[], None] | None) -> Iterator[Any]:
    """Yields the messages of a stream, opening it again for as long as it may go on.

    `on_lost` is called when the resume point is gone, to begin from the start; without it that
    is an error. Raises ApiError where opening again cannot help.
    """
    import grpc

    backoff = _Backoff()
    is_fresh = False
    while True:
        call = reopen(is_fresh=is_fresh)
        try:
            for message in _watched(call):
                is_fresh = False
                backoff.healthy()
                yield message
        except grpc.RpcError as error:
            is_fresh = _may_reopen(error_from_rpc(error), on_lost, was_fresh=is_fresh)
        finally:
            call.cancel()
        backoff.wait()


def _may_reopen(error: ApiError, on_lost: Callable[[], None] | None, *, was_fresh: bool) -> bool:
    """Whether to open again with a fresh token; raises the error where that cannot help."""
    if isinstance(error, NotSignedInError) and not was_fresh:
        return True
    if isinstance(error, OutOfRangeError) and on_lost is not None:
        on_lost()
    elif error.code not in _TRANSIENT_CODES and error.code != _BUSY_CODE:
        raise error from None
    return False


def _watched(call: Any) -> Iterator[Any]:
    """The messages of a call that is cancelled when it falls silent (S18)."""
    heard = time.monotonic()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(max(0.1, heard + _SILENCE_S - time.monotonic())):
            if time.monotonic() - heard >= _SILENCE_S:
                call.cancel()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        for message in call:
            heard = time.monotonic()
            yield message
            # While the reader works on the message, silence is not the server's.
            heard = time.monotonic()
    finally:
        done.set()


class _Backoff:
    """Pauses between two openings: doubling with full jitter, short again after health (S22)."""

    def __init__(self) -> None:
        self._delay_s = _BACKOFF_S[0]
        self._since: float | None = None

    def healthy(self) -> None:
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since >= _HEALTHY_S:
            self._delay_s = _BACKOFF_S[0]

    def wait(self) -> None:
        self._since = None
        time.sleep(random.uniform(0, self._delay_s))  # noqa: S311 - spreads load
        self._delay_s = min(self._delay_s * 2, _BACKOFF_S[1])
