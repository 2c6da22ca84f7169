"""What people want of a run, as the workspace repeats it until it is done."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from weft._records import Listener
from weft._states import StopMode

if TYPE_CHECKING:
    from weftapi.workspace.v1 import reports_pb2, run_types_pb2

_STOP_MODES = {1: StopMode.GRACEFUL, 2: StopMode.FORCE}


class Wishes:
    """Hears each wish once; answers to reports and to heartbeats come from two threads."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._lock = threading.Lock()
        # How each step, or under "" the run, was last asked to stop.
        self._heard: dict[str, tuple[int, str]] = {}
        self._is_paused = False

    def obey(self, directives: Sequence[reports_pb2.Directive]) -> None:
        """Stops and pauses as asked; the run goes on when nobody asks for a pause any more."""
        with self._lock:
            is_paused = any(directive.HasField("pause") for directive in directives)
            if is_paused is not self._is_paused:
                self._is_paused = is_paused
                self._listener.pause(is_paused=is_paused)
            for directive in directives:
                if directive.HasField("stop") and self._is_news("", directive.stop):
                    self._stop(directive.stop)
                elif directive.HasField("step_stop"):
                    wish = directive.step_stop
                    if self._is_news(wish.step_id, wish.request):
                        self._stop_step(wish.step_id, wish.request)

    def _is_news(self, step: str, request: run_types_pb2.StopRequest) -> bool:
        wish = (request.mode, request.reason)
        if self._heard.get(step) == wish:
            return False
        self._heard[step] = wish
        return True

    def _stop(self, request: run_types_pb2.StopRequest) -> None:
        self._listener.stop(_mode(request), request.reason or "somebody asked the run to stop")

    def _stop_step(self, step: str, request: run_types_pb2.StopRequest) -> None:
        grace_s = request.grace.ToTimedelta().total_seconds()
        self._listener.stop_step(step, _mode(request), request.reason, grace_s=grace_s)


def _mode(request: run_types_pb2.StopRequest) -> StopMode:
    return _STOP_MODES.get(request.mode, StopMode.GRACEFUL)
