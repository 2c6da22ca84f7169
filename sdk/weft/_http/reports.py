"""A stream of reports as one unary call after another, for HTTP has no streams both ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from weft._http.errors import of_failure
from weft._http.wire import CLOSED, CancelledError
from weftapi.workspace.v1 import reports_pb2, reports_pb2_grpc

if TYPE_CHECKING:
    import grpc

STREAM_REPORTS = "/weftapi.workspace.v1.ReportService/StreamReports"
_CALL_S = 30.0


def report_by_calls(
    channel: grpc.Channel,
    requests: Iterator[reports_pb2.StreamReportsRequest],
    metadata: Sequence[tuple[str, str | bytes]] | None,
) -> ReportCalls:
    """What StreamReports answers, of BatchReport's answers."""
    stub = reports_pb2_grpc.ReportServiceStub(channel)
    return ReportCalls(stub.BatchReport, requests, metadata)


class ReportCalls:
    """The answers, one to each batch. What somebody wishes comes with them, and with heartbeats."""

    def __init__(
        self,
        report: Any,
        requests: Iterator[reports_pb2.StreamReportsRequest],
        metadata: Sequence[tuple[str, str | bytes]] | None,
    ) -> None:
        self._report = report
        self._requests = requests
        self._metadata = metadata
        self._answers = self._ask()

    def __iter__(self) -> Iterator[reports_pb2.StreamReportsResponse]:
        return self._answers

    def cancel(self) -> None:
        """Ends it: the call under way, if there is one, is the last."""
        self._requests = iter(())

    def _ask(self) -> Iterator[reports_pb2.StreamReportsResponse]:
        opening = next(self._requests).open
        for said in self._requests:
            request = reports_pb2.BatchReportRequest(
                run=opening.run, reporter=opening.reporter, reports=said.batch.reports
            )
            try:
                answer = self._report(request, timeout=_CALL_S, metadata=self._metadata)
            except ValueError:
                # The channel was closed between two calls: a stream that is open ends with it.
                raise of_failure(CancelledError(CLOSED)) from None
            unusual = (r for r in answer.results if r.outcome != reports_pb2.REPORT_OUTCOME_APPLIED)
            yield reports_pb2.StreamReportsResponse(
                acked_sequence=said.batch.reports[-1].sequence,
                results=unusual,
                directives=answer.directives,
            )
