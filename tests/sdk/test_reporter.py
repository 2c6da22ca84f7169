"""Reports reach a real server once and in order, whatever happens to the stream."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator

import grpc
import pytest

from tests.sdk.servers import Server, cutting, dialing, refuse, serving
from weft import _reporter
from weft._reporter import Reporter
from weft.errors import WeftError
from weftapi.workspace.v1 import reports_pb2, reports_pb2_grpc, run_types_pb2

RUN = "projects/default/runs/brave-otter"
REPORTER = "019a0000-0000-7000-8000-000000000001"
Misbehave = Callable[[grpc.ServicerContext], bool]


class Reports(reports_pb2_grpc.ReportServiceServicer):
    """Applies each sequence once, as the workspace does, and misbehaves where told to.

    `plan` is asked before each answer; what it returns says whether to answer at all.
    """

    def __init__(self) -> None:
        self.applied: list[int] = []
        self.received = 0
        self.openings = 0
        self.tokens: list[str] = []
        self.plan: Iterator[Misbehave] = iter(())
        self.lock = threading.Lock()

    def StreamReports(self, requests, context):
        self.openings += 1
        self.tokens.append(dict(context.invocation_metadata()).get("authorization", ""))
        assert next(requests).open.reporter == REPORTER
        yield from self._answer(context)
        for request in requests:
            with self.lock:
                for report in request.batch.reports:
                    self.received += 1
                    assert report.sequence <= len(self.applied) + 1, "a gap"
                    if report.sequence == len(self.applied) + 1:
                        self.applied.append(report.sequence)
            yield from self._answer(context)

    def _answer(self, context):
        misbehave = next(self.plan, None)
        if misbehave is None or misbehave(context):
            yield reports_pb2.StreamReportsResponse(acked_sequence=len(self.applied))


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def server(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(_reporter, "_BACKOFF_S", (0.001, 0.02))
    register = reports_pb2_grpc.add_ReportServiceServicer_to_server
    with serving(lambda made: register(reports, made)) as server:
        yield server


@pytest.fixture
def failures() -> list[WeftError]:
    return []


@pytest.fixture
def make(failures: list[WeftError]) -> Callable[..., Reporter]:
    def make(endpoint, on_answer=lambda _answer: None) -> Reporter:
        return Reporter(
            endpoint, RUN, REPORTER, first=0, on_answer=on_answer, on_failure=failures.append
        )

    return make


def report() -> reports_pb2.Report:
    return reports_pb2.Report(run=reports_pb2.RunReport(state=run_types_pb2.RUN_STATE_RUNNING))


def abort(code: grpc.StatusCode, reason: str = "") -> Misbehave:
    def misbehave(context: grpc.ServicerContext) -> bool:
        if reason:
            refuse(context, code, reason)
        context.abort(code, "broken")
        return False

    return misbehave


def be_silent(_context: grpc.ServicerContext) -> bool:
    return False


def behave(_context: grpc.ServicerContext) -> bool:
    return True


UNAVAILABLE = abort(grpc.StatusCode.UNAVAILABLE)
INTERNAL = abort(grpc.StatusCode.INTERNAL)
REFUSED = abort(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")


def test_all_reports_arrive_once_in_order(reports, server, make) -> None:
    with dialing(server.port) as endpoint:
        reporter = make(endpoint)
        for _ in range(1_500):
            reporter.send(report())
        assert reporter.close(30.0)
    assert reports.applied == list(range(1, 1_501))
    assert reports.openings == 1
    assert not reporter._thread.is_alive()


@pytest.mark.parametrize("seed", range(4))
def test_reports_survive_a_wire_that_keeps_being_cut(seed, reports, server, make) -> None:
    chance = random.Random(seed)
    cuts = [chance.randint(500, 15_000) for _ in range(10)]
    with cutting(server.port, cuts) as wire, dialing(wire.port) as endpoint:
        reporter = make(endpoint)
        for _ in range(2_000):
            reporter.send(report())
        assert reporter.close(60.0)
        assert wire.cuts_made > 0
    assert reports.applied == list(range(1, 2_001))


@pytest.mark.parametrize(
    "plan",
    [
        [UNAVAILABLE, UNAVAILABLE, INTERNAL],
        [behave, be_silent, UNAVAILABLE, behave],
        [behave, UNAVAILABLE, behave, INTERNAL],
    ],
)
def test_what_was_not_acknowledged_is_sent_again(plan, reports, server, make) -> None:
    reports.plan = iter(plan)
    with dialing(server.port) as endpoint:
        reporter = make(endpoint)
        for _ in range(20):
            reporter.send(report())
        assert reporter.close(30.0)
    assert reports.applied == list(range(1, 21))
    assert reports.openings > 1


def test_a_server_that_restarts_is_found_again(reports, server, make) -> None:
    heard = threading.Event()
    with dialing(server.port) as endpoint:
        reporter = make(endpoint, lambda _answer: heard.set())
        reporter.send(report())
        assert heard.wait(30)
        server.stop()
        reporter.send(report())
        server.start()
        assert reporter.close(30.0)
    assert reports.applied == [1, 2]


def test_a_server_that_drains_politely_is_left_and_found_again(reports, server, make) -> None:
    def drain(_context):
        return True

    first = True

    def notice(answer) -> None:
        nonlocal first
        if first:
            first = False
            threading.Thread(target=server.stop, args=(5,)).start()

    with dialing(server.port) as endpoint:
        reporter = make(endpoint, notice)
        reporter.send(report())
        assert reporter.close(30.0)
    assert reports.applied == [1]


def test_a_refused_token_is_renewed_once(reports, server, make, failures) -> None:
    reports.plan = iter([REFUSED])
    asked: list[bool] = []

    def token(*, is_fresh: bool) -> str:
        asked.append(is_fresh)
        return "fresh" if is_fresh else "stale"

    with dialing(server.port, token) as endpoint:
        reporter = make(endpoint)
        reporter.send(report())
        assert reporter.close(30.0)
    assert asked == [False, True]
    assert reports.tokens == ["Bearer stale", "Bearer fresh"]
    assert not failures


def test_a_token_that_stays_refused_ends_it(reports, server, make, failures) -> None:
    reports.plan = iter([REFUSED, REFUSED])
    with dialing(server.port) as endpoint:
        reporter = make(endpoint)
        reporter.send(report())
        assert not reporter.close(30.0)
    assert failures == [reporter.error]


def test_another_reporter_of_the_run_ends_this_one(reports, server, make, failures) -> None:
    reports.plan = iter([abort(grpc.StatusCode.ABORTED, "ATTEMPT_FENCED")])
    with dialing(server.port) as endpoint:
        reporter = make(endpoint)
        reporter.send(report())
        assert not reporter.close(30.0)
    assert getattr(failures[0], "reason", "") == "ATTEMPT_FENCED"


def test_a_workspace_that_stays_away_is_waited_for_no_longer_than_asked(
    reports, server, make
) -> None:
    server.stop()
    with dialing(server.port) as endpoint:
        reporter = make(endpoint)
        reporter.send(report())
        assert not reporter.close(0.2)
        reporter._thread.join(30)
        assert not reporter._thread.is_alive()


def test_directives_are_heard_though_nothing_is_reported(reports, server, make) -> None:
    heard: list[reports_pb2.StreamReportsResponse] = []
    with dialing(server.port) as endpoint:
        reporter = make(endpoint, heard.append)
        assert reporter.close(30.0)
    assert len(heard) <= 1
