"""Calls the hooks of the steps of one run, in the process of the run."""

from __future__ import annotations

import threading
from collections.abc import Callable

from weft import _context
from weft._attempt import AttemptResult, FailedAttempt, Succeeded
from weft._beginnings import context_of
from weft._hooks import Moment, happening_of
from weft._records import Failure, RunRecord, RunRecorder
from weft._units import Unit


class StepHooks:
    """What an engine has called around attempts."""

    def __init__(self, record: RunRecord, recorder: RunRecorder) -> None:
        self._record = record
        self._recorder = recorder
        # Whether nothing is tried again, because the run fails.
        self.is_closing = False

    def of_end(self, unit: Unit, result: AttemptResult) -> Callable[[], None] | None:
        """Give what calls the hook for the end of an attempt, where there is one."""
        moment = self._moment(unit, result)
        if moment is None or getattr(unit.step.hooks, moment) is None:
            return None
        failure = result.failure if isinstance(result, FailedAttempt) else None
        return lambda: self._call(unit, moment, failure)

    def started(self, unit: Unit) -> None:
        """Call what is to be called for the first attempt; the step does not wait for it."""
        if unit.attempt == 1 and unit.step.hooks.on_start is not None:
            threading.Thread(target=self._call, args=(unit, "on_start"), daemon=True).start()

    def _call(self, unit: Unit, moment: Moment, failure: Failure | None = None) -> None:
        context = context_of(self._record, self._recorder, unit, threading.Event())
        token = _context.active.set(context)
        try:
            told = happening_of(self._record, unit.id, unit.attempt, failure)
            unit.step.hooks.call(moment, told)
        finally:
            _context.active.reset(token)

    def _moment(self, unit: Unit, result: AttemptResult) -> Moment | None:
        if isinstance(result, Succeeded):
            return "on_success"
        if result.is_stopped or unit.stopped:
            return None
        is_last = not result.is_retryable or unit.attempt > unit.step.retry.max
        return "on_failure" if is_last or self.is_closing else None
