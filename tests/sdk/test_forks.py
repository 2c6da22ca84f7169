"""Processes that a step starts, as a DataLoader does: all they say arrives once, nothing hangs."""

# ruff: noqa: T201 - steps under test print

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import logging
import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from weft import Run, RunState, log_metric, pipeline, start_run, step
from weft._forks import _Line
from weft._records import LogBatch, Metadata, Metric, Record, StepReport

Records = Callable[[Run[Any]], list[Record]]
WORKERS = 4
BATCHES = 20
log = logging.getLogger("loader")


def work(worker: int, batches: Any) -> None:
    """A worker of a loader: prints, logs and measures while others do."""
    for batch in range(BATCHES):
        print(f"worker {worker} batch {batch}")
        log.warning("worker %d logs %d;", worker, batch)
        batches.put(batch)
    log_metric(f"worker{worker}", worker)
    # A line that it does not end.
    print(f"worker {worker} is done", end="")


def load(method: str) -> int:
    context = multiprocessing.get_context(method)
    batches: Any = context.SimpleQueue()
    workers = [context.Process(target=work, args=(n, batches)) for n in range(WORKERS)]
    print("begun, ", end="")
    for worker in workers:
        worker.start()
    total = sum(batches.get() for _ in range(WORKERS * BATCHES))
    for worker in workers:
        worker.join()
    print("ended")
    return sum(worker.exitcode or 0 for worker in workers) or total


@step(cache=False)
def loads() -> int:
    return load("fork")


@step(cache=False, isolation="process")
def loads_apart(method: str) -> int:
    return load(method)


@step(cache=False)
def talks(n: int) -> int:
    for line in range(50):
        print(f"talker {n} says {line}")
    return n


SAID = Counter(
    line
    for n in range(WORKERS)
    for line in (
        *(f"worker {n} batch {b}" for b in range(BATCHES)),
        *(f"worker {n} logs {b};" for b in range(BATCHES)),
    )
)


def lines_of(found: list[Record]) -> Counter[str]:
    batches = [record for record in found if isinstance(record, LogBatch)]
    return Counter(line.message for batch in batches for line in batch.lines)


def test_what_forked_workers_say_arrives_once(records: Records) -> None:
    @pipeline
    def whole() -> int:
        return loads()

    run = whole()
    assert run.result() == WORKERS * sum(range(BATCHES))
    found = records(run)
    done = Counter(f"worker {n} is done" for n in range(WORKERS))
    assert lines_of(found) == SAID + done + Counter(["begun, ended"])
    metrics = sorted((r.name, r.value) for r in found if isinstance(r, Metric))
    assert metrics == [(f"worker{n}", float(n)) for n in range(WORKERS)]
    # All of it before the step was said to have ended.
    last = max(i for i, record in enumerate(found) if isinstance(record, LogBatch | Metric))
    ends = [i for i, r in enumerate(found) if isinstance(r, StepReport) and r.state.is_final]
    assert last < ends[0]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_a_step_in_a_process(records: Records, method: str) -> None:
    @pipeline
    def whole() -> int:
        return loads_apart(method)

    run = whole()
    assert run.result() == WORKERS * sum(range(BATCHES))
    found = lines_of(records(run))
    text = "".join(found.elements())
    for n, batch in itertools.product(range(WORKERS), range(BATCHES)):
        # What several processes print to one pipe may come to stand in one line.
        assert f"worker {n} batch {batch}" in text
        assert text.count(f"worker {n} logs {batch};") == 1


def test_a_fork_while_everybody_speaks(records: Records) -> None:
    """Locks are held by others in the very moment of the fork, and it hangs in none of them."""
    ends: list[int] = []

    @step(cache=False)
    def forks() -> int:
        for number in range(20):
            if (child := os.fork()) == 0:
                print(f"child {number}", flush=True)
                os._exit(0)
            ends.append(os.waitpid(child, 0)[1])
        return 0

    @pipeline
    def whole() -> None:
        forks()
        talks.map(list(range(8)))

    run = whole()
    assert ends == [0] * 20
    seen = lines_of(records(run))
    assert seen == Counter(
        [
            *(f"child {n}" for n in range(20)),
            *(f"talker {n} says {line}" for n in range(8) for line in range(50)),
        ]
    )


def test_what_is_too_large_for_the_line_is_a_warning() -> None:
    line = _Line(lambda _: None)
    try:
        with pytest.warns(RuntimeWarning, match="too large to come from a forked process"):
            line.say(Metadata("load", 1, {"large": "x" * (1 << 22)}, dt.datetime.now(dt.UTC)))
    finally:
        line.close()


def test_a_run_of_a_notebook_forks_too(records: Records) -> None:
    with start_run("loading") as run:
        assert load("fork") == WORKERS * sum(range(BATCHES))
    assert lines_of(records(run)) >= SAID  # type: ignore[arg-type]


def test_many_threads_run_pipelines_and_log(records: Records) -> None:
    @pipeline
    def whole(base: int) -> None:
        for n in range(4):
            talks.with_options(name=f"t{n}")(base + n)

    runs: dict[int, Run[Any]] = {}

    def work(number: int) -> None:
        runs[number] = whole(number * 10)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, run in runs.items():
        assert run.state is RunState.SUCCEEDED
        assert lines_of(records(run)) == Counter(
            f"talker {number * 10 + n} says {line}" for n in range(4) for line in range(50)
        )


async def test_a_running_loop_is_no_hindrance(records: Records) -> None:
    @step(cache=False)
    async def naps() -> str:
        await asyncio.sleep(0)
        print("awake")
        return "done"

    @pipeline
    def whole() -> str:
        return naps()

    # In the loop's own thread, which it blocks, and beside it, where the loop goes on.
    assert whole().result() == "done"
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    run = await asyncio.to_thread(whole)
    ticking.cancel()
    assert ticks > 1
    assert lines_of(records(run)) == Counter(["awake"])
