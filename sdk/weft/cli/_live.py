"""A block of lines at the end of a terminal that is drawn again as it changes."""

from __future__ import annotations

import os
import re
import shutil
import sys
import threading
from collections.abc import Callable

from weft.cli._text import fitted, width

_FRAME_S = 0.1
# Durations go on though nothing happens.
_TICK_S = 1.0
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
_RESET = "\x1b[0m"


class LiveBlock:
    """Draws what `lines` gives, at most ten times in a second, from a thread of its own.

    Each frame is written at once and over the last one, so that nothing flickers. `lines` is
    called with how many columns and rows there are.
    """

    def __init__(self, lines: Callable[[int, int], list[str]]) -> None:
        self._lines = lines
        self._drawn = 0
        self._dirty = threading.Event()
        self._closed = threading.Event()
        self._drawing = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="weft-live", daemon=True)
        self._thread.start()

    def changed(self) -> None:
        """Something is different: the next frame shows it."""
        self._dirty.set()

    def close(self) -> None:
        """Draws the last frame, which stays."""
        self._closed.set()
        self._dirty.set()
        self._thread.join()
        self._draw()

    @staticmethod
    def _tint(line: str) -> str:
        return _COLOUR.sub("", line) if os.environ.get("NO_COLOR") else line

    def _work(self) -> None:
        while not self._closed.is_set():
            self._draw()
            self._closed.wait(_FRAME_S)
            self._dirty.wait(_TICK_S)
            self._dirty.clear()

    def _draw(self) -> None:
        columns, rows = shutil.get_terminal_size()
        lines = [clipped(self._tint(line), columns - 1) for line in self._lines(columns, rows - 1)]
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        body = "".join(f"{line}\x1b[K\n" for line in lines)
        with self._drawing:
            sys.stdout.write(f"{up}{body}\x1b[J")
            sys.stdout.flush()
        self._drawn = len(lines)


def clipped(line: str, columns: int) -> str:
    """A line with colours, cut to so many columns: one that wrapped would break the block."""
    kept: list[str] = []
    left = columns
    for part in _COLOUR.split(line):
        if _COLOUR.fullmatch(part):
            kept.append(part)
        elif part and left > 0:
            text = fitted(part, left)
            kept.append(text)
            left = 0 if text != part else left - width(text)
    return "".join(kept) + (_RESET if _COLOUR.search(line) else "")
