"""Executing one workload: admitting a shim, staying with it, and recording its end."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from workloads import shim
from workloads.launchers.folder import Folder
from workloads.launchers.handles import ProcessHandle, kill_marked, readable, reap
from workloads.launchers.record import Record
from workloads.lifecycle import WorkloadState
from workloads.shim import files
from workloads.shim.processes import boot_id

_SHIM = str(Path(shim.__file__).parent / "__main__.py")
# How long to wait before starting a shim again that could not start: the host is short of
# memory or processes, or the disk is full.
_BACKOFF_S = (1.0, 4.0, 15.0)
_STARTED_POLL_S = 0.5


async def execute(record: Record) -> None:
    """Takes a workload out of the queue to its end. Safe to repeat wherever it was broken off."""
    problem: str | None = None
    for delay_s in (*_BACKOFF_S, None):
        record.move(WorkloadState.SUBMITTING)
        if record.state is not WorkloadState.SUBMITTING:  # an order to cancel was faster
            break
        problem = await _start_shim(record.folder)
        if problem is None:
            await attend(record)
            return
        if delay_s is None:
            break
        record.move(WorkloadState.QUEUED, f"{problem}; trying again in {delay_s:g} s")
        await asyncio.sleep(delay_s)
    await give_up(record, problem or "")


async def give_up(record: Record, problem: str) -> None:
    """Ends a workload that never executed, so that it never will."""
    await asyncio.to_thread(record.folder.void)
    await attend(record, problem)


async def _conclude_unstarted(record: Record, problem: str) -> None:
    cancelled = record.folder.order_to_cancel() is not None
    await _conclude(record, "cancelled" if cancelled else "no shim could be started", problem)


async def attend(record: Record, problem: str = "") -> None:
    """Stays with the admitted shim until its end, whoever started it.

    `problem` says why none could be started, where nobody was or will be admitted.
    """
    claim = record.folder.claim()
    assert claim is not None
    if claim.is_void:
        await _conclude_unstarted(record, problem)
        return
    is_this_boot = claim.boot == boot_id()
    with ProcessHandle.open(claim.pid, claim.start if is_this_boot else "") as handle:
        record.handle = handle
        try:
            if handle is not None:
                await _watch(record, handle)
        finally:
            record.handle = None
    reap(claim.pid)
    if record.folder.exit() is None and is_this_boot:
        await asyncio.to_thread(kill_marked, record.intent.mark)
    why = f"its shim (pid {claim.pid}) vanished" if is_this_boot else "the host was restarted"
    await _conclude(record, "lost", f"{why} without a word about its end")


async def _watch(record: Record, handle: ProcessHandle) -> None:
    record.move(WorkloadState.PENDING)
    # Known at once after a handshake; only a shim that another manager started is polled.
    while not (started := record.folder.started()):
        if await handle.ended(_STARTED_POLL_S):
            return
    record.begin(started)
    # Read after `record.handle` was set: an order is seen here, or its giver sees the handle.
    if order := record.folder.order_to_cancel():
        record.move(WorkloadState.CANCELLING, order["reason"])
        handle.send(signal.SIGTERM)
    await handle.ended()


async def _conclude(record: Record, cause: str, message: str) -> None:
    """Ends a workload as its shim recorded it, or else by `cause`."""
    ended = record.folder.exit()
    if ended is None:
        ended = await asyncio.to_thread(record.folder.conclude, cause, message=message)
    record.end(ended)


async def _start_shim(folder: Folder) -> str | None:
    """Starts a shim and waits for its handshake; answers why nobody was admitted."""
    if folder.claim() is not None:
        return None
    read, write = os.pipe()
    try:
        pid = _spawn(folder, write)
    except OSError as error:
        os.close(read)
        return f"cannot start a process: {error.strerror}"
    finally:
        os.close(write)
    try:
        await readable(read)
    finally:
        os.close(read)
    claim = folder.claim()
    if claim is not None and claim.pid == pid:
        return None
    code = await asyncio.to_thread(_wait, pid)
    return None if claim is not None else f"the shim ended with {code}: {_last_words(folder)}"


def _spawn(folder: Folder, handshake: int) -> int:
    """Starts a shim; its stdout is the handshake, which closes when the folder says more."""
    diary = str(folder.path / files.DIARY)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", _SHIM, str(folder.path)],
        {},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, handshake, 1),
            (os.POSIX_SPAWN_OPEN, 2, diary, append, 0o600),
        ],
        setsigmask=[],
    )


def _wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _last_words(folder: Folder) -> str:
    return (folder.path / files.DIARY).read_text(errors="replace").strip()[-500:]
