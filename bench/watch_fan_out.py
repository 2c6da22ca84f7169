"""(d) Watch fan-out: deliveries, the time from a change to its watchers, and idle memory.

Every watcher follows the same run. For throughput, a reporter changes 20 of its steps with each
call; a delivery is one event that one watcher got. For latency, one step changes at a time, and
the next change waits until everybody has seen it.

Our change is durable before it is seen, so the limit is a bare fan-out whose changes are as
durable: one bare SQL transaction for each call. The one that appends to a list in memory stands
beside it. What the changes themselves cost has figures of its own (b), and is nearly everything
where one watcher watches; so deliveries are also shown for a second of the server's CPU, less
what the same changes take while nobody watches.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from bench.figures import Figure, Target, at_least, at_most, stay_below
from bench.load import DEADLINE_S, Options, Pair, Sample, Slice, figure, take_turns
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
        self.calls.clear()

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
    """Changes as fast as they are taken; counts what the watchers got, or the changes."""
    server, watching = everybody.server, len(everybody.calls)
    stub = await server.stub(reports_pb2_grpc.ReportServiceStub)

    async def run(seconds: float) -> Sample:
        start, cpu, before = time.perf_counter(), server.process.cpu_s, everybody.delivered
        sent = 0
        while time.perf_counter() < start + seconds:
            if not watching or sent - (everybody.delivered - before) / watching < _AHEAD:
                batch = everybody.reporter.batch(STEPS)
                await stub.BatchReport(batch, metadata=server.metadata, timeout=DEADLINE_S)
                sent += STEPS
            else:
                await asyncio.sleep(0.001)
        elapsed, count = time.perf_counter() - start, everybody.delivered - before
        used = server.process.cpu_s - cpu
        await everybody.settle()
        return Sample(count if watching else sent, elapsed, used)

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


@dataclass(frozen=True, slots=True)
class Three:
    """The same on our server, on the bare one that is durable, and on the one in memory."""

    ours: Watchers
    durable: Watchers
    memory: Watchers

    @property
    def all(self) -> tuple[Watchers, Watchers, Watchers]:
        return (self.ours, self.durable, self.memory)

    @property
    def count(self) -> int:
        return len(self.ours.calls)


async def measure(site: Site, options: Options) -> list[Figure]:
    figures = []
    for count in (1, 10) if options.quick else (1, 100, 1000):
        servers = await site.workspace(), await site.bare(is_durable=True), await site.bare()
        idle = servers[0].process.memory_mb, servers[2].process.memory_mb
        three = Three(*[await watchers(server, count) for server in servers])
        figures += [_memory(three, idle)] if count >= 100 else []
        figures += await _latency(three, options)
        figures += await _throughput(three, options)
    return figures


async def _throughput(three: Three, options: Options) -> list[Figure]:
    count, target = three.count, at_least(0.6)
    name = f"watch fan-out to {count}"
    durable = await _turns(three.ours, three.durable, options)
    memory = await _turns(three.ours, three.memory, options)
    await asyncio.gather(*(everybody.close() for everybody in three.all))
    figures = [
        figure("d", name, "deliveries/s", durable, target),
        figure("d", f"{name}, bare in memory", "deliveries/s", memory, None),
    ]
    if count >= 100:
        # Fewer cost less than what the changes' own cost varies by.
        alone = await _turns(three.ours, three.memory, options)
        ours, bare = (
            1e6 / (fan_out - change / count)
            for fan_out, change in zip(memory.cpu_us, alone.cpu_us, strict=True)
        )
        unit = "deliveries/CPU s"
        figures.append(Figure("d", f"{name}, without the changes", unit, ours, bare, target))
    return figures


async def _turns(ours: Watchers, bare: Watchers, options: Options) -> Pair:
    return await take_turns(await delivering(ours), await delivering(bare), options)


async def _latency(three: Three, options: Options) -> list[Figure]:
    changes = 3 if options.quick else max(20, 200 // max(three.count // 10, 1))
    ours, durable, memory = [await latencies(each, changes) for each in three.all]
    return [
        Figure(
            "d",
            f"change to watcher {name}, {three.count} watching",
            "ms",
            _percentile_ms(ours, share),
            _percentile_ms(durable, share),
            at_most(1.5),
            note=f"bare in memory {_percentile_ms(memory, share):.2f} ms",
        )
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]


def _percentile_ms(waits: list[float], share: float) -> float:
    return waits[int((len(waits) - 1) * share)] * 1e3


def _memory(three: Three, idle: tuple[float, float]) -> Figure:
    each = [
        (everybody.server.process.memory_mb - before) * 1024 / three.count
        for everybody, before in zip((three.ours, three.memory), idle, strict=True)
    ]
    name = f"idle watch, {three.count} open"
    target: Target = at_most(1.5) if three.count >= 1000 else stay_below(120)
    return Figure("d'", name, "KB", each[0], each[1], target)


if __name__ == "__main__":
    main(measure)
