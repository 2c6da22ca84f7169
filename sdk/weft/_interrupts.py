"""Ctrl-C in the user's process: the run ends in its true state, and the process says so."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

from weft._states import StopMode
from weft.errors import RunInterruptedError

_EXIT = 130


class Interrupts:
    """While it is entered, Ctrl-C stops a run: politely the first time, by force the second.

    `stop` may be told before the run begins, which it then does only to end. Who presses again
    while nothing has begun, for a workspace that does not answer, gets a KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.count = 0
        self.has_begun = False
        self._stop: Callable[[StopMode, str], None] | None = None
        self._before: Callable[[int, FrameType | None], object] | int | None = None

    def stopping(self, stop: Callable[[StopMode, str], None]) -> Interrupts:
        """The same, with what stops the run."""
        self._stop = stop
        return self

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        # A shell's background job ignores Ctrl-C, which is meant for what is in front.
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._before = signal.signal(signal.SIGINT, self._hear)

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1 and not self.has_begun:
            raise KeyboardInterrupt
        assert self._stop is not None
        self._stop(StopMode.GRACEFUL if self.count == 1 else StopMode.FORCE, "interrupted")


def exit_plainly() -> None:
    """Has a program that catches no RunInterruptedError end with a sentence and code 130."""
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not isinstance(error, RunInterruptedError):
            before(kind, error, trace)
            return
        sys.stderr.write(f"{error}\n")
        raise SystemExit(_EXIT)

    if getattr(before, "is_plain", False):
        return
    hook.is_plain = True  # type: ignore[attr-defined]
    sys.excepthook = hook
