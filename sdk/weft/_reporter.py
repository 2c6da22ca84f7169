"""Sends reports over one stream, keeps them until they are durable, and hears directives."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from weft._backoff import Backoff
from weft._connection import Endpoint
from weft.errors import ApiError, NotSignedInError, WeftError

if TYPE_CHECKING:
    from weftapi.workspace.v1 import reports_pb2

_MAX_BATCH = 500
_BACKOFF_S = (0.2, 10.0)
OnAnswer = Callable[["reports_pb2.StreamReportsResponse"], None]
OnFailure = Callable[[WeftError], None]


class Reporter:
    """Numbers reports, sends them in order, and resends what was not acknowledged.

    `on_answer` hears what the server says, `on_failure` once that it will take no more.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        run: str,
        reporter: str,
        *,
        first: int,
        on_answer: OnAnswer,
        on_failure: OnFailure,
    ) -> None:
        self._endpoint = endpoint
        self._run = run
        self._reporter = reporter
        self._on_answer = on_answer
        self._on_failure = on_failure
        self._next_sequence = first + 1
        self._unacked: deque[reports_pb2.Report] = deque()
        self._unsent: deque[reports_pb2.Report] = deque()
        self._changed = threading.Condition()
        self._is_closing = False
        self._abandoned = threading.Event()
        self.error: WeftError | None = None
        self._thread = threading.Thread(target=self._work, name="weft-reports", daemon=True)
        self._thread.start()

    def send(self, report: reports_pb2.Report) -> None:
        """Numbers a report and queues it; never waits."""
        with self._changed:
            if self.error is not None:
                return
            report.sequence = self._next_sequence
            self._next_sequence += 1
            self._unacked.append(report)
            self._unsent.append(report)
            self._changed.notify_all()

    def settle(self, timeout_s: float) -> bool:
        """Waits until every report so far is durable, for so long; answers whether they are."""
        with self._changed:
            last = self._next_sequence - 1
            return self._changed.wait_for(
                lambda: (
                    self.error is not None or not self._unacked or self._unacked[0].sequence > last
                ),
                timeout_s,
            )

    def close(self, timeout_s: float) -> bool:
        """Waits until every report is durable, for so long; answers whether they are."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._unacked or self.error, timeout_s)
            is_done = not self._unacked
        if not is_done:
            self._abandoned.set()
        self._thread.join(1.0)
        return is_done

    def _work(self) -> None:
        backoff, is_fresh = Backoff(*_BACKOFF_S), False
        while not self._is_over():
            try:
                self._converse(backoff, is_fresh=is_fresh)
                is_fresh = False
            except ApiError as error:
                is_refused = isinstance(error, NotSignedInError) and not is_fresh
                if not (is_refused or backoff.forgives(error)):
                    self._fail(error)
                    return
                is_fresh = is_refused
            except Exception as error:  # noqa: BLE001 - nobody else would ever hear of it
                self._fail(WeftError(f"reports cannot be sent: {error!r}"))
                return
            if not self._is_over():
                backoff.wait(self._abandoned)

    def _converse(self, backoff: Backoff, *, is_fresh: bool) -> None:
        """One stream, until it ends; raises ApiError where it broke."""
        import grpc

        from weftapi.workspace.v1 import reports_pb2_grpc

        with self._changed:
            self._unsent = deque(self._unacked)
        stop = threading.Event()
        method = self._endpoint.stub(reports_pb2_grpc.ReportServiceStub).StreamReports
        call = self._endpoint.open(method, self._say(stop), is_fresh=is_fresh)
        try:
            for answer in call:
                backoff.healthy()
                self._hear(answer)
                if answer.HasField("notice"):
                    break
        except grpc.RpcError as error:
            raise self._endpoint.error_of(error) from None
        finally:
            stop.set()
            with self._changed:
                self._changed.notify_all()
            call.cancel()

    def _say(self, stop: threading.Event) -> Iterator[reports_pb2.StreamReportsRequest]:
        """What is to be said, until everything was: then the server acknowledges and ends."""
        from weftapi.workspace.v1 import reports_pb2

        opening = reports_pb2.OpenReports(run=self._run, reporter=self._reporter)
        yield reports_pb2.StreamReportsRequest(open=opening)
        while batch := self._take(stop):
            yield reports_pb2.StreamReportsRequest(batch=reports_pb2.ReportBatch(reports=batch))

    def _take(self, stop: threading.Event) -> list[reports_pb2.Report]:
        """Whatever waits to be sent; nothing where the stream or the run has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._unsent or self._is_closing or stop.is_set())
            if stop.is_set():
                return []
            count = min(_MAX_BATCH, len(self._unsent))
            return [self._unsent.popleft() for _ in range(count)]

    def _hear(self, answer: reports_pb2.StreamReportsResponse) -> None:
        with self._changed:
            while self._unacked and self._unacked[0].sequence <= answer.acked_sequence:
                self._unacked.popleft()
            self._changed.notify_all()
        self._on_answer(answer)

    def _is_over(self) -> bool:
        with self._changed:
            return self._abandoned.is_set() or (self._is_closing and not self._unacked)

    def _fail(self, error: WeftError) -> None:
        with self._changed:
            self.error = error
            self._unsent.clear()
            self._changed.notify_all()
        self._on_failure(error)
