"""Functions that people have called when a step or a run begins, ends well, or fails."""

from __future__ import annotations

import contextvars
import inspect
import logging
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

from weft._records import Failure, RunRecord

_log = logging.getLogger("weft")
_LIMIT_S = 60.0
Moment = Literal["on_start", "on_success", "on_failure"]


@dataclass(frozen=True, slots=True)
class Happening:
    """What a hook is told.

    Attributes:
        project, pipeline, run: Ids; `run` is the readable name.
        step: Id of the step; "" where it is about the run.
        attempt: The attempt that the step begins or ended with; 0 for a run.
        failure: Why it failed; None where it did not.
    """

    project: str
    pipeline: str
    run: str
    step: str = ""
    attempt: int = 0
    failure: Failure | None = None


Hook = Callable[[Happening], None] | Callable[[Happening], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Hooks:
    """What is called when; the run goes on after each, whatever became of it."""

    on_start: Hook | None = None
    on_success: Hook | None = None
    on_failure: Hook | None = None
    limit_s: float = field(default=_LIMIT_S, kw_only=True)

    def call(self, moment: Moment, happening: Happening) -> None:
        """Call a hook and wait for it, for as long as it may take; what it raises is logged."""
        hook = getattr(self, moment)
        if hook is None:
            return
        what = f"{moment} of {happening.step or happening.run}"
        run = contextvars.copy_context().run
        thread = threading.Thread(target=run, args=(_guarded, hook, happening, what), daemon=True)
        thread.start()
        thread.join(self.limit_s)
        if thread.is_alive():
            _log.warning("%s did not end within %g s and is left behind", what, self.limit_s)


def happening_of(
    record: RunRecord, step: str = "", attempt: int = 0, failure: Failure | None = None
) -> Happening:
    """Say what happened in a run."""
    return Happening(record.project, record.pipeline, record.name, step, attempt, failure)


def _guarded(hook: Callable[[Happening], Any], happening: Happening, what: str) -> None:
    try:
        found = hook(happening)
        if inspect.iscoroutine(found):
            import asyncio

            asyncio.run(found)
    except Exception as error:  # noqa: BLE001 - a hook decides nothing about the run
        _log.warning("%s raised %s: %s", what, type(error).__name__, error)
