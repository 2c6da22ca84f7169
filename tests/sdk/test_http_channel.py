"""Calls over HTTP as callers see them: the same errors, streams and ends as over gRPC."""

from __future__ import annotations

import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.sdk.servers import IDENTITY
from weft._connection import Endpoint, no_token
from weft.errors import ConflictError, InvalidRequestError, NotFoundError, UnavailableError
from weftapi.workspace.v1 import (
    logs_pb2,
    logs_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
)

RUN = "projects/demo/runs/one"
STREAM = "projects/demo/logStreams/one"
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the gateway does; what exactly is the test's."""

    protocol_version = "HTTP/1.1"
    server: Gateway

    def do_GET(self) -> None:
        self.server.asked.append((self.client_address[1], self.path))
        self.server.answer(self)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def reply(self, status: int, document: Any, **headers: str) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def part(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Nobody reads along."""


class Gateway(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Answer, identity: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.asked: list[tuple[int, str]] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_: object) -> None:
        """A client that goes is part of the test."""


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("identity") / "identity.pem"
    file.write_bytes(IDENTITY.key + IDENTITY.certificate)
    return file


@pytest.fixture
def serve(identity: Path) -> Callable[[Answer], Any]:
    @contextmanager
    def serving(answer: Answer) -> Iterator[tuple[Gateway, Endpoint]]:
        gateway = Gateway(answer, identity)
        threading.Thread(target=gateway.serve_forever, args=(0.01,), daemon=True).start()
        url = f"https://127.0.0.1:{gateway.server_address[1]}/api/workspaces/lab"
        endpoint = Endpoint(url, ca_pem=IDENTITY.certificate.decode(), token=no_token)
        try:
            yield gateway, endpoint
        finally:
            endpoint.close()
            gateway.shutdown()
            gateway.server_close()

    return serving


def get_run(endpoint: Endpoint, **given: float) -> Any:
    stub = endpoint.stub(runs_pb2_grpc.RunServiceStub)
    return endpoint.call(stub.GetRun, runs_pb2.GetRunRequest(name=RUN), **given)


def tail(endpoint: Endpoint) -> Any:
    stub = endpoint.stub(logs_pb2_grpc.LogServiceStub)
    return endpoint.open(stub.TailLogs, logs_pb2.TailLogsRequest(log_stream=STREAM, offset=0))


def test_one_connection_serves_call_after_call_and_is_renewed(serve: Any) -> None:
    def answer(handler: Handler) -> None:
        # A field of a later version is nobody's trouble.
        handler.reply(200, {"name": RUN, "ofTomorrow": 1})
        # Closes without a word, as servers do with connections that were idle for long.
        handler.close_connection = len(handler.server.asked) == 2

    with serve(answer) as (gateway, endpoint):
        assert [get_run(endpoint).name for _ in range(4)] == [RUN] * 4
        connections = [connection for connection, _ in gateway.asked]
        assert connections[0] == connections[1] != connections[2] == connections[3]
        assert gateway.asked[0][1] == f"/api/workspaces/lab/v1/{RUN}"


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [(5, 404, NotFoundError), (9, 400, ConflictError), (3, 400, InvalidRequestError)],
)
def test_a_refusal_is_the_same_as_over_grpc(
    serve: Any, code: int, http_status: int, kind: type[Exception]
) -> None:
    details = [
        {"@type": "type.googleapis.com/of.tomorrow.Hint", "value": "AA=="},
        {"@type": ERROR_INFO, "reason": "WHY", "domain": "weft.dev", "metadata": {"key": "value"}},
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "name", "description": "is odd"}],
        },
    ]
    told = {"code": code, "message": "No.", "details": details}
    with (
        serve(lambda h: h.reply(http_status, told, x_request_id="r-1")) as (_, endpoint),
        pytest.raises(kind) as caught,
    ):
        get_run(endpoint)
    error: Any = caught.value
    assert (str(error), error.reason, error.metadata) == ("No.", "WHY", {"key": "value"})
    assert error.violations == (("name", "is odd"),)
    assert error.request_id == "r-1"


@pytest.mark.parametrize("http_status", [200, 302, 403, 502])
def test_a_portal_in_between_is_called_so(serve: Any, http_status: int) -> None:
    page = b"<html>Please agree to our terms.</html>"
    with (
        serve(lambda h: h.reply(http_status, page)) as (_, endpoint),
        pytest.raises(UnavailableError, match="what answers there is no gateway of Weft"),
    ):
        get_run(endpoint)


@pytest.mark.parametrize("page", [b"<html>\n</html>\n", b"[]\n", b"{}\n", b"1\n"])
def test_a_portal_is_called_so_on_a_stream(serve: Any, page: bytes) -> None:
    with serve(lambda h: h.reply(200, page)) as (_, endpoint), pytest.raises(grpc.RpcError) as told:
        list(tail(endpoint))
    assert endpoint.error_of(told.value).code == 14


def test_a_call_has_an_end_though_nobody_answers(serve: Any) -> None:
    over = threading.Event()
    try:
        with (
            serve(lambda _: over.wait(60)) as (_, endpoint),
            pytest.raises(UnavailableError, match="did not answer in time"),
        ):
            get_run(endpoint, timeout_s=0.05)
    finally:
        over.set()


def test_a_stream_that_is_cut_is_no_stream_that_ended(serve: Any) -> None:
    def answer(handler: Handler) -> None:
        handler.begin_stream()
        handler.part(b'{"result": {"nextOffset": "1"}}\n{"result": {"nextOffset": "2"}}\n')
        if len(handler.server.asked) == 1:
            handler.close_connection = True
        else:
            handler.part(b"")

    with serve(answer) as (_, endpoint):
        cut = tail(endpoint)
        assert [next(cut).next_offset for _ in range(2)] == [1, 2]
        with pytest.raises(grpc.RpcError) as caught:
            next(cut)
        assert endpoint.error_of(caught.value).code == 14
        call = tail(endpoint)
        assert [message.next_offset for message in call] == [1, 2]
        assert call.done()


def test_the_last_line_of_a_stream_may_be_its_error(serve: Any) -> None:
    def answer(handler: Handler) -> None:
        handler.begin_stream()
        info = {"@type": ERROR_INFO, "reason": "LOG_TRIMMED", "metadata": {"firstOffset": "7"}}
        status = {"code": 11, "message": "Gone.", "details": [info]}
        handler.part(json.dumps({"error": status}).encode() + b"\n")
        handler.part(b"")

    with serve(answer) as (_, endpoint), pytest.raises(grpc.RpcError) as caught:
        list(tail(endpoint))
    error = endpoint.error_of(caught.value)
    assert (error.reason, error.metadata) == ("LOG_TRIMMED", {"firstOffset": "7"})


def test_a_stream_is_cancelled_while_somebody_waits_for_it(serve: Any) -> None:
    over = threading.Event()

    def answer(handler: Handler) -> None:
        handler.begin_stream()
        handler.part(b'{"result": {"nextOffset": "1"}}\n')
        over.wait(60)

    with serve(answer) as (_, endpoint):
        call = tail(endpoint)
        assert next(call).next_offset == 1
        canceller = threading.Thread(target=call.cancel)
        canceller.start()
        with pytest.raises(grpc.RpcError) as caught:
            next(call)
        canceller.join()
        over.set()
    assert endpoint.error_of(caught.value).code == 1
    assert call.done()


def ended(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error: Any = caught.value
    return error.code(), error.details()


def test_a_closed_channel_ends_its_calls_and_takes_no_others(serve: Any) -> None:
    asked, over = threading.Event(), threading.Event()

    def answer(handler: Handler) -> None:
        if "logStreams" in handler.path:
            handler.begin_stream()
            handler.part(b'{"result": {"nextOffset": "1"}}\n')
        else:
            asked.set()
        over.wait(60)

    with serve(answer) as (_, endpoint):
        runs = endpoint.stub(runs_pb2_grpc.RunServiceStub)
        stream, unread, channel = tail(endpoint), tail(endpoint), endpoint.channel
        assert next(stream).next_offset == 1
        with ThreadPoolExecutor() as threads:
            call = threads.submit(runs.GetRun, runs_pb2.GetRunRequest(name=RUN))
            waiting = threads.submit(next, stream)
            asked.wait()
            endpoint.close()
            ends = [ended(each) for each in (call.result, waiting.result, lambda: next(unread))]
        over.set()
    assert ends == [(grpc.StatusCode.CANCELLED, "Channel closed!")] * 3
    logs, reports = (
        logs_pb2_grpc.LogServiceStub(channel),
        reports_pb2_grpc.ReportServiceStub(channel),
    )
    for method, request in (
        (runs.GetRun, runs_pb2.GetRunRequest(name=RUN)),
        (logs.TailLogs, logs_pb2.TailLogsRequest(log_stream=STREAM)),
        (reports.StreamReports, iter(())),
    ):
        with pytest.raises(ValueError, match="Cannot invoke RPC on closed channel!"):
            method(request)
    channel.close()


def test_reports_end_with_their_channel_though_none_was_under_way(serve: Any) -> None:
    def say() -> Iterator[reports_pb2.StreamReportsRequest]:
        yield reports_pb2.StreamReportsRequest(open=reports_pb2.OpenReports(run=RUN))
        batch = reports_pb2.ReportBatch(reports=[reports_pb2.Report(sequence=1)])
        while True:
            yield reports_pb2.StreamReportsRequest(batch=batch)

    with serve(lambda handler: handler.reply(200, {})) as (gateway, endpoint):
        stub = endpoint.stub(reports_pb2_grpc.ReportServiceStub)
        answers = iter(stub.StreamReports(say()))
        assert next(answers).acked_sequence == 1
        endpoint.close()
        end = ended(lambda: next(answers))
        assert len(gateway.asked) == 1
    assert end == (grpc.StatusCode.CANCELLED, "Channel closed!")


def test_a_copy_of_the_process_ends_nothing_of_its_parent(serve: Any) -> None:
    over = threading.Event()

    def answer(handler: Handler) -> None:
        handler.begin_stream()
        handler.part(b'{"result": {"nextOffset": "1"}}\n')
        over.wait(60)
        handler.part(b'{"result": {"nextOffset": "2"}}\n')
        handler.part(b"")

    with serve(answer) as (_, endpoint):
        stream = tail(endpoint)
        assert next(stream).next_offset == 1
        child = os.fork()
        if not child:
            endpoint.channel.close()
            os._exit(0)
        assert os.waitpid(child, 0) == (child, 0)
        over.set()
        assert [message.next_offset for message in stream] == [2]
