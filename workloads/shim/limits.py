"""CPU and memory limits."""
# pathlib alone would add a third to the shim's start.
# ruff: noqa: PTH103, PTH106, PTH118, PTH123

import contextlib
import os

from workloads.shim.processes import count

ENFORCED = "enforced by cgroup v2"


class Limits:
    """CPU and memory limits by cgroup v2, where a parent group is delegated to us."""

    def __init__(self, parent: str, memory_bytes: int, cpu_millis: int) -> None:
        self._group = ""
        self.status = ""
        if not (memory_bytes or cpu_millis):
            return
        if not parent:
            self.status = "not enforced: no cgroup v2 group is delegated to the workload manager"
            return
        try:
            self._group = self._create(parent, memory_bytes, cpu_millis)
            self.status = ENFORCED
        except OSError as error:
            self.status = f"not enforced: {error}"

    @staticmethod
    def _create(parent: str, memory_bytes: int, cpu_millis: int) -> str:
        group = os.path.join(parent, f"weft-{os.getpid()}")
        os.makedirs(group, exist_ok=True)
        if memory_bytes:
            _put(group, "memory.max", str(memory_bytes))
            _put(group, "memory.oom.group", "1")
        if cpu_millis:
            _put(group, "cpu.max", f"{cpu_millis * 100} 100000")
        return group

    def enter(self) -> None:
        """Moves the calling process into the group."""
        if self._group:
            _put(self._group, "cgroup.procs", "0")

    def oom_kills(self) -> int:
        """How many processes of the group the kernel has killed for memory."""
        return count(os.path.join(self._group, "memory.events"), "oom_kill") if self._group else 0

    def remove(self) -> None:
        """Kills whatever is left in the group, and removes it."""
        if self._group:
            with contextlib.suppress(OSError):
                _put(self._group, "cgroup.kill", "1")
                os.rmdir(self._group)


def _put(group: str, name: str, value: str) -> None:
    with open(os.path.join(group, name), "w", encoding="ascii") as file:
        file.write(value)
