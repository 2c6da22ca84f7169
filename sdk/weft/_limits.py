"""What a pipeline may take as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from weft._records import Failure

RUN_TIMEOUT = "RUN_TIMEOUT"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one run.

    Attributes:
        timeout_s: Seconds from when it begins to execute; pauses count. None for no limit.
        max_parallel: Most attempts at a time, wherever they are executed. None for no limit.
    """

    timeout_s: float | None = None
    max_parallel: int | None = None

    def __post_init__(self) -> None:
        if self.timeout_s is not None and self.timeout_s <= 0:
            raise ValueError("timeout_s must be more than 0 seconds")
        if self.max_parallel is not None and self.max_parallel < 1:
            raise ValueError("max_parallel must be at least 1")

    def overdue(self) -> Failure:
        """Say that a run took longer than it may."""
        message = f"the run did not end within {self.timeout_s:g} s"
        return Failure("USER", RUN_TIMEOUT, message, "TimeoutError")


def how_it_failed(failure: Failure) -> str:
    """Say in a few words why a run has failed."""
    if failure.code == RUN_TIMEOUT:
        return failure.message
    what = f"step {failure.step}" if failure.step else "the pipeline's function"
    return f"{what} failed"
