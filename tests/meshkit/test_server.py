import asyncio
import signal

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from meshkit.builtin import Health
from meshkit.spiffe import Role
from tests.meshkit import toy
from tests.meshkit.toy import code_of

Code = grpc.StatusCode
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
TOY = toy.Request(name="toys/1", text="hi")
REFLECTIONS = [
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
]


@pytest.fixture
async def mesh(tmp_path):
    async with toy.running(tmp_path) as running:
        yield running


@pytest.fixture
async def edge(mesh):
    async with mesh.edge() as channel:
        yield channel


@pytest.fixture
async def probe(mesh):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{mesh.server.ports.health}") as channel:
        yield channel


async def health(channel, service: str = "") -> int:
    stub = health_pb2_grpc.HealthStub(channel)
    return (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status


async def answers(stream) -> int:
    """How many answers a stream gives before it ends well."""
    return len([answer async for answer in stream])


class TestHealth:
    @pytest.mark.parametrize("service", ["", "readiness", toy.SERVICE])
    async def test_it_is_served_in_plaintext_and_on_the_edge_without_a_token(
        self, probe, edge, service
    ):
        assert await health(probe, service) == SERVING
        assert await health(edge, service) == SERVING

    async def test_an_unknown_service_is_not_found(self, probe):
        assert await code_of(health(probe, "no.such.Service")) is Code.NOT_FOUND

    async def test_a_drain_that_begins_while_a_watch_is_answered_is_told(self):
        health = Health([])
        told = health.Watch(health_pb2.HealthCheckRequest(), None)
        assert (await anext(told)).status == SERVING
        health.drain()
        assert [answer.status async for answer in told] == [NOT_SERVING]

    async def test_nothing_else_is_served_in_plaintext(self, mesh, probe):
        for method in ("Ping", "Echo", "Peers"):
            call = toy.unary(probe, method)(TOY, metadata=mesh.bearer())
            assert await code_of(call) is Code.UNIMPLEMENTED
        call = probe.stream_stream(f"/{REFLECTIONS[0]}/ServerReflectionInfo")(iter([b""]))
        assert await code_of(call.read()) is Code.UNIMPLEMENTED

    async def test_plaintext_on_the_tls_ports_is_refused(self, mesh):
        for port in (mesh.server.ports.edge, mesh.server.ports.mesh):
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                assert await code_of(toy.unary(channel, "Ping")(TOY)) is Code.UNAVAILABLE

    async def test_a_failing_check_shows_in_readiness_alone_until_it_passes(self, mesh, probe):
        broken = True

        async def database() -> None:
            if broken:
                raise ConnectionError("no database")

        mesh.server._readiness["database"] = database
        stub = health_pb2_grpc.HealthStub(probe)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="readiness"))
        assert (await watch.read()).status == SERVING
        await mesh.server._check_readiness()
        assert (await watch.read()).status == NOT_SERVING
        assert await health(probe, toy.SERVICE) == SERVING
        broken = False
        await mesh.server._check_readiness()
        assert (await watch.read()).status == SERVING
        watch.cancel()


class TestReflection:
    @pytest.mark.parametrize("name", REFLECTIONS)
    async def test_it_lists_services_and_describes_them_to_authenticated_callers(
        self, mesh, edge, name
    ):
        stream = edge.stream_stream(
            f"/{name}/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )(metadata=mesh.bearer())
        await stream.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        listed = (await stream.read()).list_services_response.service
        assert [service.name for service in listed] == sorted(
            [toy.SERVICE, "grpc.health.v1.Health", *REFLECTIONS]
        )
        for symbol in (toy.SERVICE, "grpc.health.v1.Health"):
            await stream.write(
                reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)
            )
            described = (await stream.read()).file_descriptor_response.file_descriptor_proto
            assert described
        await stream.done_writing()
        assert await stream.code() is Code.OK

    async def test_it_answers_nobody_else(self, edge):
        for name in REFLECTIONS:
            call = edge.stream_stream(f"/{name}/ServerReflectionInfo")(iter([b""]))
            assert await code_of(call.read()) is Code.UNAUTHENTICATED

    async def test_it_is_open_where_the_settings_say_so(self, tmp_path):
        async with toy.running(tmp_path, open_reflection=True) as mesh, mesh.edge() as edge:
            call = edge.stream_stream(f"/{REFLECTIONS[0]}/ServerReflectionInfo")(iter([b""]))
            assert await answers(call) == 1

    async def test_peers_may_ask_too(self, mesh):
        pair = toy.issue(mesh.authority, toy.identity(Role.GATEWAY))
        async with mesh.mesh(pair) as channel:
            call = channel.stream_stream(f"/{REFLECTIONS[0]}/ServerReflectionInfo")(iter([b""]))
            assert await answers(call) == 1


class TestPorts:
    async def test_a_port_in_use_is_not_shared(self, tmp_path, mesh):
        taken = f"127.0.0.1:{mesh.server.ports.edge}"
        with pytest.raises(RuntimeError, match="bind"):
            async with toy.running(tmp_path / "other", edge_address=taken):
                pass

    async def test_all_four_ports_differ(self, mesh):
        ports = mesh.server.ports
        assert len({ports.edge, ports.mesh, ports.health, ports.metrics}) == 4


class TestDrain:
    async def test_streams_are_told_and_calls_finish_before_anything_is_closed(self, tmp_path):
        order: list[str] = []
        async with toy.running(tmp_path) as mesh, mesh.edge() as edge:
            for name in ("first", "second"):
                mesh.server.on_close(_note(order, name))
            watch = toy.server_stream(edge, "Watch")(TOY, metadata=mesh.bearer())
            assert (await watch.read()).text == "open"
            assert (await watch.read()).text == "shared"
            hang = toy.unary(edge, "Hang")(TOY, metadata=mesh.bearer())
            await mesh.toy.hanging.wait()
            stopping = asyncio.create_task(mesh.server.stop())
            assert (await watch.read()).text == "reconnect"
            assert await watch.code() is Code.OK
            assert mesh.server.draining.is_set()
            assert order == []
            mesh.toy.release.set()
            assert (await hang).text == "released"
            await stopping
            assert order == ["second", "first"]
            assert await code_of(toy.unary(edge, "Ping")(TOY)) is Code.UNAVAILABLE

    async def test_health_says_so_first(self, tmp_path):
        async with (
            toy.running(tmp_path) as mesh,
            grpc.aio.insecure_channel(f"127.0.0.1:{mesh.server.ports.health}") as probe,
            mesh.edge() as edge,
        ):
            watches = []
            for name in ("", "readiness", toy.SERVICE):
                stub = health_pb2_grpc.HealthStub(probe)
                watch = stub.Watch(health_pb2.HealthCheckRequest(service=name))
                assert (await watch.read()).status == SERVING
                watches.append(watch)
            hang = toy.unary(edge, "Hang")(TOY, metadata=mesh.bearer())
            await mesh.toy.hanging.wait()
            stopping = asyncio.create_task(mesh.server.stop())
            assert not hang.done()
            for watch in watches:
                assert (await watch.read()).status == NOT_SERVING
            mesh.server.health.set_ready(is_ready=True)
            assert mesh.server.health._status("readiness") == NOT_SERVING
            mesh.toy.release.set()
            await stopping

    async def test_what_does_not_leave_is_cut_off(self, tmp_path):
        async with toy.running(tmp_path, drain_s=0.1) as mesh, mesh.edge() as edge:
            chat = toy.bidi(edge, "Chat")(metadata=mesh.bearer())
            await chat.write(TOY)
            await chat.read()
            await mesh.server.stop()
            assert await chat.code() is not Code.OK


def _note(order: list[str], name: str):
    async def hook() -> None:
        order.append(name)

    return hook


class TestProcess:
    async def test_sigterm_drains_and_exits_0(self, tmp_path):
        async with toy.process(tmp_path) as ready:
            roots = grpc.ssl_channel_credentials(ready["authority"].pem)
            async with grpc.aio.secure_channel(f"localhost:{ready['edge']}", roots) as edge:
                assert (await toy.unary(edge, "Ping")(TOY)).text.startswith("hi|anonymous")
            assert ready["pid"] == ready["process"].pid
            ready["process"].send_signal(signal.SIGTERM)
            _, log = await ready["process"].communicate()
            assert ready["process"].returncode == 0
        assert b'"event": "draining"' in log
        assert b'"event": "stopped"' in log

    async def test_a_second_signal_exits_at_once(self, tmp_path):
        async with toy.process(tmp_path, drain_s=600) as ready:
            roots = grpc.ssl_channel_credentials(ready["authority"].pem)
            async with grpc.aio.secure_channel(f"localhost:{ready['edge']}", roots) as edge:
                stub = health_pb2_grpc.HealthStub(edge)
                watch = stub.Watch(health_pb2.HealthCheckRequest(service=""))
                assert (await watch.read()).status == SERVING
                ready["process"].send_signal(signal.SIGINT)
                assert (await watch.read()).status == NOT_SERVING
                ready["process"].send_signal(signal.SIGINT)
                await ready["process"].wait()
        assert ready["process"].returncode == 130

    async def test_bad_settings_are_named_and_exit_78(self, tmp_path):
        settings = {"max_streams": "many", "drain_s": "soon"}
        with pytest.raises(AssertionError, match="MAX_STREAMS") as ended:
            async with toy.process(tmp_path, **settings):
                pass
        assert "WEFT_TOY_DRAIN_S" in str(ended.value)
        assert "exit 78" in str(ended.value)
