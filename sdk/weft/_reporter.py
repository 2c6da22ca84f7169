"""Sends reports over one stream, keeps them until they are durable, and hears directives."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from weft._connection import Endpoint
from weft.errors import ApiError, NotSignedInError, error_from_rpc

if TYPE_CHECKING:
    from weftapi.workspace.v1 import reports_pb2

_MAX_BATCH = 500
_BACKOFF_S = (0.2, 10.0)
_TRANSIENT_CODES = frozenset({1, 2, 4, 8, 13, 14})
OnAnswer = Callable[["reports_pb2.StreamReportsResponse"], None]


class Reporter:
    """Numbers reports, sends them in order, and resends what was not acknowledged."""

    def __init__(
        self, endpoint: Endpoint, run: str, reporter: str, *, first: int, on_answer: OnAnswer
    ) -> None:
        from weftapi.workspace.v1 import reports_pb2_grpc

        self._method = endpoint.stub(reports_pb2_grpc.ReportServiceStub).StreamReports
        self._endpoint = endpoint
        self._run = run
        self._reporter = reporter
        self._on_answer = on_answer
        self._next_sequence = first + 1
        self._unacked: deque[reports_pb2.Report] = deque()
        self._unsent: deque[reports_pb2.Report] = deque()
        self._changed = threading.Condition()
        self._is_closing = False
        self.error: ApiError | None = None
        self._thread = threading.Thread(target=self._work, name="weft-reports", daemon=True)
        self._thread.start()

    def send(self, report: reports_pb2.Report) -> None:
        """Numbers a report and queues it; never waits."""
        with self._changed:
            report.sequence = self._next_sequence
            self._next_sequence += 1
            self._unacked.append(report)
            self._unsent.append(report)
            self._changed.notify_all()

    def close(self, timeout_s: float) -> bool:
        """Waits until every report is durable; answers whether they are."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._unacked or self.error, timeout_s)
            is_done = not self._unacked
        self._thread.join(1.0)
        return is_done

    def _work(self) -> None:
        delay, is_fresh = _BACKOFF_S[0], False
        while not self._is_done():
            try:
                self._converse(is_fresh=is_fresh)
                delay, is_fresh = _BACKOFF_S[0], False
            except ApiError as error:
                is_refused = isinstance(error, NotSignedInError)
                if (is_refused and is_fresh) or not (is_refused or error.code in _TRANSIENT_CODES):
                    self._fail(error)
                    return
                is_fresh = is_refused
                time.sleep(random.uniform(0, delay))  # noqa: S311 - spreads load
                delay = min(delay * 2, _BACKOFF_S[1])

    def _converse(self, *, is_fresh: bool) -> None:
        """One stream, until it ends; raises ApiError where it broke."""
        import grpc

        with self._changed:
            self._unsent = deque(self._unacked)
        stop = threading.Event()
        call = self._endpoint.open(self._method, self._say(stop), is_fresh=is_fresh)
        try:
            for answer in call:
                self._hear(answer)
                if answer.HasField("notice") or self._is_done():
                    break
        except grpc.RpcError as error:
            raise error_from_rpc(error) from None
        finally:
            stop.set()
            with self._changed:
                self._changed.notify_all()
            call.cancel()

    def _say(self, stop: threading.Event) -> Iterator[reports_pb2.StreamReportsRequest]:
        from weftapi.workspace.v1 import reports_pb2

        opening = reports_pb2.OpenReports(run=self._run, reporter=self._reporter)
        yield reports_pb2.StreamReportsRequest(open=opening)
        while not stop.is_set():
            batch = self._take(stop)
            if batch:
                yield reports_pb2.StreamReportsRequest(batch=reports_pb2.ReportBatch(reports=batch))

    def _take(self, stop: threading.Event) -> list[reports_pb2.Report]:
        """Whatever waits to be sent; nothing where the stream has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._unsent or stop.is_set(), 1.0)
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

    def _is_done(self) -> bool:
        with self._changed:
            return self._is_closing and not self._unacked

    def _fail(self, error: ApiError) -> None:
        with self._changed:
            self.error = error
            self._changed.notify_all()
