"""Time that a test moves."""

import time
from datetime import UTC, datetime, timedelta


class MovedClock:
    """The time of this machine, and how far a test has moved it.

    Only the wall clock moves, as when somebody sets it: leases and limits go by the other one.
    """

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """The moved time, in UTC."""
        return datetime.now(UTC) + self._offset

    def monotonic(self) -> float:
        """Seconds since some moment; they are not moved."""
        return time.monotonic()

    def move_to(self, moment: datetime) -> None:
        """Makes it that moment."""
        self._offset = moment - datetime.now(UTC)

    def reset(self) -> None:
        """Makes it the time of this machine again."""
        self._offset = timedelta()
