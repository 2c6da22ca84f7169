"""(d) Watch fan-out: deliveries, the time from a change to its watchers, and idle memory.

Every watcher follows the same run. For throughput, reporters change 20 of its steps with each
call; a delivery is one event that one watcher got. For latency, one step changes at a time,
and the next change waits until everybody has seen it. Our change is durable before it is
seen; the bare one is an append to a list.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from bench.figures import Figure, Target, at_least, at_most, stay_below
from bench.load import DEADLINE_S, Options, Sample, Slice, figure, take_turns
from bench.reporting import Reporter, reporters
from bench.run import main
from bench.site import Server, Site
from weftapi.workspace.v1 import events_pb2, reports_pb2_grpc, runs_pb2, runs_pb2_grpc

STEPS = 20
PER_CONNECTION = 100
# No reporter is further ahead of its watchers than what both servers keep in memory.
_AHEAD = 400


@dataclass(slots=True)
class Watchers:
    """Everybody who follows one run, and what they have got."""

    server: Server
    reporter: Reporter
    delivered: int = 0
    calls: list[Any] = field(default_factory=list)
    _listening: list[asyncio.Task[None]] = field(default_factory=list)
    _seen: list[float] = field(default_factory=list)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self, count: int) -> None:
        """Opens watches, and returns when all have said where they begin."""
        request = runs_pb2.WatchRunRequest(name=self.reporter.run)
        for number in range(count):
            if number % PER_CONNECTION == 0:
                stub = await self.server.stub(runs_pb2_grpc.RunServiceStub)
            self.calls.append(stub.WatchRun(request, metadata=self.server.metadata))
        await asyncio.gather(*(call.read() for call in self.calls))
        for call in self.calls:
            self._listening.append(asyncio.create_task(self._listen(call)))

    async def close(self) -> None:
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)
        for call in self.calls:
            call.cancel()

    async def settle(self) -> None:
        """Waits until nothing is on its way any more."""
        before = -1
        while before != self.delivered:
            before = self.delivered
            await asyncio.sleep(0.1)

    async def time_one(self, change: Any) -> list[float]:
        """Makes one change; answers how long each watcher waited for it, in seconds."""
        self._seen = []
        self._arrived.clear()
        start = time.perf_counter()
        await change()
        await self._arrived.wait()
        return [seen - start for seen in self._seen]

    async def _listen(self, call: Any) -> None:
        while True:
            response: events_pb2.WatchResponse = await call.read()
            if response.events:
                self.delivered += len(response.events)
                self._seen.append(time.perf_counter())
                if len(self._seen) == len(self.calls):
                    self._arrived.set()


async def watchers(server: Server, count: int) -> Watchers:
    (reporter,) = await reporters(server, 1, steps=STEPS)
    everybody = Watchers(server, reporter)
    await everybody.open(count)
    return everybody


async def delivering(everybody: Watchers) -> Slice:
    """Changes as fast as they are taken; counts what the watchers got."""
    server = everybody.server
    stub = await server.stub(reports_pb2_grpc.ReportServiceStub)

    async def run(seconds: float) -> Sample:
        start, cpu, before = time.perf_counter(), server.process.cpu_s, everybody.delivered
        sent = 0
        while time.perf_counter() < start + seconds:
            if sent - (everybody.delivered - before) / len(everybody.calls) < _AHEAD:
                batch = everybody.reporter.batch(STEPS)
                await stub.BatchReport(batch, metadata=server.metadata, timeout=DEADLINE_S)
                sent += STEPS
            else:
                await asyncio.sleep(0.001)
        elapsed = time.perf_counter() - start
        count = everybody.delivered - before
        used = server.process.cpu_s - cpu
        await everybody.settle()
        return Sample(count, elapsed, used)

    return run


async def latencies(everybody: Watchers, changes: int) -> list[float]:
    """One change at a time; every watcher's wait, sorted."""
    server = everybody.server
    stub = await server.stub(reports_pb2_grpc.ReportServiceStub)

    async def change() -> None:
        await stub.BatchReport(
            everybody.reporter.batch(), metadata=server.metadata, timeout=DEADLINE_S
        )

    waits: list[float] = []
    for number in range(changes + 3):
        waited = await everybody.time_one(change)
        # The first ones warm up.
        waits += waited if number > 2 else []
    return sorted(waits)


async def measure(site: Site, options: Options) -> list[Figure]:
    figures = []
    for count in (1, 10) if options.quick else (1, 100, 1000):
        ours_server, bare_server = await site.workspace(), await site.bare()
        idle = ours_server.process.memory_mb, bare_server.process.memory_mb
        ours, bare = await watchers(ours_server, count), await watchers(bare_server, count)
        if count >= 100:
            figures.append(_memory(ours, bare, idle))
        figures += await _latency(ours, bare, options)
        target = at_least(0.6)
        pair = await take_turns(await delivering(ours), await delivering(bare), options)
        name = f"watch fan-out to {count}"
        figures.append(figure("d", name, "deliveries/s", pair, target))
        await asyncio.gather(ours.close(), bare.close())
    return figures


async def _latency(ours: Watchers, bare: Watchers, options: Options) -> list[Figure]:
    count = len(ours.calls)
    changes = 3 if options.quick else max(20, 200 // max(count // 10, 1))
    ours_waited, bare_waited = await latencies(ours, changes), await latencies(bare, changes)
    return [
        Figure(
            "d",
            f"change to watcher {name}, {count} watching",
            "ms",
            _percentile_ms(ours_waited, share),
            _percentile_ms(bare_waited, share),
            at_most(1.5),
        )
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]


def _percentile_ms(waits: list[float], share: float) -> float:
    return waits[int((len(waits) - 1) * share)] * 1e3


def _memory(ours: Watchers, bare: Watchers, idle: tuple[float, float]) -> Figure:
    held = ours.server.process.memory_mb - idle[0], bare.server.process.memory_mb - idle[1]
    each = [megabytes * 1024 / len(ours.calls) for megabytes in held]
    name = f"idle watch, {len(ours.calls)} open"
    target: Target = at_most(1.5) if len(ours.calls) >= 1000 else stay_below(120)
    return Figure("d'", name, "KB", each[0], each[1], target)


if __name__ == "__main__":
    main(measure)
