"""Keeps values of secrets out of what leaves the process: logs, terminals, failures."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

MASK = "***"
# Shorter ones stand in ordinary text by chance: hiding them would tell more than it hides.
SHORTEST = 4


class Masker:
    """Knows the values that steps of this process got, and hides them in text."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hidden: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, values: Iterable[str]) -> None:
        """Hide values from now on; those of several lines also line by line."""
        parts = {part for value in values for part in (value, *value.splitlines())}
        fresh = {part for part in map(str.strip, parts) if len(part) >= SHORTEST}
        with self._lock:
            if fresh <= self._hidden:
                return
            self._hidden |= fresh
            # The longest first, so that none is left half hidden behind a part of it.
            longest = sorted(self._hidden, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest)))

    @contextmanager
    def separately(self) -> Iterator[None]:
        """Forget afterwards what was hidden meanwhile: secrets of one test are text in the next."""
        before = set(self._hidden), self._pattern
        try:
            yield
        finally:
            with self._lock:
                self._hidden, self._pattern = before

    def mask(self, text: str) -> str:
        """Give the text with every hidden value replaced."""
        pattern = self._pattern
        return text if pattern is None else pattern.sub(MASK, text)


masker = Masker()
