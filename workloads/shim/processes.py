"""Processes by pid and start time, and what the kernel says about them."""
# pathlib alone would add a third to the shim's start.
# ruff: noqa: PTH110, PTH123, PTH208

import contextlib
import ctypes
import os
import signal
import time

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def start_time(pid: int) -> str:
    """When a living process started, as its system says it; empty where it is dead.

    Pids are used again; pairs of pid and start time are not, within one boot.
    """
    if not os.path.exists("/proc/self/stat"):
        with os.popen(f"ps -o lstart= -p {int(pid)}") as answer:  # noqa: S605
            return answer.read().strip()
    fields = _stat(pid)
    # A zombie is dead, whatever the parent that forgot to reap it believes.
    return fields[19] if fields and fields[0] not in "ZX" else ""


def boot_id() -> str:
    """Names this boot of the host, without which start times mean nothing."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def pids() -> list[int]:
    """All processes of this host; none where it has no /proc."""
    if not os.path.exists("/proc/self/stat"):
        return []
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def has_mark(pid: int, mark: str) -> bool:
    """Whether a process was given this NAME=value in its environment; False if it is not ours."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        return mark.encode() in file.read().split(b"\0")
    return False


def kill_children(patience_s: float) -> int:
    """Kills and reaps this process's children until none is left; returns how many would not die.

    For a subreaper these are all of its descendants: whoever loses its parent becomes a child.
    """
    give_up = time.monotonic() + patience_s
    while (left := _children(os.getpid())) and time.monotonic() < give_up:
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.002)
    return len(left)


def adopt_orphans() -> None:
    """Makes this process the parent of descendants that lose theirs (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Has the kernel kill this process when its parent dies (Linux), also if it just did."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def oom_kills() -> int:
    """How many processes the kernel has killed for memory since it booted; 0 where unknown."""
    return count("/proc/vmstat", "oom_kill")


def count(path: str, key: str) -> int:
    """The number behind a key in one of the kernel's tables; 0 where there is none."""
    with contextlib.suppress(OSError), open(path, encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith(f"{key} "))
    return 0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third (state) on; empty where there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _children(parent: int) -> list[int]:
    return [pid for pid in pids() if _stat(pid)[1:2] == [str(parent)]]


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
