"""Open streams: judged again, asked to end, ended; and how many calls and streams one may have."""

import asyncio
from datetime import timedelta

import grpc
import pytest

from meshkit import status
from meshkit.spiffe import Role
from tests.meshkit import toy
from tests.meshkit.toy import code_of, refused

Code = grpc.StatusCode
TOY = toy.Request(name="toys/1", text="hi")


@pytest.fixture
async def mesh(tmp_path):
    async with toy.running(tmp_path) as running:
        yield running


@pytest.fixture
async def edge(mesh):
    async with mesh.edge() as channel:
        yield channel


class TestOpenStreams:
    async def test_a_changed_policy_ends_the_streams_it_no_longer_allows(self, mesh, edge):
        mesh.policy.change(alice="toys/", bob="toys/")
        alice = toy.server_stream(edge, "Watch")(TOY, metadata=mesh.bearer())
        bob = toy.server_stream(edge, "Watch")(TOY, metadata=mesh.bearer("users/bob"))
        for stream in (alice, bob):
            assert (await stream.read()).text == "open"
            assert (await stream.read()).text == "shared"
        mesh.policy.change(bob="toys/")
        assert await alice.code() is Code.PERMISSION_DENIED
        assert not bob.done()
        bob.cancel()

    async def test_a_resource_named_later_is_decided_again_too(self, mesh, edge):
        mesh.policy.change(alice="toys/")
        stream = toy.bidi(edge, "Chat")(metadata=mesh.bearer())
        await stream.write(toy.Request(name="toys/1", text="a"))
        await stream.read()
        await stream.write(toy.Request(name="toys/2", text="b"))
        await stream.read()
        mesh.policy.change(alice="toys/1")
        assert await stream.code() is Code.PERMISSION_DENIED

    async def test_authorization_is_decided_again_as_time_passes(self, mesh, edge):
        stream = toy.server_stream(edge, "Watch")(TOY, metadata=mesh.bearer())
        await stream.read()
        mesh.policy.grants.clear()  # without a new revision
        mesh.clock.advance(seconds=301)
        await stream.read()
        assert await stream.code() is Code.PERMISSION_DENIED

    async def test_an_old_stream_is_asked_to_reconnect(self, mesh, edge):
        stream = toy.server_stream(edge, "Watch")(
            TOY, metadata=mesh.bearer(lifetime=timedelta(hours=2))
        )
        await stream.read()
        await stream.read()
        mesh.clock.advance(minutes=34)
        assert (await stream.read()).text == "reconnect"
        assert await stream.code() is Code.OK

    async def test_a_token_that_expires_lets_its_stream_say_goodbye(self, mesh, edge):
        stream = toy.server_stream(edge, "Watch")(TOY, metadata=mesh.bearer())
        await stream.read()
        await stream.read()
        mesh.clock.advance(minutes=10, seconds=1)
        assert (await stream.read()).text == "reconnect"
        assert await stream.code() is Code.OK

    async def test_a_stream_that_does_not_leave_is_ended(self, mesh, edge):
        stream = toy.bidi(edge, "Chat")(metadata=mesh.bearer())
        await stream.write(TOY)
        await stream.read()
        mesh.clock.advance(minutes=11)
        assert await stream.code() is Code.UNAUTHENTICATED

    async def test_a_cancelled_stream_is_cleaned_up_and_gives_its_slot_back(self, mesh, edge):
        stream = toy.server_stream(edge, "Watch")(TOY, metadata=mesh.bearer())
        await stream.read()
        stream.cancel()
        await mesh.toy.cleaned_up.wait()
        assert await _streams_left(mesh) == 0

    async def test_a_reader_that_takes_nothing_is_told_where_it_stopped(self, mesh):
        async with mesh.edge(("grpc.http2.bdp_probe", 0)) as channel:
            stream = toy.server_stream(channel, "Flood")(TOY, metadata=mesh.bearer())
            await stream.read()
            await _blocked(mesh)
            mesh.clock.advance(seconds=31)
            await mesh.toy.cleaned_up.wait()
            error = await refused(_read_all(stream))
        assert error.code() is Code.RESOURCE_EXHAUSTED
        assert status.from_rpc_error(error).metadata == {"lastRevision": "41"}
        ended = mesh.server.metrics.registry.get_sample_value("weft_rpc_slow_consumers_total")
        assert ended == 1


async def _read_all(stream) -> None:
    while await stream.read() is not grpc.aio.EOF:
        pass


async def _streams_left(mesh) -> int:
    """Open streams once those that are over have been put away."""
    await mesh.toy.cleaned_up.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    return int(mesh.server.metrics.registry.get_sample_value("weft_rpc_streams"))


async def _blocked(mesh) -> None:
    """Waits until a stream's write has begun and cannot end."""
    (stream,) = [s for streams in mesh.server._open_streams for s in streams._streams]
    since = 0.0
    while not (since and since == stream.writing_since):
        since = stream.writing_since
        mesh.clock.advance(milliseconds=1)
        await asyncio.sleep(0.05)


class TestLimits:
    async def test_calls_beyond_the_burst_are_told_when_to_come_back(self, tmp_path):
        async with (
            toy.running(tmp_path, rate_per_second=2, rate_burst=3) as mesh,
            mesh.edge() as edge,
        ):
            echo = toy.unary(edge, "Echo")
            bearer = mesh.bearer()
            for _ in range(3):
                await echo(TOY, metadata=bearer)
            error = await refused(echo(TOY, metadata=bearer))
            assert error.code() is Code.RESOURCE_EXHAUSTED
            found = status.from_rpc_error(error)
            assert (found.reason, found.retry_after_s) == ("RATE_LIMITED", 0.5)
            await code_of(echo(TOY, metadata=mesh.bearer("users/bob")))  # denied, not limited
            mesh.clock.advance(seconds=0.5)
            await echo(TOY, metadata=bearer)

    async def test_public_methods_are_limited_by_address(self, tmp_path):
        async with (
            toy.running(tmp_path, rate_per_second=1, rate_burst=2) as mesh,
            mesh.edge() as first,
            mesh.edge() as second,
        ):
            await toy.unary(first, "Ping")(TOY)
            await toy.unary(second, "Ping")(TOY)
            assert await code_of(toy.unary(second, "Ping")(TOY)) is Code.RESOURCE_EXHAUSTED

    async def test_a_gateway_is_believed_about_addresses_and_nobody_else(self, tmp_path):
        async with toy.running(tmp_path, rate_per_second=1, rate_burst=1) as mesh:
            async with mesh.edge() as edge:
                for address in ("10.0.0.1", "10.0.0.2"):
                    call = toy.unary(edge, "Ping")(
                        TOY, metadata=[("x-weft-client-address", address)]
                    )
                    if address == "10.0.0.1":
                        await call
                    else:
                        assert await code_of(call) is Code.RESOURCE_EXHAUSTED
            async with mesh.peer(Role.GATEWAY) as gateway:
                ping = toy.unary(gateway, "Ping")
                for address in ("10.0.0.1", "10.0.0.2"):
                    await ping(TOY, metadata=[("x-weft-client-address", address)])
                again = ping(TOY, metadata=[("x-weft-client-address", "10.0.0.1")])
                assert await code_of(again) is Code.RESOURCE_EXHAUSTED

    async def test_streams_are_limited_for_each_principal_and_in_all(self, tmp_path):
        limits = {"max_streams_per_principal": 2, "max_streams": 3}
        async with toy.running(tmp_path, **limits) as mesh, mesh.edge() as edge:
            mesh.policy.change(alice="toys/", bob="toys/")
            watch = toy.server_stream(edge, "Watch")
            streams = [watch(TOY, metadata=mesh.bearer()) for _ in range(2)]
            for stream in streams:
                await stream.read()
            third = watch(TOY, metadata=mesh.bearer())
            assert await third.code() is Code.RESOURCE_EXHAUSTED
            bob = watch(TOY, metadata=mesh.bearer("users/bob"))
            await bob.read()
            other = watch(TOY, metadata=mesh.bearer("users/bob"))
            assert await other.code() is Code.RESOURCE_EXHAUSTED
            streams[0].cancel()
            await mesh.toy.cleaned_up.wait()
            again = watch(TOY, metadata=mesh.bearer())
            assert (await again.read()).text == "open"
