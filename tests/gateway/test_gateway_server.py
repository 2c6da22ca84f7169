"""The gateway as a server: mutual TLS behind it, HTTPS before it, and its end. Rule 65."""

import asyncio
import contextlib
import json
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gateway.listener import HttpListener, tls_context
from gateway.mesh import GatewayMember, connect
from gateway.upstreams import Upstream, Upstreams
from meshkit import certificates
from meshkit.certificates import Authority
from meshkit.channels import Channels
from meshkit.credentials import CHAIN_FILE, KEY_FILE, Credentials, KeyPair, write_files
from meshkit.spiffe import Role, SpiffeId
from tests.gateway import toy as toys
from tests.gateway.toy import Client, Toy
from weftapi.controlplane.v1 import enrollment_pb2
from weftapi.options.v1 import options_pb2

ROOT = Path(__file__).resolve().parents[2]
BOOK = "/v1/shelves/1/books/2"
WATCH = f"{BOOK}:watch"
GATEWAY = SpiffeId("weft.test", Role.GATEWAY, UUID(int=1))
SERVER = SpiffeId("weft.test", Role.CONTROL_PLANE, UUID(int=2))
OTHER = SpiffeId("weft.test", Role.CONTROL_PLANE, UUID(int=3))


@pytest.fixture(scope="module")
def authority() -> Authority:
    return certificates.make_authority("test", now=datetime.now(UTC))


def credentials(directory: Path, authority: Authority, who: SpiffeId) -> Credentials:
    key = certificates.new_key()
    chain = certificates.sign_leaf(
        authority,
        key.public_key(),
        who,
        now=datetime.now(UTC),
        extra_names=["localhost", "127.0.0.1"],
    )
    pair = KeyPair(certificates.key_to_pem(key), chain)
    write_files(directory, pair, authority.pem)
    return Credentials(directory)


@contextlib.asynccontextmanager
async def mesh(directory: Path, authority: Authority) -> AsyncIterator[tuple[Toy, list[Any]]]:
    """The toy behind mutual TLS; the list gets what each caller's certificate says."""
    peers: list[Any] = []
    listener = credentials(directory / "server", authority, SERVER).for_server()
    async with toys.serve(listener, peers) as toy:
        yield toy, peers


@contextlib.asynccontextmanager
async def through(own: Credentials, peer: SpiffeId, address: str) -> AsyncIterator[Client]:
    """A client of a gateway that dials the address as `own`, expecting `peer`."""
    async with Channels(own) as channels:
        upstream = connect("toy", toys.NAMES, channels.to(peer, address))
        yield Client(toys.gateway(upstream))


@pytest.mark.rule(65)
async def test_services_are_dialled_as_gateway_with_the_users_token(
    tmp_path: Path, authority: Authority
) -> None:
    own = credentials(tmp_path / "gateway", authority, GATEWAY)
    async with mesh(tmp_path, authority) as (toy, peers), through(own, SERVER, toy.address) as ask:
        headers = {"authorization": "Bearer user", "x-weft-principal": "users/root"}
        assert (await ask("GET", BOOK, headers=headers)).status == 200
        assert peers == [str(GATEWAY)]
        assert toy.last.metadata["authorization"] == "Bearer user"
        own_claims = {"x-weft-client-address", "x-request-id", "x-forwarded-for"}
        said = {key for key in toy.last.metadata if key.startswith("x-")}
        assert said <= own_claims | {"x-forwarded-host"}


@pytest.mark.rule(65, refuses=True)
async def test_without_a_token_the_gateway_asserts_nobody(
    tmp_path: Path, authority: Authority
) -> None:
    own = credentials(tmp_path / "gateway", authority, GATEWAY)
    async with mesh(tmp_path, authority) as (toy, _), through(own, SERVER, toy.address) as ask:
        assert (await ask("GET", BOOK)).status == 200
        assert "authorization" not in toy.last.metadata


@pytest.mark.rule(65, refuses=True)
async def test_strangers_are_neither_dialled_nor_served(
    tmp_path: Path, authority: Authority
) -> None:
    stranger = certificates.make_authority("other", now=datetime.now(UTC))
    own = credentials(tmp_path / "gateway", authority, GATEWAY)
    foreign = credentials(tmp_path / "foreign", stranger, GATEWAY)
    async with mesh(tmp_path, authority) as (toy, peers):
        for who, expected in ((own, OTHER), (foreign, SERVER)):
            async with through(who, expected, toy.address) as ask:
                reply = await ask("GET", BOOK)
                assert (reply.status, reply.json["code"]) == (503, 14)
        assert (toy.seen, peers) == ([], [])


async def test_the_directory_names_the_workspaces(tmp_path: Path, authority: Authority) -> None:
    own = credentials(tmp_path / "gateway", authority, GATEWAY)
    upstreams = Upstreams([], workspace_services=toys.NAMES)
    async with mesh(tmp_path, authority) as (toy, _), Channels(own) as channels:
        member = GatewayMember(
            upstreams, channels, workspace_services=toys.NAMES, edge_endpoint="x:1"
        )
        peer = enrollment_pb2.DirectoryPeer(
            spiffe_id=str(SERVER),
            role=options_pb2.PEER_ROLE_WORKSPACE,
            mesh_endpoint=toy.address,
            workspaces=["organizations/o/workspaces/one"],
        )
        other = enrollment_pb2.DirectoryPeer(
            spiffe_id=str(OTHER), role=options_pb2.PEER_ROLE_CONTROL_PLANE, mesh_endpoint="x:1"
        )
        await member.hear(_directory(peer, other))
        first = upstreams.workspaces["one"]
        await member.hear(_directory(peer))
        assert upstreams.workspaces == {"one": first}
        assert upstreams.server_of("toy.v1.EchoService", "one") is first
        call = first.unary().unary_unary(f"{toys.LIBRARY}/GetBook")
        assert await call(b"")
        await member.hear(_directory())
        assert upstreams.workspaces == {}
        assert member.hello().version


def _directory(*peers: enrollment_pb2.DirectoryPeer) -> enrollment_pb2.LinkResponse:
    return enrollment_pb2.LinkResponse(directory=enrollment_pb2.Directory(peers=peers))


# HTTPS.


class Https:
    """A gateway behind real HTTPS, and bytes to and from it."""

    def __init__(self, listener: HttpListener, authority: Authority) -> None:
        self.listener = listener
        self.tls = ssl.create_default_context(cadata=authority.pem.decode())

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("localhost", self.listener.port, ssl=self.tls)

    async def send(self, raw: bytes) -> bytes:
        """Everything that comes back until the connection is closed."""
        reader, writer = await self.open()
        writer.write(raw)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer


def get(target: str, *headers: str) -> bytes:
    lines = [f"GET {target} HTTP/1.1", "host: localhost", *headers, "connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1")


@pytest.fixture
async def https(
    tmp_path: Path, authority: Authority, server: Upstream
) -> AsyncIterator[tuple[Https, Any]]:
    credentials(tmp_path / "edge", authority, GATEWAY)
    tls = tls_context(tmp_path / "edge" / CHAIN_FILE, tmp_path / "edge" / KEY_FILE)
    app = toys.gateway(server)
    listener = HttpListener(app, "127.0.0.1:0", tls=tls, drain_s=5)
    await listener.start()
    yield Https(listener, authority), app
    app.drain()
    await listener.stop()


async def test_https_serves_the_api(https: tuple[Https, Any]) -> None:
    answer = await https[0].send(get(BOOK))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert json.loads(body)["title"] == "Dune"
    assert b"server:" not in head.lower()


async def test_escaped_slashes_arrive_as_they_were_sent(https: tuple[Https, Any], toy: Toy) -> None:
    assert b" 200 " in (await https[0].send(get("/v1/isbn/a%2Fb")))[:20]
    assert toy.last.request.isbn == "a/b"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"NOT HTTP\r\n\r\n", 400),
        (get("/v1/\xe9"), 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (get(BOOK, "x: " + "a" * 20_000), 431),
        (get("/v1/echo?text=" + "x" * 9000), 414),
        (get(WATCH, "upgrade: websocket", "connection: upgrade"), 501),
        (b"GET /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n", 400),
    ],
)
async def test_what_is_no_good_http_gets_a_json_error(
    https: tuple[Https, Any], toy: Toy, raw: bytes, status: int
) -> None:
    head, _, body = (await https[0].send(raw)).partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == str(status).encode()
    assert json.loads(body).keys() == {"code", "message", "details"}
    assert toy.seen == []


async def test_old_tls_is_refused(https: tuple[Https, Any]) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    https[0].tls = old
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await https[0].open()


async def test_a_closed_connection_cancels_the_stream(https: tuple[Https, Any], toy: Toy) -> None:
    async def watch(_request: Any, _context: Any) -> AsyncIterator[Any]:
        yield toys.new("WatchBookResponse", revision=1)
        await asyncio.Event().wait()

    toy.watch = watch
    reader, writer = await https[0].open()
    writer.write(get(WATCH))
    await asyncio.wait_for(reader.readuntil(b'"revision":"1"'), 10)
    writer.transport.abort()
    await asyncio.wait_for(toy.cancelled.wait(), 10)


async def test_a_file_that_breaks_off_has_no_last_chunk(https: tuple[Https, Any]) -> None:
    whole = await https[0].send(get("/v1/file:parts"))
    broken = await https[0].send(get("/v1/file:parts?broken=true"))
    assert whole.endswith(b"0\r\n\r\n")
    assert b"a,b\n" in broken
    assert not broken.endswith(b"0\r\n\r\n")


async def test_stopping_ends_streams_and_lets_calls_finish(
    https: tuple[Https, Any], toy: Toy
) -> None:
    async def watch(_request: Any, _context: Any) -> AsyncIterator[Any]:
        yield toys.new("WatchBookResponse", revision=1)
        await asyncio.Event().wait()

    toy.watch = watch
    edge, app = https
    reader, writer = await edge.open()
    writer.write(get(WATCH, "accept: text/event-stream"))
    await asyncio.wait_for(reader.readuntil(b'"revision":"1"'), 10)
    app.drain()
    await edge.listener.stop()
    rest = await reader.read()
    assert b"event: error" in rest
    assert rest.endswith(b"0\r\n\r\n")
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await edge.open()


async def test_the_process_serves_and_exits_0_on_sigterm(
    tmp_path: Path, authority: Authority
) -> None:
    own = tmp_path / "own"
    credentials(own, authority, GATEWAY)
    membership = {"controlPlane": str(SERVER), "meshEndpoint": "127.0.0.1:1"}
    (own / "membership.json").write_text(json.dumps(membership))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "generated")]),
            "WEFT_GATEWAY_CREDENTIALS_DIR": str(own),
            "WEFT_GATEWAY_EDGE_ADDRESS": "127.0.0.1:0",
            "WEFT_GATEWAY_HEALTH_ADDRESS": "127.0.0.1:0",
        },
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        ports = await asyncio.wait_for(_ready(process.stderr), 60)
        tls = ssl.create_default_context(cadata=authority.pem.decode())
        reader, writer = await asyncio.open_connection("localhost", ports["edge"], ssl=tls)
        writer.write(get("/healthz"))
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", ports["health"])
        writer.write(get("/readyz"))
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        writer.close()
        # Without TLS there is no more than that.
        for target in ("/auth/providers", "/openapi.json", "/", "/healthz/"):
            reader, writer = await asyncio.open_connection("127.0.0.1", ports["health"])
            writer.write(get(target))
            assert (await reader.read()).startswith(b"HTTP/1.1 404 "), target
            writer.close()
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.stderr.read(), 30)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _ready(stderr: asyncio.StreamReader) -> dict[str, int]:
    lines = []
    async for line in stderr:
        lines.append(line.decode())
        if line.startswith(b"{") and json.loads(line)["event"] == "ready":
            return dict(json.loads(line))
    raise AssertionError("".join(lines))
