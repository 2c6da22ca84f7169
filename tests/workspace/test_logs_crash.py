"""A server that dies while lines come in: what it acknowledged is there, once and in order."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.forks import forks
from tests.workspace import log_process
from tests.workspace.log_clients import Writer, chunk, listing, messages, text
from weftapi.workspace.v1 import (
    logs_pb2,
    logs_pb2_grpc,
    projects_pb2,
    projects_pb2_grpc,
    run_types_pb2,
    runs_pb2,
    runs_pb2_grpc,
)

NAME = "projects/demo/logStreams/main"
# Twenty points on two databases, each with a log of its own.
KILLS = 10


@asynccontextmanager
async def server(directory: Path, database_url: str) -> AsyncIterator[tuple[Any, Any]]:
    """A server process, killed with -9 if it still lives, and a channel to it."""
    hearing, telling = forks.Pipe(duplex=False)
    process = forks.Process(target=log_process.serve, args=(directory, database_url, telling))
    process.start()
    telling.close()
    try:
        with hearing:
            port, trust, token = await asyncio.to_thread(hearing.recv)
        credentials = grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials(trust), grpc.access_token_call_credentials(token)
        )
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.secure_channel(f"localhost:{port}", credentials, options) as channel:
            yield process, channel
    finally:
        process.kill()
        await asyncio.to_thread(process.join)


async def _prepare(channel: grpc.aio.Channel) -> None:
    await projects_pb2_grpc.ProjectServiceStub(channel).CreateProject(
        projects_pb2.CreateProjectRequest(project_id="demo")
    )
    run = await runs_pb2_grpc.RunServiceStub(channel).CreateRun(
        runs_pb2.CreateRunRequest(
            parent="projects/demo",
            run=run_types_pb2.Run(pipeline="projects/demo/pipelines/train"),
        )
    )
    await logs_pb2_grpc.LogServiceStub(channel).CreateLogStream(
        logs_pb2.CreateLogStreamRequest(
            parent="projects/demo",
            log_stream_id="main",
            log_stream=logs_pb2.LogStream(run=run.name),
        )
    )


async def _write_until(writer: Writer, process: Any, chance: random.Random) -> None:
    """Sends without waiting; kills the server when a chosen number of lines is acknowledged."""
    point = writer.next_offset + chance.randrange(0, 2_000)
    sending = asyncio.create_task(_send(writer, random.Random(chance.random())))
    try:
        await writer.wait_for(point)
        # Somewhere inside of what follows, which is not heard of.
        await asyncio.sleep(chance.random() / 5)
        process.kill()
        await asyncio.to_thread(process.join)
    finally:
        writer.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _send(writer: Writer, chance: random.Random) -> None:
    """Sends until the call is dead, slowly enough that most kills find something on its way."""
    first = writer.next_offset
    while True:
        after = first + chance.randrange(1, 30)
        await writer.send(chunk(first, after))
        await asyncio.sleep(0.001)
        first = after


@pytest.mark.fault
@pytest.mark.timeout(600)
async def test_f20_acknowledged_lines_survive_kill_9_once_and_in_order(
    tmp_path: Path, database_url: str
) -> None:
    chance = random.Random(9)
    acked = epoch = unknown = checked = 0
    for kill in range(KILLS + 1):
        async with server(tmp_path, database_url) as (process, channel):
            stub = logs_pb2_grpc.LogServiceStub(channel)
            if not kill:
                await _prepare(channel)
            writer = await Writer(stub, NAME, epoch).open()
            epoch = writer.epoch
            assert writer.next_offset >= acked
            unknown += writer.next_offset > acked
            # All that came since, and in the end all that ever came.
            start = checked if kill < KILLS else 0
            kept = messages(await listing(stub, NAME, start))
            assert kept == [text(n) for n in range(start, writer.next_offset)]
            checked = writer.next_offset
            if kill < KILLS:
                await _write_until(writer, process, chance)
            acked = writer.acked
    # Some lines were durable though their writer had not heard so: it must not send them again.
    assert unknown
