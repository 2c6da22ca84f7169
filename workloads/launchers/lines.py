"""Who executes, and who waits: in one line for steps, and in one for everything else.

A runner holds its slot while it waits for its steps: if these stood in its line, as many runs as
there are slots would wait for ever.
"""

from itertools import islice

from workloads.launchers.record import Record
from workloads.model import WorkloadKey

# Positions beyond it are not told: each start would change them all.
_TOLD_POSITIONS = 10


class Lines:
    """Two lines with as many slots each."""

    def __init__(self, slots: int) -> None:
        self._lines = {True: _Line(slots), False: _Line(slots)}

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
        found = (line.next() for line in self._lines.values())
        return next((record for record in found if record), None)

    def occupy(self, record: Record) -> None:
        """Gives a workload a slot."""
        self._of(record).busy.add(record.key)

    def vacate(self, record: Record) -> None:
        self._of(record).busy.discard(record.key)

    def explain(self) -> None:
        """Tells those who wait how long the line before them is."""
        for line in self._lines.values():
            line.explain()

    def _of(self, record: Record) -> "_Line":
        return self._lines[record.intent.spec.kind == "STEP"]


class _Line:
    def __init__(self, slots: int) -> None:
        self.slots = slots
        # In the order of submission, as dictionaries are.
        self.queue: dict[WorkloadKey, Record] = {}
        self.busy: set[WorkloadKey] = set()

    def next(self) -> Record | None:
        if not self.queue or len(self.busy) >= self.slots:
            return None
        return self.queue.pop(next(iter(self.queue)))

    def explain(self) -> None:
        for position, record in enumerate(islice(self.queue.values(), _TOLD_POSITIONS + 1), 1):
            where = f"number {position}"
            if position > _TOLD_POSITIONS:
                where = f"behind more than {_TOLD_POSITIONS} others"
            slots = f"{len(self.busy)} of {self.slots} slots are taken"
            record.explain(f"{where} in the queue; {slots}")
