"""Who executes, and who waits: in one line for steps, and in one for everything else.

A runner holds its slot while it waits for its steps: if these stood in its line, as many runs as
there are slots would wait for ever.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import islice

from workloads.launchers.record import Record
from workloads.model import WorkloadKey, project_of

# Positions beyond it are not told: each start would change them all.
_TOLD_POSITIONS = 10


class Lines:
    """Two lines with as many slots each; `project_slots` is how many of them a project may have."""

    def __init__(self, slots: int, project_slots: Mapping[str, int]) -> None:
        self._lines = {True: _Line(slots, project_slots), False: _Line(slots, project_slots)}
        # Why nothing but steps is taken out; empty where it is.
        self._closed = ""

    def __len__(self) -> int:
        return sum(len(line.queue) for line in self._lines.values())

    def add(self, record: Record) -> None:
        """Lets a workload wait, behind all others."""
        self._of(record).queue[record.key] = record

    def leave(self, record: Record) -> bool:
        """Takes a workload out that waits; answers whether it did."""
        return self._of(record).queue.pop(record.key, None) is not None

    def next(self) -> Record | None:
        """Takes out the first who waits for a slot that is free."""
        open_ = (line for is_steps, line in self._lines.items() if is_steps or not self._closed)
        found = (line.next() for line in open_)
        return next((record for record in found if record), None)

    def close(self, why: str) -> None:
        """Keeps all waiting but steps, whose runs have begun; opens again where nothing is why."""
        self._closed = why

    def occupy(self, record: Record) -> None:
        """Gives a workload a slot."""
        self._of(record).busy[record.key] = record

    def vacate(self, record: Record) -> None:
        self._of(record).busy.pop(record.key, None)

    def explain(self) -> None:
        """Tells those who wait how long the line before them is."""
        for is_steps, line in self._lines.items():
            line.explain("" if is_steps else self._closed)

    def executing(self, *, steps: bool) -> list[Record]:
        """Those that have a slot."""
        return list(self._lines[steps].busy.values())

    def waiting(self, *, steps: bool) -> list[Record]:
        """Those that have none."""
        return list(self._lines[steps].queue.values())

    def _of(self, record: Record) -> "_Line":
        return self._lines[record.intent.spec.kind == "STEP"]


class _Line:
    def __init__(self, slots: int, project_slots: Mapping[str, int]) -> None:
        self.slots = slots
        self._project_slots = project_slots
        # In the order of submission, as dictionaries are.
        self.queue: dict[WorkloadKey, Record] = {}
        self.busy: dict[WorkloadKey, Record] = {}

    def next(self) -> Record | None:
        if not self.queue or len(self.busy) >= self.slots:
            return None
        full = self._full()
        found = (key for key, record in self.queue.items() if _project(record) not in full)
        key = next(found, None)
        return self.queue.pop(key) if key else None

    def _full(self) -> dict[str, int]:
        """Projects that have all the slots that they may have, and how many those are."""
        if not self._project_slots:
            return {}
        taken = Counter(map(_project, self.busy.values()))
        return {name: most for name, most in self._project_slots.items() if taken[name] >= most}

    def explain(self, closed: str) -> None:
        full = self._full()
        for position, record in enumerate(islice(self.queue.values(), _TOLD_POSITIONS + 1), 1):
            where = f"number {position}"
            if position > _TOLD_POSITIONS:
                where = f"behind more than {_TOLD_POSITIONS} others"
            slots = f"{len(self.busy)} of {self.slots} slots are taken"
            if most := full.get(project := _project(record)):
                slots = f"the project {project} has all {most} slots that it may have"
            record.explain(closed or f"{where} in the queue; {slots}")


def _project(record: Record) -> str:
    return project_of(record.intent.spec)
