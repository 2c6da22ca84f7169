"""What users wait for on their own machine: the command line, a local run, captured output.

Each is a fresh process beside the bare Python that it contains: `import click, grpc`; ten
function calls (with the interpreter's own start on both sides); `print` into a file.
"""

import asyncio
import sys
import time
from pathlib import Path

from bench.figures import Figure, at_least, at_most
from bench.load import Options
from bench.processes import ROOT, environment
from bench.run import main
from bench.site import Site

_STEPS = """
import time
from weft import pipeline, step

@step(cache=False)
def nothing(value: int) -> int:
    return value + 1

@pipeline
def ten() -> None:
    value = 0
    for _ in range(10):
        value = nothing(value)

if __name__ == "__main__":
    ten()
    start = time.perf_counter()
    ten()
    print("took", time.perf_counter() - start)
"""
_CALLS = """
import time

def nothing(value: int) -> int:
    return value + 1

start = time.perf_counter()
value = 0
for _ in range(10):
    value = nothing(value)
print("took", time.perf_counter() - start)
"""
_CAPTURED = """
import sys, time
from weft import pipeline, step

@step(cache=False)
def talk(lines: int) -> float:
    start = time.perf_counter()
    for number in range(lines):
        print("epoch 12 batch", number, "loss 0.03125 accuracy 0.98437")
    return time.perf_counter() - start

@pipeline
def talking(lines: int) -> float:
    return talk(lines)

if __name__ == "__main__":
    run = talking(int(sys.argv[1]))
    sys.stderr.write(f"took {run.result()}")
"""
_PRINTED = """
import sys, time
lines = int(sys.argv[1])
start = time.perf_counter()
for number in range(lines):
    print("epoch 12 batch", number, "loss 0.03125 accuracy 0.98437")
sys.stdout.flush()
sys.stderr.write(f"took {time.perf_counter() - start}")
"""


async def measure(site: Site, options: Options) -> list[Figure]:
    shell = Shell(site.new_directory("user"), turns=1 if options.quick else 3)
    lines = 2_000 if options.quick else 100_000
    return [
        await _help(shell),
        await _steps(shell),
        await _captured(shell, lines),
    ]


async def _help(shell: "Shell") -> Figure:
    ours = await shell.wall_ms("-c", "from weft.cli import main; main()", "--help")
    bare = await shell.wall_ms("-c", "import click, grpc")
    return Figure("cli", "weft --help", "ms", ours, bare, at_most(1.5))


async def _steps(shell: "Shell") -> Figure:
    ours = await shell.took("steps.py", _STEPS)
    bare = await shell.took("calls.py", _CALLS)
    note = f"{ours * 100:.1f} ms a step"
    return Figure("cli", "ten no-op local steps", "ms", ours * 1e3, bare * 1e3, note=note)


async def _captured(shell: "Shell", lines: int) -> Figure:
    ours = lines / await shell.took("captured.py", _CAPTURED, str(lines))
    bare = lines / await shell.took("printed.py", _PRINTED, str(lines))
    return Figure("cli", "log lines captured", "lines/s", ours, bare, at_least(0.1))


class Shell:
    """Runs Python as a user would, with a home of its own."""

    def __init__(self, home: Path, *, turns: int) -> None:
        self._home = home
        self._turns = turns
        self._environment = environment(
            HOME=str(home), WEFT_DATA_DIR=str(home / "data"), WEFT_CONFIG_DIR=str(home / "config")
        )

    async def wall_ms(self, *arguments: str) -> float:
        """The quickest of some starts, from nothing to the exit."""
        times = []
        for _ in range(self._turns):
            start = time.perf_counter()
            await self._output(*arguments)
            times.append(time.perf_counter() - start)
        return min(times) * 1e3

    async def took(self, name: str, program: str, *arguments: str) -> float:
        """Seconds that a program says it took; the quickest of some."""
        path = self._home / name
        _write(path, program)
        outputs = [await self._output(str(path), *arguments) for _ in range(self._turns)]
        return min(float(output.split("took ")[1].split()[0]) for output in outputs)

    async def _output(self, *arguments: str) -> str:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            env=self._environment,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await child.communicate()
        if child.returncode:
            raise RuntimeError(errors.decode()[-2000:])
        return (output + errors).decode()


def _write(path: Path, text: str) -> None:
    path.write_text(text)


if __name__ == "__main__":
    main(measure)
