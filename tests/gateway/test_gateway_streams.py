"""Rules 53-62: server streams over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from gateway.app import Gateway
from gateway.mesh import connect
from gateway.streams import Timing
from gateway.upstreams import Upstream
from meshkit.channels import PeerChannel
from tests.gateway import toy as toys
from tests.gateway.toy import Client, Toy, new

WATCH = "/v1/shelves/1/books/2:watch"
SSE = {"accept": "text/event-stream"}
FOREVER = 3600


def message(**fields: Any) -> Any:
    return new("WatchBookResponse", **fields)


def plays(*messages: Any) -> Any:
    async def watch(_request: Any, _context: Any) -> AsyncIterator[Any]:
        for one in messages:
            yield one

    return watch


async def hangs(_request: Any, context: Any) -> AsyncIterator[Any]:
    await context.send_initial_metadata(())
    await asyncio.Event().wait()
    yield message()


async def plays_one_and_hangs(_request: Any, _context: Any) -> AsyncIterator[Any]:
    yield message(revision=1)
    await asyncio.Event().wait()


async def plays_one_and_fails(_request: Any, context: Any) -> AsyncIterator[Any]:
    yield message(revision=1)
    await context.abort(grpc.StatusCode.OUT_OF_RANGE, "compacted")


async def fails_after_its_metadata(_request: Any, context: Any) -> AsyncIterator[Any]:
    await context.send_initial_metadata(())
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")
    yield message()


def events(body: bytes) -> list[dict[str, str]]:
    """The fields of each event of a stream; comments are left out."""
    found = []
    for block in body.decode().split("\n\n"):
        lines = [line.partition(": ") for line in block.split("\n") if line]
        if lines and lines[0][0]:
            found.append({name: value for name, _, value in lines})
    return found


@pytest.mark.rule(53)
@pytest.mark.parametrize("accept", [None, "application/json", "application/x-ndjson"])
async def test_messages_are_lines(ask: Client, toy: Toy, accept: str | None) -> None:
    toy.watch = plays(message(revision=1), message(revision=2))
    reply = await ask("GET", WATCH, headers={"accept": accept} if accept else {})
    assert reply.headers["content-type"] == (accept or "application/json")
    assert "content-length" not in reply.headers
    lines = reply.body.split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line)["result"]["revision"] for line in lines] == ["1", "2"]


@pytest.mark.rule(53, refuses=True)
async def test_lines_are_never_indented(ask: Client, toy: Toy) -> None:
    toy.watch = plays(message(revision=1))
    headers = {"accept": "application/json; indent=2"}
    assert (await ask("GET", WATCH, headers=headers)).body.count(b"\n") == 1


@pytest.mark.rule(54)
async def test_the_head_comes_before_any_message(server: Upstream, toy: Toy) -> None:
    toy.watch = hangs
    client = Client(toys.gateway(server, timing=Timing(head_s=0)))
    async with client.open(WATCH) as stream:
        assert (await stream.head()).status == 200


@pytest.mark.rule(54)
async def test_the_first_message_brings_the_head(server: Upstream, toy: Toy) -> None:
    toy.watch = plays_one_and_hangs
    toy.initial = [("x-weft-revision", "7")]
    client = Client(toys.gateway(server, timing=Timing(head_s=FOREVER)))
    async with client.open(WATCH) as stream:
        assert (await stream.head()).headers["grpc-metadata-x-weft-revision"] == "7"
        assert b'"revision":"1"' in await stream.part()


@pytest.mark.rule(54, refuses=True)
async def test_a_silent_service_is_a_timeout(server: Upstream, toy: Toy) -> None:
    async def silent(_request: Any, _context: Any) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield message()

    toy.watch = silent
    reply = await Client(toys.gateway(server, timing=Timing(open_s=0.05)))("GET", WATCH)
    assert (reply.status, reply.reason) == (504, "UPSTREAM_SILENT")
    await toy.cancelled.wait()


@pytest.mark.rule(55)
async def test_a_late_error_is_the_last_line(ask: Client, toy: Toy) -> None:
    toy.watch = plays_one_and_fails
    reply = await ask("GET", WATCH)
    lines = [json.loads(line) for line in reply.body.splitlines()]
    assert reply.status == 200
    assert lines[1:] == [{"error": {"code": 11, "message": "compacted", "details": []}}]


@pytest.mark.rule(55, refuses=True)
@pytest.mark.parametrize("headers", [{}, SSE])
async def test_an_early_error_has_its_status(
    server: Upstream, toy: Toy, headers: dict[str, str]
) -> None:
    toy.watch = fails_after_its_metadata
    client = Client(toys.gateway(server, timing=Timing(head_s=FOREVER)))
    reply = await client("GET", WATCH, headers=headers)
    assert (reply.status, reply.json["code"]) == (403, 7)
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.rule(55, refuses=True)
async def test_a_file_that_breaks_off_is_cut(ask: Client) -> None:
    # The server closes the connection without the last chunk: the file cannot pass as whole.
    with pytest.raises(Exception, match="lost"):
        await ask("GET", "/v1/file:parts?broken=true")


@pytest.mark.rule(56)
async def test_the_end_is_in_the_message(ask: Client, toy: Toy) -> None:
    toy.watch = plays(message(revision=1, end_of_stream=True))
    assert json.loads((await ask("GET", WATCH)).body)["result"]["endOfStream"] is True


@pytest.mark.rule(56, refuses=True)
async def test_a_clean_end_adds_no_marker(ask: Client, toy: Toy) -> None:
    toy.watch = plays()
    reply = await ask("GET", WATCH)
    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.rule(57)
async def test_server_sent_events(ask: Client, toy: Toy) -> None:
    toy.watch = plays(
        message(revision=1, bookmark={"initial_complete": True}),
        message(revision=2, events=[{"title": "Dune\nII"}], more_in_revision=True),
        message(revision=2, events=[{"title": "x"}]),
        message(revision=3, end_of_stream=True),
    )
    reply = await ask("GET", WATCH, headers=SSE)
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.body.startswith(b"retry: 2000\n\n")
    first, torn, second, last = events(reply.body)[1:]
    assert (first["event"], first["id"]) == ("bookmark", "1")
    assert (torn["event"], "id" in torn) == ("message", False)
    assert json.loads(torn["data"])["events"][0]["title"] == "Dune\nII"
    assert (second["event"], second["id"]) == ("message", "2")
    assert (last["event"], last["id"]) == ("end", "3")


@pytest.mark.rule(57)
async def test_silence_is_filled_with_comments(server: Upstream, toy: Toy) -> None:
    toy.watch = plays_one_and_hangs
    client = Client(toys.gateway(server, timing=Timing(ping_s=0.01)))
    async with client.open(WATCH, SSE) as stream:
        await stream.head()
        parts = [await stream.part() for _ in range(4)]
    assert parts[0] == b"retry: 2000\n\n"
    assert b"event: message" in parts[1]
    assert parts[2:] == [b": ping\n\n"] * 2


@pytest.mark.rule(57, refuses=True)
async def test_lines_get_no_comments_and_a_late_error_is_an_event(
    server: Upstream, toy: Toy
) -> None:
    toy.watch = plays_one_and_fails
    reply = await Client(toys.gateway(server))("GET", WATCH, headers=SSE)
    error = events(reply.body)[-1]
    assert (error["event"], "id" in error) == ("error", False)
    assert json.loads(error["data"])["code"] == 11


@pytest.mark.rule(58)
async def test_streams_resume_after_the_last_event(ask: Client, toy: Toy) -> None:
    toy.watch = plays(message(revision=8))
    await ask("GET", f"{WATCH}?afterRevision=3", headers={**SSE, "last-event-id": "7"})
    assert toy.last.request.after_revision == 7
    await ask("GET", f"{WATCH}?afterRevision=3", headers=SSE)
    assert toy.last.request.after_revision == 3


@pytest.mark.rule(58)
async def test_the_gateway_closes_after_the_end(ask: Client, toy: Toy) -> None:
    async def ends_and_hangs(_request: Any, _context: Any) -> AsyncIterator[Any]:
        yield message(revision=3, end_of_stream=True)
        await asyncio.Event().wait()

    toy.watch = ends_and_hangs
    reply = await asyncio.wait_for(ask("GET", WATCH, headers=SSE), 10)
    assert events(reply.body)[-1]["event"] == "end"
    await toy.cancelled.wait()


@pytest.mark.rule(58)
async def test_a_finished_stream_stops_the_browser(ask: Client, toy: Toy) -> None:
    toy.watch = plays(message(revision=9, end_of_stream=True))
    toy.initial = [("x-weft-ended", "true")]
    reply = await ask("GET", WATCH, headers={**SSE, "last-event-id": "9"})
    assert (reply.status, reply.body) == (204, b"")
    assert (await ask("GET", WATCH, headers=SSE)).status == 200
    assert (await ask("GET", WATCH, headers={"last-event-id": "9"})).status == 200


@pytest.mark.rule(58, refuses=True)
@pytest.mark.parametrize("sent", ["x", "1.5", "9" * 30, "caf\xe9"])
async def test_a_malformed_resume_point_is_refused(ask: Client, toy: Toy, sent: str) -> None:
    reply = await ask("GET", WATCH, headers={**SSE, "last-event-id": sent})
    assert (reply.status, reply.json["code"], toy.seen) == (400, 3, [])


@pytest.mark.rule(58, refuses=True)
async def test_a_reconnect_that_may_not_is_refused(server: Upstream, toy: Toy) -> None:
    # Checks come first: 204 is no way to learn that something exists.
    toy.watch = fails_after_its_metadata
    client = Client(toys.gateway(server, timing=Timing(head_s=FOREVER)))
    reply = await client("GET", WATCH, headers={**SSE, "last-event-id": "9"})
    assert reply.status == 403


@pytest.mark.rule(59)
@pytest.mark.parametrize("headers", [{}, SSE])
async def test_streams_are_neither_cached_nor_buffered(
    ask: Client, toy: Toy, headers: dict[str, str]
) -> None:
    toy.watch = plays(message(revision=1))
    reply = await ask("GET", WATCH, headers=headers)
    assert reply.headers["cache-control"] == "no-cache, no-transform"
    assert reply.headers["x-accel-buffering"] == "no"


@pytest.mark.rule(59, refuses=True)
async def test_streams_are_never_compressed(ask: Client, toy: Toy) -> None:
    toy.watch = plays(message(revision=1, events=[{"title": "x" * 10_000}]))
    reply = await ask("GET", WATCH, headers={"accept-encoding": "gzip, br"})
    assert "content-encoding" not in reply.headers
    assert b"x" * 10_000 in reply.body


@pytest.mark.rule(60)
@pytest.mark.parametrize("watch", [hangs, plays_one_and_hangs])
@pytest.mark.parametrize("headers", [{}, SSE])
async def test_a_client_that_leaves_cancels_the_call(
    server: Upstream, toy: Toy, watch: Any, headers: dict[str, str]
) -> None:
    toy.watch = watch
    client = Client(toys.gateway(server, timing=Timing(head_s=0.01)))
    async with client.open(WATCH, headers) as stream:
        await stream.head()
        stream.disconnect()
        await asyncio.wait_for(toy.cancelled.wait(), 10)


@pytest.mark.rule(60)
async def test_a_client_that_leaves_before_the_head_cancels_too(server: Upstream, toy: Toy) -> None:
    toy.watch = hangs
    client = Client(toys.gateway(server, timing=Timing(head_s=FOREVER)))
    async with client.open(WATCH) as stream:
        await toy.called.wait()
        stream.disconnect()
        await asyncio.wait_for(toy.cancelled.wait(), 10)


@pytest.mark.rule(60, refuses=True)
async def test_a_slow_reader_holds_back_the_service(server: Upstream, toy: Toy) -> None:
    written = 0

    async def floods(_request: Any, _context: Any) -> AsyncIterator[Any]:
        nonlocal written
        while True:
            yield message(revision=1, events=[{"title": "x" * 50_000}])
            written += 1

    toy.watch = floods
    client = Client(toys.gateway(server))
    async with client.open(WATCH) as stream:
        stream.may_send.clear()
        seen = -1
        # The service stops by itself: its writes block while nothing is taken.
        while written != seen:
            seen = written
            await asyncio.sleep(0.2)
        assert written < 20
        assert stream.parts_taken == 0


@pytest.mark.rule(61)
def test_streams_have_a_channel_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    def record(_address: str, _credentials: Any, options: Any) -> Any:
        made.append(dict(options))
        return object()

    class Credentials:
        version = 1

        def for_channel(self) -> None:
            return None

    class Peer:
        dns_name = "x"

    monkeypatch.setattr(grpc.aio, "secure_channel", record)
    peer = PeerChannel(
        Credentials(),  # type: ignore[arg-type]
        Peer(),  # type: ignore[arg-type]
        "127.0.0.1:1",
        service_config="{}",
        timeout_s=1,
    )
    upstream = connect("x", frozenset(), peer)
    for channel in (upstream.unary, upstream.streams):
        with pytest.raises(AttributeError):
            channel().unary_unary("/x")
    assert [one.get("grpc.http2.bdp_probe") for one in made] == [None, 0]


@pytest.mark.rule(61, refuses=True)
async def test_a_stream_never_takes_the_channel_of_unary_calls(toy: Toy, server: Upstream) -> None:
    def refuse() -> Any:
        raise AssertionError("the wrong channel")

    toy.watch = plays(message(revision=1))
    ask = Client(toys.gateway(Upstream("x", toys.NAMES, refuse, server.streams)))
    assert (await ask("GET", WATCH)).status == 200
    assert (await ask("GET", "/v1/shelves/1/books/2")).status == 500


@pytest.mark.rule(62, refuses=True)
async def test_there_are_no_websockets(ask: Client, app: Gateway, toy: Toy) -> None:
    upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    reply = await ask("GET", WATCH, headers=upgrade)
    assert (reply.status, reply.reason) == (501, "UPGRADE_NOT_SUPPORTED")
    sent: list[Any] = []

    async def send(one: Any) -> None:
        sent.append(one)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    await app({"type": "websocket"}, receive, send)
    assert [one["type"] for one in sent] == ["websocket.close"]
    assert toy.seen == []


@pytest.mark.rule(62)
async def test_the_same_stream_is_served_without_an_upgrade(ask: Client, toy: Toy) -> None:
    toy.watch = plays(message(revision=1))
    assert (await ask("GET", WATCH)).status == 200


@pytest.mark.parametrize("headers", [{}, SSE])
async def test_draining_ends_streams_with_an_event(
    ask: Client, app: Gateway, toy: Toy, headers: dict[str, str]
) -> None:
    toy.watch = plays_one_and_hangs
    async with ask.open(WATCH, headers) as stream:
        await stream.head()
        while b"revision" not in await stream.part():
            pass
        app.drain()
        rest = await stream.rest()
    assert b"GATEWAY_STOPPING" in rest
    reply = await ask("GET", WATCH, headers=headers)
    assert (reply.status, reply.reason) == (503, "GATEWAY_STOPPING")
    assert (await ask("GET", "/readyz")).status == 503
    assert (await ask("GET", "/v1/shelves/1/books/2")).status == 200
