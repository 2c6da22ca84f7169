"""Runs attempts in threads of this process or in processes of their own, and lets go of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from weft._attempt import Attempt, AttemptResult
from weft._capture import Capture, router

if TYPE_CHECKING:
    from weft._apart import Apart

Deliver = Callable[[AttemptResult], None]


class Dispatch(Protocol):
    """A running attempt."""

    def request_stop(self) -> None:
        """Ask it to end."""

    def force_stop(self) -> None:
        """End it, as far as that is possible, without waiting."""


class ThreadDispatch:
    """An attempt in a thread.

    A thread cannot be ended from outside: one that does not listen is left behind. It is a daemon,
    so it does not hold the interpreter, and its capture is closed, so what it still prints is not
    taken for the next attempt's.
    """

    def __init__(self, attempt: Attempt, capture: Capture, deliver: Deliver) -> None:
        self._attempt = attempt
        self._capture = capture
        self._deliver = deliver
        name = f"weft-{attempt.context.step}-{attempt.context.attempt}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def request_stop(self) -> None:
        """Set the flag that `context().stop_requested` reads."""
        self._attempt.stopper.request()

    def force_stop(self) -> None:
        """Cancel an async step; leave a sync one behind."""
        self._attempt.stopper.force()
        self._capture.close()

    def _run(self) -> None:
        with router.routed(self._capture):
            result = self._attempt.execute()
        self._deliver(result)


def dispatch(
    attempt: Attempt,
    capture: Capture,
    deliver: Deliver,
    apart: Apart | None,
    begun: Callable[[], None],
) -> Dispatch:
    """Start an attempt, `apart` where that is given; `deliver` gets its result, once.

    It does so in another thread. `begun` is called when the attempt is executed: at once, but for
    one that is executed apart and may have to wait.
    """
    if apart is not None:
        return apart.start(attempt, deliver, begun)
    begun()
    if attempt.step.isolated() != "thread":
        from weft._process import ProcessDispatch

        return ProcessDispatch(attempt, capture, deliver)
    return ThreadDispatch(attempt, capture, deliver)
