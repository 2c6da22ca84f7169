"""Server processes: started, watched for what they use, and stopped."""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PATIENCE_S = 60.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """A running server and the ports that it bound, by the listener's name."""

    pid: int
    ports: Mapping[str, int]

    @property
    def cpu_s(self) -> float:
        """CPU time that it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    @property
    def memory_mb(self) -> float:
        """Memory it holds now."""
        return self._memory("VmRSS")

    @property
    def peak_memory_mb(self) -> float:
        """Most memory it has held so far."""
        return self._memory("VmHWM")

    def _memory(self, field: str) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith(field))
        return int(line.split()[1]) / 1024


def environment(**settings: str) -> dict[str, str]:
    """The environment of a child that imports this checkout."""
    paths = [str(ROOT), str(ROOT / "generated"), str(ROOT / "sdk")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **settings}


@asynccontextmanager
async def running(
    arguments: Sequence[str], ready_file: Path, log_file: Path, **settings: str
) -> AsyncIterator[Process]:
    """A `python ARGUMENTS...` that writes its ports into `ready_file`; until the block ends."""
    with log_file.open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            env=environment(**settings),
            cwd=ROOT,
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield Process(child.pid, await _ports(child, ready_file, log_file))
    finally:
        await _end(child)


async def _ports(child: asyncio.subprocess.Process, ready: Path, log: Path) -> dict[str, int]:
    deadline = time.monotonic() + _PATIENCE_S
    while (ports := _read_ports(ready)) is None:
        if child.returncode is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start:\n{_tail(log)}")
        await asyncio.sleep(0.02)
    return ports


def _read_ports(ready: Path) -> dict[str, int] | None:
    return json.loads(ready.read_text()) if ready.exists() else None


def _tail(log: Path) -> str:
    return log.read_text()[-4000:]


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        return
    child.terminate()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()
