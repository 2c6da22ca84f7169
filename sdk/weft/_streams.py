"""Streams that survive breaks: watches resume by revision, logs by offset.

Only an explicit end means finished. A stream that closes, breaks or falls silent is opened
again from where it was; one whose place is gone begins again from a snapshot.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from weft._backoff import Backoff
from weft._connection import Endpoint
from weft.errors import ApiError, NotSignedInError, OutOfRangeError, UnavailableError

if TYPE_CHECKING:
    from weftapi.workspace.v1 import events_pb2, logs_pb2

# The server says at least every 15 s that it is alive; three silent intervals mean a dead line.
SILENCE_S = 45.0

OnBreak = Callable[[ApiError | None], None]
"""Told of each break, with the error if there was one."""

OnMessage = Callable[[], None]
"""Told of each message, also of one that says only that the server is there."""


class Reopen(Protocol):
    """Opens a stream from its newest resume point; `is_fresh` renews the token first."""

    def __call__(self, *, is_fresh: bool) -> Any: ...


def _nobody_listens(_error: ApiError | None) -> None:
    """Breaks are mended in silence."""


def _nobody_waits() -> None:
    """What comes is enough."""


def watch_run(
    endpoint: Endpoint,
    run: str,
    *,
    on_break: OnBreak = _nobody_listens,
    on_message: OnMessage = _nobody_waits,
) -> Iterator[events_pb2.Event]:
    """Yields a run and its steps as they are, then each change once, until the run has ended."""
    from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc

    method = endpoint.stub(runs_pb2_grpc.RunServiceStub).WatchRun
    position = _Position()

    def ask() -> Any:
        return runs_pb2.WatchRunRequest(
            name=run,
            after_revision=position.revision,
            send_initial_state=not position.revision,
            epoch=position.epoch,
        )

    return _events(endpoint, method, ask, position, on_break=on_break, on_message=on_message)


def watch_runs(
    endpoint: Endpoint,
    project: str,
    query: str = "",
    *,
    after_revision: int = 0,
    on_break: OnBreak = _nobody_listens,
    on_message: OnMessage = _nobody_waits,
) -> Iterator[events_pb2.Event]:
    """Yields each change of a run of a project, for ever; `query` says of which runs.

    It begins after a revision, such as a list's, or with what happens next. A run that stops
    matching comes once more, with `matches_filter` false.

    Raises:
        OutOfRangeError: The revision is no longer kept.
    """
    from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc

    method = endpoint.stub(runs_pb2_grpc.RunServiceStub).WatchRuns
    position = _Position(after_revision)

    def ask() -> Any:
        return runs_pb2.WatchRunsRequest(
            parent=project,
            filter=query,
            after_revision=position.revision,
            epoch=position.epoch,
        )

    return _events(
        endpoint,
        method,
        ask,
        position,
        on_break=on_break,
        on_lost=_refuse if after_revision else None,
        on_message=on_message,
    )


def watch_events(
    endpoint: Endpoint,
    project: str,
    resource_types: Sequence[str] = (),
    *,
    after_revision: int = 0,
    on_break: OnBreak = _nobody_listens,
) -> Iterator[events_pb2.Event]:
    """Yields each change in a project after a revision, or from now on, for ever.

    Args:
        endpoint: The workspace.
        project: "projects/<id>", or "projects/-" for all that the caller may see.
        resource_types: Only these, such as "weft.dev/Run"; all where empty.
        after_revision: 0 begins with what happens next.
        on_break: Told of each break.

    Raises:
        OutOfRangeError: The revision is no longer kept.
    """
    from weftapi.workspace.v1 import events_pb2, events_pb2_grpc

    method = endpoint.stub(events_pb2_grpc.EventServiceStub).WatchEvents
    position = _Position(after_revision)

    def ask() -> Any:
        return events_pb2.WatchEventsRequest(
            parent=project,
            resource_types=resource_types,
            after_revision=position.revision,
            epoch=position.epoch,
        )

    return _events(endpoint, method, ask, position, on_break=on_break, on_lost=_refuse)


def _refuse(error: OutOfRangeError) -> None:
    """There is no snapshot to begin again from: going on would leave a gap that nobody sees."""
    raise error


def _events(
    endpoint: Endpoint,
    method: Any,
    ask: Callable[[], Any],
    position: _Position,
    *,
    on_break: OnBreak,
    on_lost: Callable[[OutOfRangeError], None] | None = None,
    on_message: OnMessage = _nobody_waits,
) -> Iterator[events_pb2.Event]:
    """Yields each change once, opening the watch again with what `ask` then gives."""

    def reopen(*, is_fresh: bool) -> Any:
        return endpoint.open(method, ask(), is_fresh=is_fresh)

    lost = on_lost or position.forget
    for message in resumed(endpoint, reopen, on_lost=lost, on_break=on_break):
        on_message()
        yield from position.take(message)
        if message.end_of_stream:
            return


def tail_logs(
    endpoint: Endpoint,
    log_stream: str,
    *,
    offset: int = 0,
    last_lines: int = 0,
    wanted: logs_pb2.LogFilter | None = None,
    on_break: OnBreak = _nobody_listens,
) -> Iterator[logs_pb2.TailLogsResponse]:
    """Yields batches of lines from an offset, or from so many lines before the end, to the end."""
    from weftapi.workspace.v1 import logs_pb2, logs_pb2_grpc

    method = endpoint.stub(logs_pb2_grpc.LogServiceStub).TailLogs
    # An offset that is set wins, also 0.
    start = None if last_lines else offset
    request = logs_pb2.TailLogsRequest(
        log_stream=log_stream, offset=start, last_lines=last_lines, filter=wanted
    )

    def reopen(*, is_fresh: bool) -> Any:
        return endpoint.open(method, request, is_fresh=is_fresh)

    def skip_trimmed(error: OutOfRangeError) -> None:
        """Goes on at the first line that is still kept."""
        if "firstOffset" not in error.metadata:
            raise error
        request.offset, request.last_lines = int(error.metadata["firstOffset"]), 0

    for message in resumed(endpoint, reopen, on_lost=skip_trimmed, on_break=on_break):
        yield message
        request.offset, request.last_lines = message.next_offset, 0
        if message.end_of_stream:
            return


def tail_build_log(
    endpoint: Endpoint, build: str, *, step: str = "", on_break: OnBreak = _nobody_listens
) -> Iterator[str]:
    """Yields what builds an image of a build, from the beginning to its end."""
    from weftapi.workspace.v1 import builds_pb2, builds_pb2_grpc

    method = endpoint.stub(builds_pb2_grpc.BuildServiceStub).TailBuildLog
    request = builds_pb2.TailBuildLogRequest(name=build, step=step)

    def reopen(*, is_fresh: bool) -> Any:
        return endpoint.open(method, request, is_fresh=is_fresh)

    for message in resumed(endpoint, reopen, on_lost=_refuse, on_break=on_break):
        if message.text:
            yield message.text
        request.offset_bytes = message.next_offset_bytes
        if message.end_of_stream:
            return


class _Position:
    """How far a watch has come; drops what was seen before (S30)."""

    def __init__(self, revision: int = 0) -> None:
        self.forget()
        self.revision = revision

    def forget(self, _error: OutOfRangeError | None = None) -> None:
        """Begins again from a snapshot."""
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


def resumed(
    endpoint: Endpoint,
    reopen: Reopen,
    *,
    on_lost: Callable[[OutOfRangeError], None],
    on_break: OnBreak = _nobody_listens,
) -> Iterator[Any]:
    """Yields the messages of a stream, opening it again for as long as it may go on.

    `on_lost` is called when the resume point is gone, to choose another. Raises ApiError where
    opening again cannot help, and where the server was never reached at all.
    """
    import grpc

    backoff = Backoff()
    is_fresh = was_heard = False
    while True:
        error: ApiError | None = None
        try:
            for message in _watched(lambda fresh=is_fresh: reopen(is_fresh=fresh)):  # type: ignore[misc]
                is_fresh, was_heard = False, True
                backoff.healthy()
                yield message
        except grpc.RpcError as rpc_error:
            error = endpoint.error_of(rpc_error)
        except ApiError as refused:
            # The token could not be renewed: the control plane may be away, and come back.
            error = refused
        if isinstance(error, NotSignedInError) and not is_fresh:
            is_fresh = True
            continue
        if isinstance(error, OutOfRangeError):
            on_lost(error)
        elif error is not None:
            # A server that answered other calls before is away for a while, and no wrong address.
            is_away = endpoint.was_heard and isinstance(error, UnavailableError)
            if not ((was_heard or is_away) and backoff.forgives(error)):
                raise error
        on_break(error)
        backoff.wait()


def _watched(reopen: Callable[[], Any]) -> Iterator[Any]:
    """The messages of a call that is cancelled when it falls silent (S18)."""
    call = reopen()
    silence = _silences.watch(call)
    try:
        for message in call:
            # While the reader works on the message, silence is not the server's.
            silence.pause()
            yield message
            silence.begin()
    finally:
        silence.pause()
        call.cancel()


class _Silence:
    """When a call was last heard; written by its reader, read by the thread below."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.begin()

    def begin(self) -> None:
        self.since: float | None = time.monotonic()

    def pause(self) -> None:
        self.since = None


class _Silences:
    """One thread that cancels calls that have fallen silent, however many there are."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, _Silence]] = []
        self._count = 0
        self._thread: threading.Thread | None = None

    def watch(self, call: Any) -> _Silence:
        silence = _Silence(call)
        with self._changed:
            self._put(silence, SILENCE_S)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="weft-silence", daemon=True)
                self._thread.start()
            self._changed.notify()
        return silence

    def _put(self, silence: _Silence, delay_s: float) -> None:
        self._count += 1  # keeps equal times in order
        heapq.heappush(self._due, (time.monotonic() + delay_s, self._count, silence))

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._due or self._due[0][0] > time.monotonic():
                    left_s = self._due[0][0] - time.monotonic() if self._due else None
                    self._changed.wait(left_s)
                silence = heapq.heappop(self._due)[2]
                heard = silence.since
                silent_s = time.monotonic() - heard if heard is not None else 0.0
                is_over = silence.call.done()
                if not is_over and silent_s < SILENCE_S:
                    self._put(silence, SILENCE_S - silent_s)
            if not is_over and silent_s >= SILENCE_S:
                silence.call.cancel()


_silences = _Silences()
