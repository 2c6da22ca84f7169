"""Load: closed loops of clients, and turns between ours and bare."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from bench.figures import Figure, Target
from bench.processes import Process

# Every client of Weft gives its calls a deadline; without one the server would keep a timer.
DEADLINE_S = 30.0

# One unit of a client's work; answers how much of what is counted it did.
Work = Callable[[int], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Options:
    """How long and how large; `quick` only shows that everything runs."""

    quick: bool = False
    large: bool = False
    postgres: bool = True

    @property
    def slice_s(self) -> float:
        """How long each turn lasts."""
        return 0.15 if self.quick else 1.5

    @property
    def turns(self) -> int:
        return 1 if self.quick else 3


@dataclass(frozen=True, slots=True)
class Sample:
    """What one slice of load did; latencies are seconds, sorted."""

    count: int
    seconds: float
    cpu_s: float
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / self.count * 1e6 if self.count else 0.0

    def percentile_ms(self, share: float) -> float:
        if not self.latencies:
            return 0.0
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)] * 1e3


@dataclass(frozen=True, slots=True)
class Pair:
    """Ours and bare of the same turn, and how far the shares of all turns lie apart."""

    ours: Sample
    bare: Sample
    spread: float = 1.0

    @property
    def ratio(self) -> float:
        return self.ours.rate / self.bare.rate if self.bare.rate else 0.0

    @property
    def cpu_us(self) -> tuple[float, float]:
        return self.ours.cpu_us, self.bare.cpu_us


Slice = Callable[[float], Awaitable[Sample]]


def closed_loop(process: Process, work: Work, *, clients: int) -> Slice:
    """A slice in which each client starts its next unit when the last one is done."""

    async def run(seconds: float) -> Sample:
        latencies: list[float] = []
        count = 0
        start, cpu = time.perf_counter(), process.cpu_s
        end = start + seconds

        async def client(number: int) -> None:
            nonlocal count
            while (before := time.perf_counter()) < end:
                done = await work(number)
                count += done
                latencies.append(time.perf_counter() - before)

        async with asyncio.TaskGroup() as tasks:
            for number in range(clients):
                tasks.create_task(client(number))
        elapsed = time.perf_counter() - start
        return Sample(count, elapsed, process.cpu_s - cpu, sorted(latencies))

    return run


async def take_turns(ours: Slice, bare: Slice, options: Options) -> Pair:
    """Both by turns; answers the turn whose ratio is the median. The first turn only warms up."""
    warm_up_s = min(options.slice_s, 0.5)
    await bare(warm_up_s)
    await ours(warm_up_s)
    pairs = []
    for _ in range(options.turns):
        limit = await bare(options.slice_s)
        pairs.append(Pair(await ours(options.slice_s), limit))
    pairs.sort(key=lambda pair: pair.ratio)
    spread = pairs[-1].ratio / pairs[0].ratio if pairs[0].ratio else math.inf
    return replace(pairs[len(pairs) // 2], spread=spread)


async def take_short_turns(ours: Slice, bare: Slice, *, turns: int, slice_s: float) -> Pair:
    """Both by turns, and of each what all its turns saw together: for the slowest of many calls."""
    await ours(slice_s)
    await bare(slice_s)
    seen: tuple[list[Sample], list[Sample]] = ([], [])
    for _ in range(turns):
        seen[0].append(await ours(slice_s))
        seen[1].append(await bare(slice_s))
    return Pair(_together(seen[0]), _together(seen[1]))


def _together(samples: list[Sample]) -> Sample:
    latencies = sorted(latency for sample in samples for latency in sample.latencies)
    count = sum(sample.count for sample in samples)
    seconds = sum(sample.seconds for sample in samples)
    return Sample(count, seconds, sum(sample.cpu_s for sample in samples), latencies)


def figure(key: str, name: str, unit: str, pair: Pair, target: Target | None) -> Figure:
    """The figure of a turn: rates, CPU, and how long ours took at worst."""
    note = f"p99 {pair.ours.percentile_ms(0.99):.1f} ms" if pair.ours.latencies else ""
    rates = pair.ours.rate, pair.bare.rate
    return Figure(key, name, unit, *rates, target, pair.cpu_us, note, pair.spread)
