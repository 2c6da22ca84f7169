"""A script that prints, waits for a file in its first step, and prints again."""

import sys
import time
from pathlib import Path

from weft import log_metric, pipeline, step


@step(cache=False)
def load(gate: str, lines: int) -> list[int]:
    for number in range(lines):
        print(f"before {number}")
    log_metric("lines", lines)
    Path(f"{gate}.waits").touch()
    while not Path(gate).exists():
        time.sleep(0.02)
    for number in range(lines):
        print(f"after {number}")
    return list(range(lines))


@step(cache=False)
def add(numbers: list[int]) -> int:
    print(f"adding {len(numbers)} numbers")
    return sum(numbers)


@pipeline
def slow_script(gate: str, lines: int) -> int:
    return add(load(gate, lines))


if __name__ == "__main__":
    run = slow_script(sys.argv[1], int(sys.argv[2]))
    print(f"RUN {run.name} {run.result()}")
