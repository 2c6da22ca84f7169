"""The room of the machine that the manager of local processes is on: one pool."""

import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from workloads.launchers.lines import Lines
from workloads.launchers.record import Record
from workloads.model import WorkloadSpec, project_of
from workloads.pools import (
    CPU,
    MEMORY,
    Amounts,
    Cordon,
    Fit,
    Limit,
    Pool,
    Resource,
    asked,
    in_words,
    total,
)
from workloads.shim import files

POOL = "processes"
SLOTS, STEP_SLOTS = "slots", "step-slots"
_CORDON = "cordon.json"
_GPU = "gpu"
# What the drivers of NVIDIA make, one for each GPU; those of AMD say theirs in a tree.
_NVIDIA = re.compile(r"nvidia\d+")
_AMD_NODES = Path("/sys/class/kfd/kfd/topology/nodes")


class Machine:
    """What the machine has, and whether it takes workloads; `directory` outlives the manager."""

    def __init__(
        self, directory: Path, *, slots: int, project_slots: Mapping[str, int], gpus: int | None
    ) -> None:
        self._directory = str(directory)
        self._slots = slots
        self._project_slots = project_slots
        self._host = socket.gethostname()
        self._has = {
            CPU: (os.cpu_count() or 1) * 1000,
            MEMORY: os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            _GPU: _gpus() if gpus is None else gpus,
        }
        self.cordon: Cordon | None = None

    def recover(self) -> None:
        """Reads what an earlier manager left; raises LookupError, TypeError, ValueError."""
        content = files.load(self._directory, _CORDON)
        self.cordon = Cordon.from_json(content) if content is not None else None

    def keep(self, cordon: Cordon | None) -> None:
        """Writes it down for the next manager. Raises OSError."""
        if cordon:
            files.publish(self._directory, _CORDON, cordon.to_json(), once=False)
        else:
            files.remove(self._directory, _CORDON)
            files.sync_folder(self._directory)
        self.cordon = cordon

    def closed(self) -> str:
        """Why nothing new is taken; empty where it is."""
        return self.cordon.words(POOL) if self.cordon else ""

    def lacking(self, spec: WorkloadSpec) -> Fit | None:
        found = " ".join(self._lacking(_asked(spec)))
        return Fit(found) if found else None

    def _lacking(self, wanted: Amounts) -> Iterator[str]:
        for name, amount in wanted.items():
            if name in self._has and amount > self._has[name]:
                has = in_words(name, self._has[name]) if self._has[name] else "none"
                yield f"It asks for {in_words(name, amount)}, and this machine has {has}."

    def pool(self, lines: Lines) -> Pool:
        """The machine as it is, with those who have a slot in it and those who wait for one."""
        busy = [*lines.executing(steps=False), *lines.executing(steps=True)]
        waiting = [*lines.waiting(steps=False), *lines.waiting(steps=True)]
        return Pool(
            id=POOL,
            engine="process",
            place=f"processes of {self._host}",
            running=len(busy),
            queued=len(waiting),
            resources=(*self._resources(busy, waiting), *self._places(lines)),
            limits=tuple(self._limits(busy)),
            unseen=("What others use of this machine is not counted.",),
            cordon=self.cordon,
        )

    def _resources(self, busy: list[Record], waiting: list[Record]) -> Iterator[Resource]:
        used, queued = _sum(busy), _sum(waiting)
        for name, has in self._has.items():
            own, more = used.get(name, 0), queued.get(name, 0)
            yield Resource(name, has, None, own, more, has)

    def _places(self, lines: Lines) -> Iterator[Resource]:
        """Slots are the manager's own, so that nobody else uses them."""
        for name, steps in ((SLOTS, False), (STEP_SLOTS, True)):
            busy, waiting = len(lines.executing(steps=steps)), len(lines.waiting(steps=steps))
            yield Resource(name, self._slots, busy, busy, waiting, 1)

    def _limits(self, busy: list[Record]) -> Iterator[Limit]:
        for project, most in self._project_slots.items():
            own = [record.intent.spec for record in busy]
            for name, is_step in ((SLOTS, False), (STEP_SLOTS, True)):
                taken = [s for s in own if project_of(s) == project and _is_step(s) == is_step]
                yield Limit(f"project {project}", name, most, len(taken))


def _asked(spec: WorkloadSpec) -> dict[str, int]:
    """What a workload asks of a machine, where all GPUs are the same."""
    wanted = asked(spec, _GPU)
    gpus = wanted.pop(spec.gpu_resource or _GPU, 0)
    return wanted | ({_GPU: gpus} if gpus else {})


def _sum(records: Iterable[Record]) -> dict[str, int]:
    return total(_asked(record.intent.spec) for record in records)


def _is_step(spec: WorkloadSpec) -> bool:
    return spec.kind == "STEP"


def _gpus() -> int:
    """How many GPUs the drivers of this machine show."""
    nvidia = sum(bool(_NVIDIA.fullmatch(each.name)) for each in Path("/dev").iterdir())
    return nvidia or sum(map(_has_compute_units, _AMD_NODES.glob("*/simd_count")))


def _has_compute_units(path: Path) -> bool:
    """Whether a node of AMD's tree is a GPU: processors have none."""
    return path.read_text().strip() not in ("", "0")
