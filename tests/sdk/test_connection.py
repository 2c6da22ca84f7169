"""Calls with tokens that are fetched, renewed, refused and shared between threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from tests.sdk.servers import IDENTITY, Server, dialing, make_identity, refuse, serving
from weft._connection import Connection, Endpoint, no_token
from weft._contexts import Context, ContextStore, SignIn
from weft.errors import ContextError, NotSignedInError, UnavailableError, error_from_rpc
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc
from weftapi.workspace.v1 import server_pb2, server_pb2_grpc

WORKSPACE = "organizations/o/workspaces/w"


class Mesh(auth_pb2_grpc.AuthServiceServicer, server_pb2_grpc.ServerServiceServicer):
    """A control plane and a workspace that know one living refresh token and what came of it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.refresh = "refresh-0"
        self.exchanged = self.minted = self.served = 0
        self.revoked: set[str] = set()
        self.busy = 0
        self.excuse = grpc.StatusCode.UNAVAILABLE

    def ExchangeToken(self, request, context):
        with self.lock:
            known = {"weft_pat_good", self.refresh}
            if not known & {request.personal_access_token, request.refresh_token}:
                refuse(context, grpc.StatusCode.UNAUTHENTICATED, "TOKEN_REVOKED")
            self.exchanged += 1
            self.refresh = f"refresh-{self.exchanged}"
            return self._tokens(f"access-{self.exchanged}", self.refresh)

    def MintWorkspaceToken(self, request, context):
        assert request.workspace == WORKSPACE
        self._check(context)
        with self.lock:
            self.minted += 1
            return self._tokens(f"workspace-{self.minted}", "")

    def GetServerInfo(self, request, context):
        if self.busy:
            self.busy -= 1
            context.abort(self.excuse, "busy")
        self._check(context)
        self.served += 1
        return server_pb2.ServerInfo(version="1")

    def _check(self, context):
        bearer = dict(context.invocation_metadata())["authorization"].removeprefix("Bearer ")
        if bearer in self.revoked:
            refuse(context, grpc.StatusCode.UNAUTHENTICATED, "TOKEN_REVOKED")

    def _tokens(self, access, refresh):
        tokens = auth_pb2.TokenSet(access_token=access, refresh_token=refresh)
        tokens.expire_time.FromSeconds(int(time.time()) + 600)
        return tokens


@pytest.fixture
def mesh() -> Mesh:
    return Mesh()


@pytest.fixture
def server(mesh: Mesh) -> Iterator[Server]:
    def register(made: grpc.Server) -> None:
        auth_pb2_grpc.add_AuthServiceServicer_to_server(mesh, made)
        server_pb2_grpc.add_ServerServiceServicer_to_server(mesh, made)

    with serving(register) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path, server: Server) -> ContextStore:
    store = ContextStore(tmp_path)
    target = f"127.0.0.1:{server.port}"
    store.put(
        Context(
            name="team",
            control_plane=target,
            workspace=WORKSPACE,
            workspace_endpoint=target,
            ca_pem=IDENTITY.certificate.decode(),
        )
    )
    store.sign_in("team", SignIn("refresh-0"))
    return store


@pytest.fixture
def connection(store: ContextStore) -> Iterator[Connection]:
    connection = Connection(store.current(), store)
    yield connection
    connection.close()


def ask(connection: Connection) -> str:
    endpoint = connection.workspace
    stub = endpoint.stub(server_pb2_grpc.ServerServiceStub)
    return endpoint.call(stub.GetServerInfo, server_pb2.GetServerInfoRequest()).version


def test_one_sign_in_serves_many_calls_and_processes(mesh, connection, store) -> None:
    for _ in range(3):
        assert ask(connection) == "1"
    other = Connection(store.current(), store)
    assert ask(other) == "1"
    other.close()
    assert (mesh.exchanged, mesh.minted, mesh.served) == (1, 1, 4)


def test_many_threads_at_once_renew_once(mesh, connection) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: ask(connection), range(32))) == {"1"}
    assert (mesh.exchanged, mesh.minted) == (1, 1)


def test_two_connections_at_once_renew_once(mesh, connection, store) -> None:
    """As two processes do: each has its own connection, the files are the same."""
    other = Connection(store.current(), store)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ask, [connection, other]))
    other.close()
    assert mesh.exchanged == 1


def test_a_refused_token_is_renewed_and_the_call_made(mesh, connection) -> None:
    ask(connection)
    mesh.revoked |= {"workspace-1"}
    assert ask(connection) == "1"
    assert (mesh.exchanged, mesh.minted) == (1, 2)


def test_both_tokens_refused_are_both_renewed(mesh, connection) -> None:
    ask(connection)
    mesh.revoked |= {"workspace-1", "access-1"}
    assert ask(connection) == "1"
    assert (mesh.exchanged, mesh.minted) == (2, 2)


def test_a_token_that_ends_while_it_is_minted_with_locks_nobody_out(mesh, connection, store):
    """The control plane's token ends between the look at it and its use."""
    ask(connection)
    tokens = store.sign_in_of("team").tokens
    ended = {audience: (token, time.time()) for audience, (token, _) in tokens.items()}
    store.sign_in("team", SignIn(mesh.refresh, "", ended))
    assert ask(connection) == "1"


def test_a_session_that_has_ended_is_said_once_with_its_cure(mesh, connection) -> None:
    mesh.refresh = "another"
    with pytest.raises(NotSignedInError, match=r"your sign-in has ended .* `weft login 127\.0"):
        ask(connection)
    assert mesh.exchanged == 0


def test_a_key_of_the_environment_leaves_no_trace(
    mesh, store, server, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("WEFT_API_KEY", "weft_pat_good")
    kept = (tmp_path / "credentials.json").read_text()
    connection = Connection.current()
    assert ask(connection) == "1"
    connection.close()
    assert (tmp_path / "credentials.json").read_text() == kept


def test_a_server_that_is_busy_for_a_moment_is_asked_again(mesh, connection) -> None:
    ask(connection)
    mesh.busy = 2
    assert ask(connection) == "1"
    # What a call hears that reaches a server in the moment in which it begins to drain.
    mesh.busy, mesh.excuse = 2, grpc.StatusCode.CANCELLED
    assert ask(connection) == "1"
    mesh.excuse = grpc.StatusCode.UNAVAILABLE
    mesh.busy = 100
    with pytest.raises(UnavailableError):
        ask(connection)
    assert mesh.busy == 96


def test_a_context_without_a_workspace_says_so(store) -> None:
    connection = Connection(Context(name="new", control_plane="127.0.0.1:1"), store)
    with pytest.raises(ContextError, match="has no workspace"):
        ask(connection)


def test_a_proxy_is_not_asked_for_this_machine(
    mesh, connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert ask(connection) == "1"


def call_info(endpoint: Endpoint) -> None:
    stub = endpoint.stub(server_pb2_grpc.ServerServiceStub)
    endpoint.call(stub.GetServerInfo, server_pb2.GetServerInfoRequest())


def test_nothing_there_is_said_in_words() -> None:
    with dialing(1) as endpoint, pytest.raises(UnavailableError) as caught:
        call_info(endpoint)
    assert str(caught.value) == "127.0.0.1:1 cannot be reached: nothing listens there"
    assert caught.value.detail


def test_a_foreign_certificate_is_said_in_words(server: Server) -> None:
    foreign = make_identity().certificate.decode()
    endpoint = Endpoint(f"127.0.0.1:{server.port}", ca_pem=foreign, token=no_token)
    with pytest.raises(UnavailableError, match="does not come from the CA of this context"):
        call_info(endpoint)
    endpoint.close()


class _RpcError(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode, details: str, status: bytes) -> None:
        self._answer = (code, details, status)

    def code(self):
        return self._answer[0]

    def details(self):
        return self._answer[1]

    def trailing_metadata(self):
        return (("grpc-status-details-bin", self._answer[2]),)


@pytest.mark.parametrize("code", list(grpc.StatusCode)[1:])
def test_every_code_becomes_a_sentence(code: grpc.StatusCode) -> None:
    raw = 'UNKNOWN:Error received from peer ipv4:1.2.3.4:5 {grpc_status:14, "x"}'
    error = error_from_rpc(_RpcError(code, raw, b"\xff not a status"), "host:1")
    assert error.code == code.value[0]
    if code.value[0] in {1, 2, 4, 8, 12, 13, 14}:
        assert "ipv4" not in str(error)
