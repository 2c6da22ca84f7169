"""A step that prints, waits for a file, prints again; then one after it."""

import os
import time
from pathlib import Path

from weft import pipeline, step


@step
def first(gate: str, lines: int) -> int:
    for number in range(lines):
        print(f"before {number}")
    Path(f"{gate}.pids").open("a").write(f"{os.getpid()} {os.getpgid(0)}\n")
    while not Path(gate).exists():
        time.sleep(0.02)
    for number in range(lines):
        print(f"after {number}")
    return lines


@step
def second(count: int) -> int:
    print(f"got {count}")
    return count + 1


@pipeline
def gated(gate: str, lines: int = 3) -> None:
    second(first(gate, lines))
