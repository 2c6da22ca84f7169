"""A step that waits at a gate in its first attempt, and has more memory in its second."""

import os
import time
from pathlib import Path

import weft
from weft import Resources, Retry, pipeline, step


@step(
    cache=False,
    resources=Resources(memory="64Mi"),
    retries=Retry(1, 0.0, memory_growth=2, max_memory="96Mi"),
)
def hungry(gate: str) -> int:
    attempt = weft.context().attempt
    print(f"attempt {attempt}")
    Path(f"{gate}.pids").open("a").write(f"{os.getpid()} {os.getpgid(0)}\n")
    weft.log_metadata({"pid": os.getpid()})
    while attempt == 1 and not weft.context().stop_requested:
        time.sleep(0.02)
    weft.context().check_stop()
    return attempt


@step(cache=False)
def after(attempt: int) -> int:
    return attempt


@pipeline(isolation="workload")
def eating(gate: str) -> None:
    after(hungry(gate))
