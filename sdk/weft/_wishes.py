"""What people want of a run, as the workspace repeats it until it is done."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from weft._records import PauseCallback, StopCallback
from weft._states import StopMode

if TYPE_CHECKING:
    from weftapi.workspace.v1 import reports_pb2

_STOP_MODES = {1: StopMode.GRACEFUL, 2: StopMode.FORCE}


class Wishes:
    """Hears each wish once; answers to reports and to heartbeats come from two threads."""

    def __init__(self, on_stop: StopCallback, on_pause: PauseCallback) -> None:
        self._on_stop = on_stop
        self._on_pause = on_pause
        self._lock = threading.Lock()
        self._heard_stop: tuple[int, str] | None = None
        self._is_paused = False

    def obey(self, directives: Sequence[reports_pb2.Directive]) -> None:
        """Stops and pauses the run as asked; it goes on when nobody asks for a pause any more."""
        with self._lock:
            is_paused = any(directive.HasField("pause") for directive in directives)
            if is_paused is not self._is_paused:
                self._is_paused = is_paused
                self._on_pause(is_paused)
            for directive in directives:
                if directive.HasField("stop"):
                    self._stop(directive.stop.mode, directive.stop.reason)

    def _stop(self, mode: int, reason: str) -> None:
        if (mode, reason) != self._heard_stop:
            self._heard_stop = (mode, reason)
            wanted = _STOP_MODES.get(mode, StopMode.GRACEFUL)
            self._on_stop(wanted, reason or "somebody asked the run to stop")
