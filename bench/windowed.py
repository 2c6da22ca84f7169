"""Bidirectional streams that keep a window of unacknowledged messages in flight."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from bench.load import Sample
from bench.site import Server


@dataclass(slots=True)
class Conversation:
    """What one client says: first `opening`, then `say()` again and again.

    `acked(answer)` tells how many messages are acknowledged so far; None where the answer says
    nothing of it. `units` is what one message counts for.
    """

    opening: Any
    say: Callable[[], Any]
    acked: Callable[[Any], int | None]
    units: int = 1


class _Window:
    """How many messages may still be said."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._said = 0
        self.acked = 0
        self._moved = asyncio.Event()

    async def say(self) -> None:
        while self._said - self.acked >= self._size:
            self._moved.clear()
            await self._moved.wait()
        self._said += 1

    def move(self, acked: int) -> None:
        self.acked = max(self.acked, acked)
        self._moved.set()


async def pump(
    server: Server,
    method: Callable[..., Any],
    conversations: Sequence[Conversation],
    *,
    window: int,
    seconds: float,
) -> Sample:
    """All conversations at once, each until all that it said, once at least, is acknowledged."""
    start, cpu = time.perf_counter(), server.process.cpu_s
    talks = [_talk(method, server, one, window, start + seconds) for one in conversations]
    counts = await asyncio.gather(*talks)
    elapsed = time.perf_counter() - start
    return Sample(sum(counts), elapsed, server.process.cpu_s - cpu)


async def _talk(
    method: Callable[..., Any], server: Server, said: Conversation, size: int, end: float
) -> int:
    call = method(metadata=server.metadata)
    await call.write(said.opening)
    await call.read()
    window = _Window(size)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_listen(call, said, window))
        # One even where opening took all the time: a rate of nothing divides by nothing.
        is_open = True
        while is_open:
            await window.say()
            await call.write(said.say())
            is_open = time.perf_counter() < end
        await call.done_writing()
    return window.acked * said.units


async def _listen(call: Any, said: Conversation, window: _Window) -> None:
    while (answer := await call.read()) is not grpc.aio.EOF:
        acked = said.acked(answer)
        if acked is not None:
            window.move(acked)
