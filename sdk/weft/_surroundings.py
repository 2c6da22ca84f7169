"""What surrounds the runs of this process: time, chance, secrets, and where they are recorded.

It is the world, but in tests: `weft.pytest_plugin` puts stand-ins here, and takes them away.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from weft._records import Recorder
    from weft._settings import Settings


class Clock(Protocol):
    """Tells how much time passes."""

    def monotonic(self) -> float:
        """Seconds since some moment."""

    def skip(self, seconds: float) -> bool:
        """Let time pass in which nothing happens; False where it has to be waited for."""


class RealClock:
    """The time that passes."""

    def monotonic(self) -> float:
        """Seconds since the machine started."""
        return time.monotonic()

    def skip(self, seconds: float) -> bool:  # noqa: ARG002 - nobody can
        """It has to be waited for."""
        return False


@dataclass(slots=True)
class Surroundings:
    """What runs of this process find around them.

    Attributes:
        random: Source of jitter, [0, 1).
        secrets: Values by secret and key, instead of those of the workspace.
        recorder: Chooses where a run is recorded, instead of the context in use.
    """

    clock: Clock
    random: Callable[[], float] = random.random
    secrets: Mapping[str, Mapping[str, str]] | None = None
    recorder: Callable[[Settings], tuple[Recorder, Settings]] | None = None


surroundings = Surroundings(RealClock())
