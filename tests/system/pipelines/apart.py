"""Steps in workloads of their own, beside one in the runner."""

import os
import time
from pathlib import Path

import weft
from weft import Pod, Retry, pipeline, step


@step(isolation="thread", cache=False)
def numbers(count: int) -> list[int]:
    return list(range(count))


@step(cache=False, environment={"GREETING": "hello"}, pod=Pod(labels={"team": "ml"}))
def total(values: list[int], gate: str) -> int:
    print(f"{os.environ['GREETING']} from {os.getpid()}, child of {os.getppid()}")
    Path(f"{gate}.pids").open("a").write(f"{os.getpid()} {os.getpgid(0)}\n")
    weft.log_metadata({"pid": os.getpid()})
    while not Path(gate).exists():
        time.sleep(0.02)
    return sum(values)


@step(cache=False, retries=Retry(1, 0.0))
def flaky(value: int) -> int:
    if weft.context().attempt == 1:
        raise RuntimeError("not yet")
    return value + 1


@step(cache=False)
def square(value: int) -> int:
    return value * value


@step(cache=False, pod=Pod(priority_class="never-allowed"))
def refused(value: int) -> int:
    return value


@step(cache=False)
def fails(values: list[int]) -> None:
    print("about to fail")
    raise ValueError(f"of {values}")


@pipeline(isolation="workload")
def apart(gate: str, failing: int = 0, refusing: int = 0) -> None:
    values = numbers(3)
    flaky(total(values, gate))
    squares = square.map(values)
    if refusing:
        refused(1)
    if failing:
        fails(squares)
