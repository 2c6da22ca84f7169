"""What units of a run are busy with besides attempts: things that may take long, in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from weft._failures import failure_of
from weft._loop import Loop
from weft._places import Places
from weft._records import Failure
from weft._units import Unit


class Work:
    """Does things in threads and goes on in the engine's own; `fail` ends a unit they fail for."""

    def __init__(self, loop: Loop, places: Places, fail: Callable[[Unit, Failure], None]) -> None:
        self._loop = loop
        self._places = places
        self._fail = fail

    def start(self, unit: Unit, work: Callable[[], Any], done: Callable[[Unit, Any], None]) -> None:
        """Do something for a unit; `done` takes what it gave."""
        number = self._places.occupy(unit)

        def run() -> None:
            try:
                found = work()
            except Exception as error:  # noqa: BLE001 - whatever it was, the step must not hang
                found = error
            self._loop.put(lambda: self._done(unit, number, found, done))

        threading.Thread(target=run, name=f"weft-{unit.id}", daemon=True).start()

    def _done(self, unit: Unit, number: int, found: Any, done: Callable[[Unit, Any], None]) -> None:
        if not self._places.release(unit, number):
            return
        if isinstance(found, Exception):
            self._fail(unit, failure_of(found))
        else:
            done(unit, found)
