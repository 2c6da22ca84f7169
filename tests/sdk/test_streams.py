"""Watches and tails survive breaks: what is yielded is what happened, once, in order."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator

import grpc
import pytest

from tests.sdk.servers import Server, cutting, dialing, refuse, serving
from weft import _backoff, _streams
from weft._streams import tail_logs, watch_run
from weft.errors import NotFoundError, NotSignedInError, UnavailableError
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import (
    events_pb2,
    logs_pb2,
    logs_pb2_grpc,
    reports_pb2,
    run_types_pb2,
    runs_pb2,
    runs_pb2_grpc,
)

RUN = "projects/default/runs/brave-otter"
LOG = "projects/default/logStreams/brave-otter-train-1"
EPOCHS = (
    "019a0000-0000-7000-8000-00000000000a",
    "019a0000-0000-7000-8000-00000000000b",
)
Break = Callable[[grpc.ServicerContext], None]


class Feed(runs_pb2_grpc.RunServiceServicer, logs_pb2_grpc.LogServiceServicer):
    """A feed of 200 commits and a log of 200 lines.

    `breaks` holds, for each opening, after how many messages it breaks, and how; openings
    beyond it go on to the end. A watch starts with a snapshot of revision 50.
    """

    def __init__(self) -> None:
        self.breaks: Iterator[tuple[int, Break]] = iter(())
        self.openings: list[object] = []
        self.epoch = EPOCHS[0]
        self.compacted = 0
        self.trimmed = 0

    def GetRun(self, request, context):
        return run_types_pb2.Run(name=request.name)

    def WatchRun(self, request, context):
        self.openings.append(request)
        if request.after_revision and (
            request.after_revision < self.compacted or request.epoch != self.epoch
        ):
            refuse(context, grpc.StatusCode.OUT_OF_RANGE, "REVISION_COMPACTED")
        yield from self._broken(self._events(request), context)

    def TailLogs(self, request, context):
        self.openings.append(request)
        first = request.offset if request.HasField("offset") else 200 - request.last_lines
        if first < self.trimmed:
            refuse(
                context,
                grpc.StatusCode.OUT_OF_RANGE,
                "LOG_TRIMMED",
                firstOffset=str(self.trimmed),
            )
        yield from self._broken(self._lines(first), context)

    def _broken(self, messages, context):
        count, break_ = next(self.breaks, (None, None))
        yield from itertools.islice(messages, count)
        if count is not None:
            break_(context)

    def _events(self, request):
        revision = request.after_revision
        epoch = self.epoch
        if not revision:
            for part in range(3):
                event = events_pb2.Event(
                    type=events_pb2.EVENT_TYPE_SNAPSHOT, revision=50, name=f"state {part}"
                )
                yield events_pb2.WatchResponse(revision=50, epoch=epoch, events=[event])
            done = events_pb2.Bookmark(initial_complete=True)
            yield events_pb2.WatchResponse(revision=50, bookmark=done)
            revision = 50
        for number in range(revision + 1, 201):
            for index in range(2):
                event = events_pb2.Event(
                    type=events_pb2.EVENT_TYPE_UPDATED,
                    revision=number,
                    index=index,
                    name=f"{number}.{index}",
                )
                yield events_pb2.WatchResponse(
                    revision=number,
                    epoch=epoch,
                    events=[event],
                    more_in_revision=index == 0,
                    end_of_stream=number == 200 and index == 1,
                )
            epoch = ""

    def _lines(self, first):
        for number in range(first, 200):
            line = types_pb2.LogLine(message=f"line {number}")
            yield logs_pb2.TailLogsResponse(lines=[line], next_offset=number + 1)
        yield logs_pb2.TailLogsResponse(next_offset=200, end_of_stream=True)


def with_code(code: grpc.StatusCode, reason: str = "") -> Break:
    def break_(context: grpc.ServicerContext) -> None:
        if reason:
            refuse(context, code, reason)
        context.abort(code, "broken")

    return break_


def close_politely(_context: grpc.ServicerContext) -> None:
    """OK without `end_of_stream`: to be resumed, never taken for the end."""


BREAKS = [
    close_politely,
    with_code(grpc.StatusCode.UNAVAILABLE),
    with_code(grpc.StatusCode.INTERNAL),
    with_code(grpc.StatusCode.CANCELLED),
    with_code(grpc.StatusCode.DEADLINE_EXCEEDED),
    with_code(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED"),
    with_code(grpc.StatusCode.RESOURCE_EXHAUSTED, "SLOW_CONSUMER"),
]
SNAPSHOT = [f"state {part}" for part in range(3)]
CHANGES = [f"{number}.{index}" for number in range(51, 201) for index in range(2)]
LINES = [f"line {number}" for number in range(200)]


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def server(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(_backoff.Backoff, "wait", lambda *_: None)

    def register(made: grpc.Server) -> None:
        runs_pb2_grpc.add_RunServiceServicer_to_server(feed, made)
        logs_pb2_grpc.add_LogServiceServicer_to_server(feed, made)

    with serving(register) as server:
        yield server


def lines_of(batches: Iterator[logs_pb2.TailLogsResponse]) -> list[str]:
    return [line.message for batch in batches for line in batch.lines]


@pytest.mark.parametrize("seed", range(10))
def test_a_tail_yields_each_line_once_whatever_breaks(seed: int, feed: Feed, server) -> None:
    chance = random.Random(seed)
    feed.breaks = iter([(chance.randint(1, 40), chance.choice(BREAKS)) for _ in range(5)])
    with dialing(server.port) as endpoint:
        assert lines_of(tail_logs(endpoint, LOG)) == LINES
    assert len(feed.openings) == 6


@pytest.mark.parametrize("seed", range(10))
def test_a_watch_yields_each_change_once_whatever_breaks(seed: int, feed: Feed, server) -> None:
    chance = random.Random(seed)
    # Never in the snapshot: that one is sent again, as it should be.
    feed.breaks = iter([(chance.randint(5, 60), chance.choice(BREAKS)) for _ in range(5)])
    with dialing(server.port) as endpoint:
        seen = [event.name for event in watch_run(endpoint, RUN)]
    assert seen == SNAPSHOT + CHANGES
    assert len(feed.openings) == 6


@pytest.mark.parametrize("seed", range(3))
def test_streams_survive_a_wire_that_keeps_being_cut(seed: int, feed: Feed, server) -> None:
    chance = random.Random(seed)
    cuts = [chance.randint(3_000, 8_000) for _ in range(6)]
    broke: list[object] = []
    with cutting(server.port, cuts) as wire, dialing(wire.port) as endpoint:
        try:
            assert lines_of(tail_logs(endpoint, LOG, on_break=broke.append)) == LINES
        except UnavailableError:
            # The very first connection was cut before it said a word.
            assert not broke
            return
    assert broke


def test_a_snapshot_that_broke_is_begun_again(feed: Feed, server) -> None:
    feed.breaks = iter([(2, close_politely)])
    with dialing(server.port) as endpoint:
        seen = [event.name for event in watch_run(endpoint, RUN)]
    assert seen == SNAPSHOT[:2] + SNAPSHOT + CHANGES
    assert feed.openings[1].send_initial_state


def test_a_break_inside_of_a_commit_resumes_before_it(feed: Feed, server) -> None:
    # 3 + 1 messages of the snapshot, then the first half of commit 51.
    feed.breaks = iter([(5, close_politely)])
    with dialing(server.port) as endpoint:
        seen = [event.name for event in watch_run(endpoint, RUN)]
    assert feed.openings[1].after_revision == 50
    assert seen == SNAPSHOT + CHANGES


def test_a_place_that_is_gone_begins_again_from_a_snapshot(feed: Feed, server) -> None:
    def compact(_context: grpc.ServicerContext) -> None:
        feed.compacted = 1_000

    feed.breaks = iter([(24, compact), (0, close_politely)])
    with dialing(server.port) as endpoint:
        seen = [event.name for event in watch_run(endpoint, RUN)]
    assert seen == SNAPSHOT + CHANGES[:20] + SNAPSHOT + CHANGES


def test_another_epoch_begins_again_from_a_snapshot(feed: Feed, server) -> None:
    def restore(_context: grpc.ServicerContext) -> None:
        feed.epoch = EPOCHS[1]

    feed.breaks = iter([(24, restore), (0, close_politely)])
    with dialing(server.port) as endpoint:
        seen = [event.name for event in watch_run(endpoint, RUN)]
    assert seen == SNAPSHOT + CHANGES[:20] + SNAPSHOT + CHANGES


def test_lines_that_were_trimmed_are_skipped(feed: Feed, server) -> None:
    feed.trimmed = 150
    with dialing(server.port) as endpoint:
        assert lines_of(tail_logs(endpoint, LOG)) == LINES[150:]


def test_the_last_lines_are_asked_for_once(feed: Feed, server) -> None:
    feed.breaks = iter([(3, close_politely)])
    with dialing(server.port) as endpoint:
        assert lines_of(tail_logs(endpoint, LOG, last_lines=10)) == LINES[190:]
    assert feed.openings[1].offset == 193


def test_what_cannot_be_mended_is_raised(feed: Feed, server) -> None:
    feed.breaks = iter([(3, with_code(grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND"))])
    with dialing(server.port) as endpoint, pytest.raises(NotFoundError):
        lines_of(tail_logs(endpoint, LOG))


def test_a_token_refused_twice_is_raised(feed: Feed, server) -> None:
    refused = (0, with_code(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED"))
    feed.breaks = iter([refused, refused])
    with dialing(server.port) as endpoint, pytest.raises(NotSignedInError):
        lines_of(tail_logs(endpoint, LOG))
    assert len(feed.openings) == 2


def test_a_server_that_was_never_there_is_an_error_at_once(server) -> None:
    server.stop()
    with dialing(server.port) as endpoint, pytest.raises(UnavailableError, match="cannot be rea"):
        lines_of(tail_logs(endpoint, LOG))


def test_a_server_that_answered_before_is_waited_for(
    feed: Feed, server, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = iter([server.start])

    def pause(*_: object) -> None:
        next(pauses, lambda: time.sleep(0.05))()

    monkeypatch.setattr(_backoff.Backoff, "wait", pause)
    with dialing(server.port) as endpoint:
        stub = runs_pb2_grpc.RunServiceStub(endpoint.channel)
        endpoint.call(stub.GetRun, runs_pb2.GetRunRequest(name=RUN))
        server.stop()
        assert lines_of(tail_logs(endpoint, LOG)) == LINES


def test_a_control_plane_that_is_away_while_a_token_ends_is_waited_for(feed, server) -> None:
    feed.breaks = iter([(3, with_code(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED"))])
    answers = iter(["first", UnavailableError("away", code=14), "second"])

    def token(*, is_fresh: bool) -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with dialing(server.port, token) as endpoint:
        assert lines_of(tail_logs(endpoint, LOG)) == LINES


def test_silence_ends_a_stream_and_begins_it_again(
    feed: Feed, server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_streams, "SILENCE_S", 0.2)
    released = threading.Event()

    def fall_silent(_context: grpc.ServicerContext) -> None:
        released.wait(60)

    feed.breaks = iter([(3, fall_silent)])
    with dialing(server.port) as endpoint:
        assert lines_of(tail_logs(endpoint, LOG)) == LINES
    released.set()


def test_a_slow_reader_is_no_silence(feed: Feed, server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_streams, "SILENCE_S", 0.05)
    pause = threading.Event()
    seen: list[str] = []
    with dialing(server.port) as endpoint:
        for batch in tail_logs(endpoint, LOG):
            seen += [line.message for line in batch.lines]
            if len(seen) == 3:
                pause.wait(0.3)
    assert seen == LINES
    assert len(feed.openings) == 1


def test_a_hundred_streams_take_one_thread_to_watch_for_silence(feed: Feed, server) -> None:
    with dialing(server.port) as endpoint:
        lines_of(tail_logs(endpoint, LOG))  # starts it
        before = threading.active_count()
        silences = [_streams._silences.watch(_FakeCall()) for _ in range(100)]
        assert threading.active_count() <= before
    for silence in silences:
        silence.call.is_done = True


class _FakeCall:
    is_done = False

    def done(self) -> bool:
        return self.is_done

    def cancel(self) -> None:
        self.is_done = True


def test_a_notice_is_no_end(feed: Feed, server) -> None:
    notice = reports_pb2.Notice(reconnect=True, reason="age")
    message = logs_pb2.TailLogsResponse(next_offset=0, notice=notice)
    original = feed._lines
    calls = itertools.count()
    feed._lines = lambda first: iter([message]) if next(calls) == 0 else original(first)
    with dialing(server.port) as endpoint:
        assert lines_of(tail_logs(endpoint, LOG)) == LINES
