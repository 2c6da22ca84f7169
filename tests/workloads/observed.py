"""A launcher under observation, and what the tests of workloads say often."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

from workloads.launchers import Launcher, Observation
from workloads.launchers.folder import Folder
from workloads.launchers.handles import ProcessHandle, kill_marked
from workloads.launchers.process import ProcessSettings
from workloads.model import Secrets, Workload, WorkloadKey, WorkloadSpec
from workloads.shim.processes import boot_id

OWNER = UUID("0190b2c4-0000-7000-8000-000000000001")
# Generous: a machine that runs eight test suites at once is slow, and nothing here is timed.
PATIENCE_S = 60


def key(id_: str, owner: UUID = OWNER) -> WorkloadKey:
    return WorkloadKey(owner, id_)


def shell(script: str, **rest) -> WorkloadSpec:
    """A workload that executes a shell script, by way of the interpreter that it must have."""
    code = "import os, sys; os.execv('/bin/sh', ['sh', '-c', sys.argv[1]])"
    return WorkloadSpec(args=("-I", "-S", "-c", code, script), **rest)


class Engine:
    """A launcher and everything it has told so far."""

    def __init__(
        self, launcher: Launcher, settings: ProcessSettings | None, stack: AsyncExitStack
    ) -> None:
        self.launcher = launcher
        self.close = stack.aclose
        self.settings = settings
        self.told: list[Observation] = []
        self.known: dict[WorkloadKey, Workload] = {}
        self._changed = asyncio.Condition()
        self._wakers: set[asyncio.Task[None]] = set()
        launcher.observe(self.hear)

    def hear(self, observation: Observation) -> None:
        """Takes down what the launcher tells."""
        self.told.append(observation)
        workload = observation.workload
        if observation.is_deleted:
            del self.known[workload.key]
        else:
            self.known[workload.key] = workload
        waker = asyncio.get_running_loop().create_task(self._wake())
        self._wakers.add(waker)
        waker.add_done_callback(self._wakers.discard)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def folder(self, id_: str, owner: UUID = OWNER) -> Path:
        assert self.settings is not None
        return self.settings.state_directory / "workloads" / str(owner) / id_

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(holds)

    async def has_file(self, id_: str, name: str) -> None:
        """Waits for a file that a shim writes without anybody watching it."""
        await self.has((self.folder(id_) / name).exists)

    async def has(self, holds: Callable[[], bool]) -> None:
        """Waits for something on disk, of which nobody is told."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110  # nobody tells us
                await asyncio.sleep(0.02)

    async def reaches(self, id_: str, *states: str) -> Workload:
        def is_there() -> bool:
            return key(id_) in self.known and self.known[key(id_)].state.value in states

        await self.until(is_there)
        return self.known[key(id_)]

    async def ended(self, id_: str) -> Workload:
        await self.until(lambda: key(id_) in self.known and self.known[key(id_)].state.is_terminal)
        return self.known[key(id_)]

    async def run(self, id_: str, script: str, secrets: Secrets | None = None, **rest) -> Workload:
        await self.launcher.launch(key(id_), shell(script, **rest), secrets or Secrets())
        return await self.ended(id_)

    async def log(self, id_: str) -> bytes:
        chunk = await self.launcher.read_log(key(id_), 0, 1 << 26)
        return chunk.data

    def states(self, id_: str) -> list[str]:
        states = [o.workload.state.value for o in self.told if o.workload.key == key(id_)]
        return [state for i, state in enumerate(states) if i == 0 or states[i - 1] != state]


def said(log: bytes, stream: str) -> bytes:
    """The bytes that a workload wrote to a stream, restored from its log."""
    out = b""
    for line in log.split(b"\n")[:-1]:
        _, name, tag, text = line.split(b" ", 3)
        if name.decode() == stream:
            out += text + b"\n" * (tag == b"F")
    return out


def end_everything(state: Path) -> None:
    """Ends whatever the workloads of a state directory execute, or are about to."""
    for path in state.glob("workloads/*/*"):
        folder = Folder(path)
        folder.void()  # whoever was not admitted yet never will be
        claim = folder.claim()
        start = claim.start if claim.boot == boot_id() else ""
        with ProcessHandle.open(claim.pid, start) as shim:
            if shim is not None:
                shim.send(signal.SIGKILL)  # its child dies with it
        with contextlib.suppress(ValueError):  # some tests break it on purpose
            kill_marked(folder.intent(key(path.name)).mark)
