import asyncio
import json
import urllib.request

import pytest
import structlog
from pydantic_settings import SettingsConfigDict

from meshkit import status
from meshkit.config import ConfigError, ServerSettings
from meshkit.errors import FieldViolation, InvalidArgument, ResourceExhausted
from meshkit.limits import Rate, RateLimiter, StreamSlots
from meshkit.telemetry import request_id_of, trace_id_of
from tests.meshkit import toy

TRACE = "0af7651916cd43dd8448eb211c80319c"
TOY = toy.Request(name="toys/1", text="the payload")


class Lines(structlog.testing.LogCapture):
    """Captured lines to wait for: a caller has its answer before the call is logged."""

    def __init__(self) -> None:
        super().__init__()
        self._grown = asyncio.Event()

    def __call__(self, logger, method_name, event_dict):
        self._grown.set()
        return super().__call__(logger, method_name, event_dict)

    async def reach(self, count: int) -> list:
        while len(self.entries) < count:
            self._grown.clear()
            await self._grown.wait()
        assert len(self.entries) == count
        return self.entries


@pytest.fixture
def lines():
    captured = Lines()
    processors = structlog.get_config()["processors"]
    before = processors.copy()
    processors[:] = [captured]
    yield captured
    processors[:] = before


class TestLog:
    async def test_one_line_for_each_call_without_payload_or_token(self, tmp_path, lines):
        async with toy.running(tmp_path) as mesh, mesh.edge() as edge:
            bearer = mesh.bearer()
            metadata = [
                *bearer,
                ("x-request-id", "req-1"),
                ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),
            ]
            await toy.unary(edge, "Echo")(TOY, metadata=metadata)
            (line,) = await lines.reach(1)
        assert line.pop("ms") >= 0
        assert line == {
            "event": "rpc",
            "log_level": "debug",
            "method": toy.path("Echo"),
            "caller": "users/alice",
            "code": "OK",
            "request_id": "req-1",
            "trace_id": TRACE,
        }
        assert bearer[0][1] not in repr(lines.entries)

    async def test_only_quick_successes_are_left_to_the_metrics(self, tmp_path, lines):
        async with toy.running(tmp_path) as mesh, mesh.edge() as edge:
            await toy.unary(edge, "Echo")(TOY, metadata=mesh.bearer())
            await lines.reach(1)
            await toy.unary(edge, "Echo")(TOY).code()
            await lines.reach(2)
            stream = toy.server_stream(edge, "Watch")(TOY, metadata=mesh.bearer())
            await stream.read()
            stream.cancel()
            found = await lines.reach(3)
        assert [line["log_level"] for line in found] == ["debug", "info", "info"]

    async def test_a_call_that_is_slow_is_worth_a_line(self, tmp_path, lines):
        async with toy.running(tmp_path, slow_call_s=0) as mesh, mesh.edge() as edge:
            await toy.unary(edge, "Echo")(TOY, metadata=mesh.bearer())
            (line,) = await lines.reach(1)
        assert (line["code"], line["log_level"]) == ("OK", "info")

    async def test_a_refusal_says_what_lay_behind_it(self, tmp_path, lines):
        async with toy.running(tmp_path) as mesh, mesh.edge() as edge:
            metadata = [("authorization", "Bearer a.b.c")]
            call = toy.unary(edge, "Echo")(TOY, metadata=metadata)
            assert await call.code() is toy.grpc.StatusCode.UNAUTHENTICATED
            (line,) = await lines.reach(1)
        assert (line["caller"], line["code"]) == ("anonymous", "UNAUTHENTICATED")
        assert line["cause"] == "NotCompactError"
        assert "a.b.c" not in repr(lines.entries)

    async def test_a_bug_is_logged_with_its_traceback(self, tmp_path, lines):
        async with toy.running(tmp_path) as mesh, mesh.edge() as edge:
            call = toy.unary(edge, "Fail")(toy.Request(), metadata=mesh.bearer())
            assert await call.code() is toy.grpc.StatusCode.INTERNAL
            failed, line = await lines.reach(2)
        assert failed["event"] == "rpc_failed"
        assert isinstance(failed["exc_info"], RuntimeError)
        assert failed["request_id"] == line["request_id"]

    async def test_a_process_logs_json_to_standard_error(self, tmp_path):
        async with toy.process(tmp_path) as ready:
            ready["process"].terminate()
            _, log = await ready["process"].communicate()
        lines = [json.loads(line) for line in log.splitlines()]
        assert [line["event"] for line in lines] == ["draining", "stopped"]
        assert all(line["timestamp"].endswith("Z") for line in lines)


def fetch(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return answer.read().decode()


async def test_metrics_count_calls_by_method_and_code(tmp_path, lines):
    async with toy.running(tmp_path) as mesh, mesh.edge() as edge:
        await toy.unary(edge, "Echo")(TOY, metadata=mesh.bearer())
        await toy.unary(edge, "Echo")(TOY).code()
        await lines.reach(2)
        stream = toy.server_stream(edge, "Watch")(TOY, metadata=mesh.bearer())
        await stream.read()
        text = await asyncio.to_thread(fetch, mesh.server.ports.metrics)
        stream.cancel()
    method = toy.path("Echo")
    assert f'weft_rpc_requests_total{{code="OK",method="{method}"}} 1.0' in text
    assert f'weft_rpc_requests_total{{code="UNAUTHENTICATED",method="{method}"}} 1.0' in text
    assert f'weft_rpc_duration_seconds_count{{method="{method}"}} 2.0' in text
    assert "weft_rpc_streams 1.0" in text
    assert "weft_rpc_in_flight 1.0" in text


@pytest.mark.parametrize(
    ("traceparent", "trace"),
    [
        (f"00-{TRACE}-b7ad6b7169203331-01", TRACE),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", ""),
        (f"00-{TRACE.upper()}-b7ad6b7169203331-01", ""),
        ("", ""),
        ("garbage\n", ""),
    ],
)
def test_a_trace_id_is_read_or_ignored(traceparent, trace):
    assert trace_id_of(traceparent) == trace


def test_a_request_id_that_could_forge_a_log_line_is_replaced():
    assert request_id_of("a-b_c.1") == "a-b_c.1"
    for bad in ("", "a b", "a\nb", "x" * 65, "é"):
        assert request_id_of(bad) != bad
    assert request_id_of("") != request_id_of("")


class TestStatus:
    def test_details_survive_the_wire_within_4_kib(self):
        violations = [FieldViolation(f"items[{i}]" * 40, "x" * 2000) for i in range(500)]
        error = InvalidArgument(
            "INVALID_FIELDS", "m" * 9000, violations=violations, metadata={"k": "v" * 9000}
        )
        sent = status.to_proto(error)
        assert sent.ByteSize() <= status.MAX_DETAILS_BYTES
        assert sent.code == 3

    def test_even_a_flood_of_metadata_fits(self):
        error = InvalidArgument("R", "m", metadata={f"key{i}": "v" * 600 for i in range(100)})
        sent = status.to_proto(error)
        assert sent.ByteSize() <= status.MAX_DETAILS_BYTES
        assert len(sent.details) == 1


class TestLimits:
    def test_a_bucket_refills_and_never_beyond_its_burst(self):
        now = 0.0
        limiter = RateLimiter(Rate(10, 2), lambda: now)
        for _ in range(2):
            limiter.take("a")
        with pytest.raises(ResourceExhausted) as refused:
            limiter.take("a")
        assert refused.value.retry_after_s == pytest.approx(0.1)
        limiter.take("b")
        now = 0.1
        limiter.take("a")
        now = 1000.0
        for _ in range(2):
            limiter.take("a")
        with pytest.raises(ResourceExhausted):
            limiter.take("a")

    def test_buckets_are_bounded(self, monkeypatch):
        monkeypatch.setattr("meshkit.limits._MAX_BUCKETS", 10)
        limiter = RateLimiter(Rate(1, 1), lambda: 0.0)
        for key in range(100):
            limiter.take(str(key))
        assert len(limiter._buckets) == 10

    def test_slots_are_given_back(self):
        slots = StreamSlots(3)
        slots.take("a", 2)
        slots.take("a", 2)
        with pytest.raises(ResourceExhausted) as refused:
            slots.take("a", 2)
        assert refused.value.metadata == {"limit": "2"}
        slots.take("b", 2)
        with pytest.raises(ResourceExhausted) as refused:
            slots.take("c", 2)
        assert refused.value.metadata == {"limit": "3"}
        slots.give_back("a")
        slots.take("c", 2)
        assert slots.count == 3


class Settings(ServerSettings):
    model_config = SettingsConfigDict(env_prefix="WEFT_DEMO_")


class TestConfig:
    def test_every_problem_is_named_at_once(self, monkeypatch):
        monkeypatch.setenv("WEFT_DEMO_MAX_STREAMS", "a secret")
        monkeypatch.setenv("WEFT_DEMO_DRAIN_S", "soon")
        with pytest.raises(ConfigError) as refused:
            Settings.load()
        text = str(refused.value)
        for name in ("CREDENTIALS_DIR", "MAX_STREAMS", "DRAIN_S"):
            assert f"WEFT_DEMO_{name}: " in text
        assert "a secret" not in text

    def test_the_environment_wins_over_the_file_and_arguments_over_both(
        self, monkeypatch, tmp_path
    ):
        file = tmp_path / "demo.toml"
        file.write_text('credentials_dir = "/file"\nmax_streams = 1\ndrain_s = 1.5\n')
        monkeypatch.setenv("WEFT_DEMO_CONFIG_FILE", str(file))
        monkeypatch.setenv("WEFT_DEMO_MAX_STREAMS", "2")
        settings = Settings.load(drain_s=3)
        assert str(settings.credentials_dir) == "/file"
        assert (settings.max_streams, settings.drain_s) == (2, 3.0)

    @pytest.mark.parametrize("content", [None, "not = = toml"])
    def test_a_file_that_cannot_be_read_is_named(self, monkeypatch, tmp_path, content):
        file = tmp_path / "demo.toml"
        if content:
            file.write_text(content)
        monkeypatch.setenv("WEFT_DEMO_CONFIG_FILE", str(file))
        with pytest.raises(ConfigError, match="WEFT_DEMO_CONFIG_FILE"):
            Settings.load()
