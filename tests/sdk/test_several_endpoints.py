"""An endpoint that is several replicas: whoever loses one goes on at another by itself."""

from __future__ import annotations

import threading

import grpc
import pytest

from tests.sdk.servers import IDENTITY, serving
from tests.sdk.test_streams import CHANGES, LINES, LOG, RUN, SNAPSHOT, Feed
from weft import _backoff
from weft._connection import Endpoint, no_token
from weft._streams import tail_logs, watch_run
from weft._targets import target_of
from weft.errors import ContextError
from weftapi.workspace.v1 import (
    logs_pb2_grpc,
    runs_pb2_grpc,
    server_pb2,
    server_pb2_grpc,
)


class Info(server_pb2_grpc.ServerServiceServicer):
    """A replica that can be told apart."""

    def __init__(self, name: str) -> None:
        self.name = name

    def GetServerInfo(self, request, context):
        return server_pb2.ServerInfo(version=self.name)


def register(feed: Feed, name: str):
    def add(server: grpc.Server) -> None:
        runs_pb2_grpc.add_RunServiceServicer_to_server(feed, server)
        logs_pb2_grpc.add_LogServiceServicer_to_server(feed, server)
        server_pb2_grpc.add_ServerServiceServicer_to_server(Info(name), server)

    return add


def hang(context: grpc.ServicerContext) -> None:
    """Says nothing more until the connection is gone."""
    gone = threading.Event()
    if context.add_callback(gone.set):
        gone.wait()


def test_streams_and_calls_go_on_at_another_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_backoff.time, "sleep", lambda _: None)
    feed = Feed()
    with serving(register(feed, "a")) as a, serving(register(feed, "b")) as b:
        both = f"127.0.0.1:{a.port},127.0.0.1:{b.port}"
        endpoint = Endpoint(both, ca_pem=IDENTITY.certificate.decode(), token=no_token)
        info = server_pb2.GetServerInfoRequest()
        stub = endpoint.stub(server_pb2_grpc.ServerServiceStub)
        servers = {"a": a, "b": b}
        first = endpoint.call(stub.GetServerInfo, info).version
        feed.breaks = iter([(60, hang), (20, hang)])
        # The one that it talks to ends in the middle of a watch and of a tail.
        events, lines = watch_run(endpoint, RUN), tail_logs(endpoint, LOG)
        names = [next(events).name for _ in range(30)]
        batches = [next(lines) for _ in range(10)]
        servers.pop(first).stop()
        names += [event.name for event in events]
        batches += list(lines)
        assert names == SNAPSHOT + CHANGES
        assert [line.message for batch in batches for line in batch.lines] == LINES
        assert len(feed.openings) == 4
        # And the same stub calls whoever is left.
        assert [endpoint.call(stub.GetServerInfo, info).version] == list(servers)
        endpoint.close()


def test_where_several_endpoints_lead() -> None:
    target, options = target_of("localhost:1, 127.0.0.1:2")
    assert sorted(target.removeprefix("ipv4:").split(",")) == ["127.0.0.1:1", "127.0.0.1:2"]
    assert ("grpc.ssl_target_name_override", "localhost") in options
    assert target_of("weft.example.com:7790") == ("weft.example.com:7790", [])
    with pytest.raises(ContextError, match="on its network"):
        target_of("one.invalid:1,two.invalid:1")
