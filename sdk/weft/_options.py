"""How a run is executed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from weft._surroundings import Clock, surroundings


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is executed.

    Attributes:
        max_workers: Most attempts at a time in this process and beside it.
        max_workloads: Most attempts at a time in workloads of their own.
        cache: Whether earlier results may stand in.
        allow_pickle: Whether values may be pickled, and pickled ones read.
        echo: Whether what steps print also goes to the terminal.
        only: The step that is executed alone; all that have no earlier result are skipped.
        fail_fast_grace_s: Seconds that running steps get to end after a failure (FAIL_FAST).
        random: Source of jitter, [0, 1).
        clock: What retries and timeouts go by.
    """

    max_workers: int = field(default_factory=lambda: max(4, os.cpu_count() or 1))
    max_workloads: int = 64
    cache: bool = True
    allow_pickle: bool = True
    echo: bool = True
    only: str = ""
    fail_fast_grace_s: float = 10.0
    random: Callable[[], float] = field(default_factory=lambda: surroundings.random)
    clock: Clock = field(default_factory=lambda: surroundings.clock)
