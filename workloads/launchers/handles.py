"""Other processes, held so that a pid used again is never mistaken for the one it named."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator

from workloads.shim.processes import has_mark, pids, start_time

# Only where the kernel has no pidfd (not Linux), or no descriptor is left for one.
_POLL_S = 0.5


class ProcessHandle:
    """A living process: waited for and signalled by a pidfd, which cannot change its meaning."""

    def __init__(self, pid: int, start: str, descriptor: int) -> None:
        self._pid = pid
        self._start = start
        self._descriptor = descriptor

    @classmethod
    @contextlib.contextmanager
    def open(cls, pid: int, start: str) -> Iterator["ProcessHandle | None"]:
        """Holds the process that started at `start`; None where it is dead."""
        descriptor = _pidfd(pid)
        try:
            # Compared after opening: from here on the descriptor is bound to what we compared.
            alive = start_time(pid) == start != ""
            yield cls(pid, start, descriptor) if alive else None
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    async def ended(self, timeout_s: float | None = None) -> bool:
        """Waits for the end of the process; False where the time ran out first."""
        if self._descriptor >= 0:
            return await readable(self._descriptor, timeout_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._is_alive():  # noqa: ASYNC110  # there is no event
                    await asyncio.sleep(_POLL_S)
        return not self._is_alive()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, unless the process is gone."""
        with contextlib.suppress(ProcessLookupError):
            if self._descriptor >= 0:
                signal.pidfd_send_signal(self._descriptor, number)
            elif self._is_alive():
                os.kill(self._pid, number)

    def _is_alive(self) -> bool:
        reap(self._pid)
        return start_time(self._pid) == self._start


def reap(pid: int) -> None:
    """Takes leave of a child that has ended; nothing where it is not ours, or lives."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def kill_marked(mark: str) -> int:
    """Kills all processes that carry a mark in their environment; returns how many there were."""
    killed = 0
    for pid in filter(lambda pid: has_mark(pid, mark), pids()):
        descriptor = _pidfd(pid)
        # Asked again: only from here on is the pid bound to the process that we looked at.
        if descriptor >= 0 and has_mark(pid, mark):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                killed += 1
        if descriptor >= 0:
            os.close(descriptor)
    return killed


async def readable(descriptor: int, timeout_s: float | None = None) -> bool:
    """Waits until a descriptor can be read, or has ended; False where the time ran out first."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_reader(descriptor, event.set)
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)
    return True


def _pidfd(pid: int) -> int:
    if not hasattr(os, "pidfd_open"):
        return -1
    try:
        return os.pidfd_open(pid)
    except OSError:
        return -1
