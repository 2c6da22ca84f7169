"""How many attempts are under way, and which unit may go next."""

from __future__ import annotations

from collections import deque

from weft._units import Unit


class Places:
    """Counts what is under way here and in workloads apart, each within a limit of its own.

    `most` limits both together.
    """

    def __init__(self, here: int, apart: int, most: int | None = None) -> None:
        self._free = {False: here, True: apart}
        self._most = here + apart if most is None else most
        self._occupied = 0

    @property
    def are_free(self) -> bool:
        """Whether nothing is under way."""
        return not self._occupied

    def next(self, ready: deque[Unit]) -> Unit | None:
        """Takes out the first of the ready units that has a place.

        One whose time in the queue was over may be busy with its hook: it has no need of any.
        """
        for unit in ready:
            if not unit.is_busy and self._occupied < self._most and self._free[unit.is_apart] > 0:
                ready.remove(unit)
                return unit
        return None

    def occupy(self, unit: Unit) -> int:
        """Give a unit a place, and the number of what it is busy with from now on."""
        unit.is_busy = True
        unit.occupation += 1
        self._free[unit.is_apart] -= 1
        self._occupied += 1
        return unit.occupation

    def release(self, unit: Unit, occupation: int) -> bool:
        """Free the unit; False if it has long been freed, and whatever came is too late."""
        if not unit.is_busy or unit.occupation != occupation:
            return False
        unit.is_busy = False
        self._free[unit.is_apart] += 1
        self._occupied -= 1
        return True
