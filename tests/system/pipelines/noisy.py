"""A step that writes what terminals colour, and what would attack a page."""

import time
from pathlib import Path

from weft import pipeline, step

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>alert(1)</script>"


@step
def write(lines: int, gate: str) -> int:
    for number in range(lines):
        print(f"line {number}" + (" has the needle" if number % 1000 == 700 else ""))
    print("\x1b[31mred alarm\x1b[0m \x1b]0;owned\x07 and \x1b[2Jcalm")
    print(HOSTILE)
    while not Path(gate).exists():
        time.sleep(0.02)
    print("the very last line")
    return lines


@pipeline
def noisy(gate: str, lines: int = 3) -> None:
    write(lines, gate)
