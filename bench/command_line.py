"""What users wait for on their own machine: the command line, a local run, captured output.

Each is a fresh process beside the bare Python that it contains: `import click, grpc`; ten
function calls (with the interpreter's own start on both sides); function calls whose results are
kept in a file each and told in a line; the same steps on this machine alone; `print` into a file.
"""

import asyncio
import sys
import time
from pathlib import Path

from bench.figures import Figure, at_least, at_most, stay_below
from bench.load import Options
from bench.processes import ROOT, environment
from bench.run import main
from bench.site import PROJECT, Site
from weft._contexts import Context, ContextStore, SignIn

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
_MANY = """
import sys, time
from weft import pipeline, step

@step(cache=False)
def nothing(value: int) -> int:
    return value + 1

@pipeline
def chain(steps: int) -> None:
    value = 0
    for _ in range(steps):
        value = nothing(value)

if __name__ == "__main__":
    chain(1)
    start = time.perf_counter()
    chain(int(sys.argv[1]))
    print("took", time.perf_counter() - start)
"""
_KEPT = """
import json, sys, tempfile, time
from pathlib import Path

def nothing(value: int) -> int:
    return value + 1

start = time.perf_counter()
value = 0
with tempfile.TemporaryDirectory() as folder, open(Path(folder, "record"), "w") as record:
    for number in range(int(sys.argv[1])):
        value = nothing(value)
        Path(folder, str(number)).write_text(json.dumps(value))
        record.write(json.dumps({"step": number, "value": value}) + chr(10))
        record.flush()
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
# Once weft has answered, as often as a shell asks while nothing changes.
_PROMPTS = r"""
import subprocess, sys
script, prompts = sys.argv[1], int(sys.argv[2])
looks = f"for i in {{1..{prompts}}}; do __weft_look; done"
timed = f"{script}\n__weft_look\nbegan=$EPOCHREALTIME\n{looks}\necho $began $EPOCHREALTIME"
done = subprocess.run(["bash", "-c", timed], check=True, capture_output=True, text=True)
began, ended = map(float, done.stdout.split())
print("took", ended - began)
"""


async def measure(site: Site, options: Options) -> list[Figure]:
    shell = Shell(site.new_directory("user"), turns=1 if options.quick else 3)
    lines = 2_000 if options.quick else 100_000
    steps = 5 if options.quick else 100
    remote = await _recorded(site, shell)
    return [
        await _help(shell),
        await _import(shell),
        await _prompt(shell),
        await _steps(shell),
        *await _overhead(shell, remote, steps),
        await _captured(shell, lines),
    ]


async def _help(shell: "Shell") -> Figure:
    ours = await shell.wall_ms("-c", "from weft.cli import main; main()", "--help")
    bare = await shell.wall_ms("-c", "import click, grpc")
    return Figure("cli", "weft --help", "ms", ours, bare, at_most(1.5))


async def _import(shell: "Shell") -> Figure:
    ours = await shell.wall_ms("-c", "import weft")
    bare = await shell.wall_ms("-c", "import grpc")
    return Figure("cli", "import weft", "ms", ours, bare, at_most(1))


async def _prompt(shell: "Shell", prompts: int = 200) -> Figure:
    """Beside the start of an interpreter, which the prompt does without."""
    script = await shell.output(
        "-c", "from weft.cli import main; main()", "prompt", "--shell", "bash"
    )
    ours = await shell.took("prompts.py", _PROMPTS, script, str(prompts)) * 1e3 / prompts
    bare = await shell.wall_ms("-c", "pass")
    return Figure("cli", "a shell's prompt, unchanged", "ms", ours, bare, stay_below(30))


async def _recorded(site: Site, shell: "Shell") -> "Shell":
    """A shell whose runs are recorded in a workspace."""
    server = await site.workspace()
    name = "organizations/bench/workspaces/bench"
    context = Context(
        "bench",
        control_plane="127.0.0.1:1",
        workspace=name,
        workspace_endpoint=f"127.0.0.1:{server.process.ports['edge']}",
        project=PROJECT.partition("/")[2],
        ca_pem=site.ca_pem,
    )
    home = site.new_directory("recorded")
    remote = Shell(home, turns=shell.turns)
    store = ContextStore(home / "config")
    store.put(context)
    store.sign_in("bench", SignIn(tokens={name: (server.token, time.time() + 3600)}))
    return remote


async def _overhead(shell: "Shell", remote: "Shell", steps: int) -> list[Figure]:
    """Of one step among many, in milliseconds."""
    scale = 1e3 / steps
    local = await shell.took("many.py", _MANY, str(steps)) * scale
    bare = await shell.took("kept.py", _KEPT, str(steps)) * scale
    recorded = await remote.took("many.py", _MANY, str(steps)) * scale
    return [
        Figure("cli", "a step, local", "ms", local, bare),
        Figure("cli", "a step, recorded in a workspace", "ms", recorded, local),
    ]


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
        self.turns = turns
        self._environment = environment(
            HOME=str(home), WEFT_DATA_DIR=str(home / "data"), WEFT_CONFIG_DIR=str(home / "config")
        )

    async def wall_ms(self, *arguments: str) -> float:
        """The quickest of some starts, from nothing to the exit."""
        times = []
        for _ in range(self.turns):
            start = time.perf_counter()
            await self.output(*arguments)
            times.append(time.perf_counter() - start)
        return min(times) * 1e3

    async def took(self, name: str, program: str, *arguments: str) -> float:
        """Seconds that a program says it took; the quickest of some."""
        path = self._home / name
        _write(path, program)
        outputs = [await self.output(str(path), *arguments) for _ in range(self.turns)]
        return min(float(output.split("took ")[1].split()[0]) for output in outputs)

    async def output(self, *arguments: str) -> str:
        """What Python prints; raises RuntimeError where it fails."""
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
