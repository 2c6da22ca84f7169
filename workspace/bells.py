"""Wakes the report streams of a run, so that its runner hears at once what it should do.

In memory, for the streams of this replica: a runner on another one hears it with its next
heartbeat.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Ring = Callable[[], None]


class Bells:
    """A bell for each open report stream."""

    def __init__(self) -> None:
        self._bells: defaultdict[str, list[Ring]] = defaultdict(list)

    @contextmanager
    def hung(self, run: str, ring: Ring) -> Iterator[None]:
        """While the block runs, `ring` is called whenever somebody rings for the run."""
        self._bells[run].append(ring)
        try:
            yield
        finally:
            self._bells[run].remove(ring)
            if not self._bells[run]:
                del self._bells[run]

    def ring(self, run: str) -> None:
        """There is something that the run's runner should hear."""
        for ring in self._bells.get(run, ()):
            ring()
