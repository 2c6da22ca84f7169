"""Log lines reach a real server once and in order, over a wire that keeps being cut."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import grpc
import pytest

from tests.sdk.servers import cutting, dialing, refuse, serving
from weft import _log_shipper
from weft._log_shipper import LogShipper
from weft._records import LogBatch, LogLine, now
from weft._run_ref import RunRef
from weftapi.workspace.v1 import logs_pb2, logs_pb2_grpc

REF = RunRef("default", "brave-otter")


class Logs(logs_pb2_grpc.LogServiceServicer):
    """Keeps lines by the contract: overlap is trimmed, a gap is refused, sealed is sealed."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}
        self.sealed: set[str] = set()
        self.lock = threading.Lock()
        self.refuses: dict[str, tuple[grpc.StatusCode, str]] = {}
        self.is_away = threading.Event()

    def CreateLogStream(self, request, context):
        name = f"{request.parent}/logStreams/{request.log_stream_id}"
        with self.lock:
            kept = self.lines.setdefault(name, [])
            return logs_pb2.LogStream(name=name, next_offset=len(kept))

    def WriteLogs(self, request, context):
        if self.is_away.is_set():
            context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        if request.log_stream in self.refuses:
            refuse(context, *self.refuses[request.log_stream])
        with self.lock:
            kept = self.lines[request.log_stream]
            first = request.chunk.first_offset
            if request.log_stream in self.sealed:
                refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "LOG_SEALED")
            if first > len(kept):
                refuse(
                    context,
                    grpc.StatusCode.OUT_OF_RANGE,
                    "LOG_OFFSET_GAP",
                    expected=str(len(kept)),
                )
            kept += [line.message for line in request.chunk.lines][len(kept) - first :]
            return logs_pb2.WriteLogsResponse(committed_offset=len(kept), writer_epoch=1)

    def SealLogStream(self, request, context):
        with self.lock:
            self.sealed.add(request.name)
        return logs_pb2.LogStream(name=request.name)


@pytest.fixture
def logs() -> Logs:
    return Logs()


@pytest.fixture
def port(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(_log_shipper, "_RETRY_S", (0.001, 0.02))
    register = logs_pb2_grpc.add_LogServiceServicer_to_server
    with serving(lambda server: register(logs, server)) as server:
        yield server.port


def batch(step: str, *messages: str) -> LogBatch:
    return LogBatch(step, 1, tuple(LogLine(now(), "INFO", "stdout", text) for text in messages))


@pytest.mark.parametrize("seed", range(5))
def test_what_arrives_is_what_was_sent_however_the_wire_is_cut(
    seed: int, logs: Logs, port: int
) -> None:
    chance = random.Random(seed)
    # A TLS handshake takes about 2 kB: some cuts fall into it, most into the calls.
    cuts = [chance.randint(500, 20_000) for _ in range(10)]
    sent: dict[str, list[str]] = {"a": [], "b": []}
    with cutting(port, cuts) as wire, dialing(wire.port) as endpoint:
        shipper = LogShipper(endpoint, REF)
        for number in range(300):
            step = chance.choice("ab")
            messages = [f"{number}.{i} {'x' * chance.randint(0, 300)}" for i in range(3)]
            shipper.append(batch(step, *messages))
            sent[step] += messages
            if number == 150:
                shipper.finish("a", 2, 0.0)  # one that never was
        assert shipper.close(20.0) is None
        assert wire.cuts_made > 0
    for step, messages in sent.items():
        assert logs.lines[REF.log_stream(step, 1)] == messages
    assert logs.sealed == {REF.log_stream(step, 1) for step in sent}


def test_lines_are_shared_between_messages_of_a_size_that_servers_take(
    logs: Logs, port: int
) -> None:
    # 3 bytes a character: what counts is what travels.
    messages = [f"{number} {'字' * 5_000}" for number in range(400)]
    with dialing(port) as endpoint:
        shipper = LogShipper(endpoint, REF)
        shipper.append(batch("a", *messages))
        assert shipper.close(30.0) is None
    assert logs.lines[REF.log_stream("a", 1)] == messages


def test_a_log_that_takes_no_more_lines_keeps_no_other_from_it(
    logs: Logs, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    fenced = REF.log_stream("fenced", 1)
    logs.refuses[fenced] = (grpc.StatusCode.ABORTED, "LOG_WRITER_FENCED")
    with dialing(port) as endpoint:
        shipper = LogShipper(endpoint, REF)
        shipper.append(batch("fenced", "lost"))
        shipper.append(batch("good", "kept"))
        assert shipper.close(30.0) is None
    assert logs.lines[REF.log_stream("good", 1)] == ["kept"]
    assert f"1 lines of {fenced} are lost" in caplog.text


def test_a_replay_of_a_sealed_log_loses_nothing_and_says_nothing(
    logs: Logs, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        with dialing(port) as endpoint:
            shipper = LogShipper(endpoint, REF)
            shipper.append(batch("a", "one", "two"))
            assert shipper.close(30.0) is None
    assert logs.lines[REF.log_stream("a", 1)] == ["one", "two"]
    assert not caplog.records


def test_a_restored_workspace_that_has_less_gets_the_rest(logs: Logs, port: int) -> None:
    name = REF.log_stream("a", 1)
    with dialing(port) as endpoint:
        shipper = LogShipper(endpoint, REF)
        shipper.open("a", 1)
        shipper._logs["a", 1].next_offset = 7  # as if seven lines had been acknowledged
        shipper.append(batch("a", "eighth"))
        assert shipper.close(30.0) is None
    assert logs.lines[name] == ["eighth"]


def test_a_workspace_that_stays_away_is_waited_for_no_longer_than_asked(
    logs: Logs, port: int
) -> None:
    logs.is_away.set()
    with dialing(port) as endpoint:
        shipper = LogShipper(endpoint, REF)
        shipper.append(batch("a", "waiting"))
        error = shipper.close(0.2)
        assert "not complete" in str(error)
        # Who still speaks is not kept waiting for ever either.
        shipper.append(batch("a", "late"))


def test_who_writes_too_much_waits_until_there_is_room(
    logs: Logs, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_log_shipper, "_MAX_WAITING_BYTES", 1_000)
    logs.is_away.set()
    done = threading.Event()
    with dialing(port) as endpoint:
        shipper = LogShipper(endpoint, REF)
        shipper.append(batch("a", "x" * 2_000))

        def write() -> None:
            shipper.append(batch("a", "after"))
            done.set()

        writer = threading.Thread(target=write)
        writer.start()
        assert not done.wait(0.1)
        logs.is_away.clear()
        assert done.wait(30)
        assert shipper.close(30.0) is None
        writer.join()
    assert logs.lines[REF.log_stream("a", 1)] == ["x" * 2_000, "after"]


def test_a_refusal_for_good_is_told_at_the_end(logs: Logs, port: int) -> None:
    logs.refuses[REF.log_stream("a", 1)] = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    with dialing(port) as endpoint:
        shipper = LogShipper(endpoint, REF)
        shipper.append(batch("a", "refused"))
        assert "No: PERMISSION_DENIED." in str(shipper.close(30.0))
