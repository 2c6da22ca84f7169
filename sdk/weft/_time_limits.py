"""Ends steps whose time is over: in the queue, in one attempt, or altogether."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from weft._attempt import AttemptResult
from weft._loop import Loop
from weft._states import StepState
from weft._units import Unit

_WAITING = frozenset({StepState.PENDING, StepState.RETRYING})


class TimeLimits:
    """Works in the engine's own thread, on the engine's units.

    `release` frees a unit that is busy with what an occupation counts, and answers whether it was;
    `settle` ends its attempt.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        release: Callable[[Unit, int], bool],
        settle: Callable[[Unit, AttemptResult], None],
    ) -> None:
        self._loop = loop
        self._release = release
        self._settle = settle
        self.are_paused = False

    def ready(self, unit: Unit) -> None:
        """Count from now on: nothing but a place is missing for the next attempt of a unit."""
        # Items of a fan-out have times of their own; it does nothing but wait for them.
        if unit.is_fan_out:
            return
        self._queue(unit)
        if (limit := unit.step.deadline_s) is not None and not unit.attempt:
            self._loop.after(limit, lambda: self._past_deadline(unit))

    def taken(self, unit: Unit) -> None:
        """Say what is left of the wait of a unit that has its place."""
        limit, since, unit.queued_at = unit.step.queue_timeout_s, unit.queued_at, None
        if limit is not None and since is not None:
            # A workspace takes 0 for no time that was given.
            unit.queue_left_s = max(0.001, limit - (self._loop.now() - since))

    def begun(self, unit: Unit, occupation: int) -> None:
        """Count the time of an attempt that is executed from now on."""
        if (limit := unit.step.timeout_s) is not None:
            self._loop.after(limit, lambda: self._overdue(unit, occupation))

    def pause(self, ready: Iterable[Unit]) -> None:
        """Count no waits: the run is paused, and nothing starts."""
        self.are_paused = True
        for unit in ready:
            unit.queued_at = None

    def resume(self, ready: Iterable[Unit]) -> None:
        """Count waits from their beginning: the run goes on."""
        self.are_paused = False
        for unit in ready:
            self._queue(unit)

    def _queue(self, unit: Unit) -> None:
        limit = unit.step.queue_timeout_s
        if limit is None or self.are_paused or unit.is_fan_out:
            return
        since = unit.queued_at = self._loop.now()
        self._loop.after(limit, lambda: self._past_queue(unit, since))

    def _past_queue(self, unit: Unit, since: float) -> None:
        if unit.queued_at == since and unit.state in _WAITING and not unit.is_busy:
            unit.queued_at = None
            self._settle(unit, unit.past_queue())

    def _overdue(self, unit: Unit, occupation: int) -> None:
        if self._release(unit, occupation):
            unit.let_go()
            self._settle(unit, unit.overdue())

    def _past_deadline(self, unit: Unit) -> None:
        is_executed = unit.state is StepState.RUNNING
        # One whose attempt has ended, and one that was told to stop, end of themselves.
        if unit.is_ending or not (is_executed or unit.state in _WAITING):
            return
        self._release(unit, unit.occupation)
        if is_executed:
            unit.let_go()
        self._settle(unit, unit.past_deadline())
