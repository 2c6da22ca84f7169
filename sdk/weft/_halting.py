"""Asks units of a run to stop, and stops waiting for those that do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from weft._failures import stopped_by_person
from weft._loop import Loop
from weft._states import StepState, StopMode
from weft._units import Ledger, Unit


class Halting:
    """Works in the engine's own thread, on the engine's units.

    `release` frees a unit that is busy with what an occupation counts, and answers whether it was;
    `give_up` ends one that is not busy.
    """

    def __init__(
        self,
        units: Mapping[str, Unit],
        ledger: Ledger,
        loop: Loop,
        *,
        release: Callable[[Unit, int], bool],
        give_up: Callable[[Unit], None],
    ) -> None:
        self._units = units
        self._ledger = ledger
        self._loop = loop
        self._release = release
        self._give_up = give_up

    def stop_step(self, step: str, mode: StopMode, reason: str, grace_s: float) -> None:
        """Stop one step, with all items where it is a fan-out; one that has ended stays so."""
        found = self._units.get(step)
        if found is None:
            return
        concerned = [unit for unit in (found, *found.children) if not unit.state.is_final]
        for unit in concerned:
            unit.stopped = stopped_by_person(unit.id, reason)
        # The fan-out itself is told first: it ends when its last item has.
        for unit in concerned:
            self._stop_one(unit, mode, grace_s)

    def ask_all(self, reason: str) -> None:
        """Tell all that runs to stop."""
        for unit in self._units.values():
            self._ask(unit, reason)

    def force_all(self) -> None:
        """Wait no longer for anything that was told."""
        for unit in list(self._units.values()):
            if unit.state in {StepState.STOPPING, StepState.PENDING}:
                self._force(unit, unit.occupation)

    def _stop_one(self, unit: Unit, mode: StopMode, grace_s: float) -> None:
        if not unit.is_busy and unit.state in {StepState.PENDING, StepState.RETRYING}:
            self._give_up(unit)
            return
        assert unit.stopped is not None
        self._ask(unit, unit.stopped.message)
        number = unit.occupation
        if mode is StopMode.FORCE:
            self._force(unit, number)
        else:
            self._loop.after(grace_s, lambda: self._force(unit, number))

    def _ask(self, unit: Unit, reason: str) -> None:
        if unit.state is StepState.RUNNING:
            self._ledger.move(unit, StepState.STOPPING, reason=reason)
        if unit.dispatch is not None and unit.is_busy:
            unit.dispatch.request_stop()

    def _force(self, unit: Unit, occupation: int) -> None:
        if self._release(unit, occupation):
            unit.let_go()
            self._give_up(unit)
