"""Splits a stream of text into log lines."""

from __future__ import annotations

import re

MAX_LINE_BYTES = 16 * 1024
_BREAKS = re.compile(r"([\r\n])")


class LineSplitter:
    """Takes text in pieces of any size and gives whole lines, whatever the pieces were.

    A carriage return starts the line over, as on a terminal, so that a progress bar is one line. A
    line of more than 16 KiB is given in pieces, all but the last marked as continued.
    """

    def __init__(self) -> None:
        self._line = ""
        self._starts_over = False

    def feed(self, text: str) -> list[tuple[str, bool]]:
        """Take text; give finished lines as (message, is continued in the next)."""
        done: list[tuple[str, bool]] = []
        for part in _BREAKS.split(text):
            if part == "\n":
                done.append((self._line, False))
                self._line, self._starts_over = "", False
            elif part == "\r":
                self._starts_over = True
            elif part:
                self._append(_valid(part), done)
        return done

    def close(self) -> list[tuple[str, bool]]:
        """Give the line that never ended, if there is one."""
        rest, self._line = self._line, ""
        return [(rest, False)] if rest else []

    def _append(self, text: str, done: list[tuple[str, bool]]) -> None:
        self._line = text if self._starts_over else self._line + text
        self._starts_over = False
        # Counting bytes of a line that cannot be too long costs more than all the rest.
        while len(self._line) * 4 > MAX_LINE_BYTES and _size(self._line) > MAX_LINE_BYTES:
            piece = self._line.encode()[:MAX_LINE_BYTES].decode(errors="ignore")
            done.append((piece, True))
            self._line = self._line[len(piece) :]


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _valid(text: str) -> str:
    """Replace lone surrogates, which no wire format carries."""
    return text if text.isascii() else text.encode(errors="replace").decode()
