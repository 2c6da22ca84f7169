import asyncio
import json
import time

import grpc
import pytest
from google.protobuf import descriptor_pb2

from meshkit import deadlines, status
from meshkit.caller import Call, current_call
from meshkit.channels import Channels, service_config
from meshkit.errors import DeadlineExceeded
from meshkit.spiffe import Role
from tests.meshkit import toy

Code = grpc.StatusCode


class Stub:
    """What generated code makes of the toy."""

    def __init__(self, channel) -> None:
        self.channel = channel
        self.Peers = toy.unary(channel, "Peers")
        self.Hang = toy.unary(channel, "Hang")
        self.PeerChat = toy.bidi(channel, "PeerChat")


@pytest.fixture
async def mesh(tmp_path):
    async with toy.running(tmp_path / "server") as running:
        yield running


@pytest.fixture
def gateway(tmp_path, mesh):
    """Another service of the mesh, with credentials of its own."""
    return toy.credentials_for(tmp_path / "gateway", mesh.authority, toy.identity(Role.GATEWAY))


@pytest.fixture
async def channel(mesh, gateway):
    async with Channels(gateway, services=[toy.DESCRIPTOR]) as channels:
        yield channels.to(mesh.credentials.identity, f"127.0.0.1:{mesh.server.ports.mesh}")


@pytest.fixture(autouse=True)
def no_deadline():
    yield
    deadlines.bind(None)


async def test_two_services_know_each_other_by_their_identities(channel, gateway):
    answer = await channel.stub(Stub).Peers(toy.Request(text="hi"))
    assert answer.text == f"hi|peer|{gateway.identity}|gateway"


async def test_a_server_with_another_identity_is_not_talked_to(mesh, gateway):
    async with Channels(gateway) as channels:
        address = f"127.0.0.1:{mesh.server.ports.mesh}"
        imposter = channels.to(toy.identity(Role.WORKSPACE), address)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await imposter.stub(Stub).Peers(toy.Request(), timeout=5)
    assert refused.value.code() is Code.UNAVAILABLE
    assert mesh.toy.reached == []


async def test_a_stub_is_made_once(channel):
    assert channel.stub(Stub) is channel.stub(Stub)
    assert channel.stub(Stub) is not channel.stream_stub(Stub)


async def test_after_a_rotation_streams_finish_on_the_old_channel_and_calls_use_the_new(
    mesh, gateway, channel
):
    old = channel.stub(Stub)
    stream = channel.stream_stub(Stub).PeerChat()
    await stream.write(toy.Request(text="before"))
    assert (await stream.read()).text == "before"
    old_serial = gateway.serial

    gateway.install(toy.issue(mesh.authority, gateway.identity), mesh.authority.pem)
    mesh.denied_serials.replace([])
    fresh = channel.stub(Stub)

    assert fresh is not old
    assert (await fresh.Peers(toy.Request())).text
    await stream.write(toy.Request(text="after"))
    assert (await stream.read()).text == "after"
    await stream.done_writing()
    assert await stream.code() is Code.OK
    # The new channel shook hands with the new certificate: denying the old one hurts nobody.
    mesh.denied_serials.replace([old_serial])
    assert (await channel.stub(Stub).Peers(toy.Request())).text


async def test_a_call_has_a_deadline_of_its_own(mesh, gateway):
    async with Channels(gateway, timeout_s=0.05) as channels:
        address = f"127.0.0.1:{mesh.server.ports.mesh}"
        stub = channels.to(mesh.credentials.identity, address).stub(Stub)
        seen = stub.Peers(toy.Request())
        assert 0 < seen.time_remaining() <= 0.05
        seen.cancel()


async def test_a_call_ends_before_the_one_it_serves(channel):
    deadlines.bind(3.0)
    call = channel.stub(Stub).Peers(toy.Request(), timeout=60)
    assert call.time_remaining() <= 2.95
    assert (await call).text
    deadlines.bind(0.01)
    with pytest.raises(DeadlineExceeded):
        await channel.stub(Stub).Peers(toy.Request())


def test_a_deadline_is_the_smaller_of_both():
    deadlines.bind(None)
    assert deadlines.limit(10) == 10
    deadlines.bind(5)
    assert 4.9 < deadlines.limit(10) <= 4.95
    assert deadlines.limit(1) == 1
    deadlines.bind(-1)
    assert deadlines.limit(10) == 0
    assert time.monotonic() > 0


async def test_request_and_trace_ids_travel_on(channel):
    trace = "0af7651916cd43dd8448eb211c80319c"
    current_call.set(Call("/x/Y", request_id="req-9", trace_id=trace))
    call = channel.stub(Stub).Peers(toy.Request())
    await call
    assert dict(await call.trailing_metadata())["x-request-id"] == "req-9"


async def test_an_answered_error_is_read_back(mesh):
    async with mesh.edge() as edge:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await toy.unary(edge, "Echo")(toy.Request(name="cats/1"), metadata=mesh.bearer())
    found = status.from_rpc_error(refused.value)
    assert (found.code, found.reason) == (7, "NOT_PERMITTED")


async def test_reads_and_repeatable_changes_are_retried(mesh, gateway):
    failures = 2

    class Flaky(grpc.aio.ServerInterceptor):
        async def intercept_service(self, continuation, details):
            nonlocal failures
            if failures:
                failures -= 1
                return grpc.unary_unary_rpc_method_handler(_unavailable)
            return await continuation(details)

    async def _unavailable(_raw, context):
        await context.abort(Code.UNAVAILABLE, "try again")

    async def _fine(_raw, _context):
        return toy.Response(text="fine").SerializeToString()

    server = grpc.aio.server(interceptors=[Flaky()])
    handlers = {name: grpc.unary_unary_rpc_method_handler(_fine) for name in ("Peers", "Write")}
    server.add_registered_method_handlers(toy.SERVICE, handlers)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(toy.SERVICE, handlers),))
    port = server.add_secure_port("127.0.0.1:0", mesh.credentials.for_server())
    await server.start()
    async with Channels(gateway, services=[toy.DESCRIPTOR]) as channels:
        channel = channels.to(mesh.credentials.identity, f"127.0.0.1:{port}")
        assert (await channel.stub(Stub).Peers(toy.Request())).text == "fine"
        failures = 1
        stub = channel.stub(lambda connection: toy.unary(connection, "Write"))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub(toy.Request())
        assert refused.value.code() is Code.UNAVAILABLE
    await server.stop(None)


def test_the_service_config_names_what_is_safe_to_repeat():
    config = json.loads(service_config([toy.DESCRIPTOR]))
    (entry,) = config["methodConfig"]
    names = {name["method"] for name in entry["name"]}
    assert "Echo" in names
    assert "Write" not in names
    assert entry["retryPolicy"]["maxAttempts"] == 5
    assert json.loads(service_config([]))["methodConfig"] == []
    assert descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS == 1


async def test_closing_cancels_what_still_drains(mesh, gateway):
    channels = Channels(gateway)
    channel = channels.to(mesh.credentials.identity, f"127.0.0.1:{mesh.server.ports.mesh}")
    stream = channel.stream_stub(Stub).PeerChat()
    await stream.write(toy.Request(text="hi"))
    await stream.read()
    gateway.install(toy.issue(mesh.authority, gateway.identity), mesh.authority.pem)
    channel.stub(Stub)
    await asyncio.sleep(0)
    await channels.close()
    assert await stream.code() is Code.CANCELLED
