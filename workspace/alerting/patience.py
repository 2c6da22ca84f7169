"""When something is tried again that did not arrive, and when it is given up. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# It is tried for so long: 5 s, 15 s, 45 s ... 6 h after the attempt before.
PATIENCE = timedelta(hours=24)
_FIRST_S = 5.0
_FACTOR = 3.0
_LONGEST = timedelta(hours=6)
# Targets that came back are not met by everything at once.
_SPREAD = 0.2
_MOST_DIGITS = 9


def next_time(
    now: datetime,
    tries: int,
    *,
    asked: timedelta | None,
    give_up: datetime,
    random: Callable[[], float],
) -> datetime | None:
    """When to try again after so many tries; None where that is too late.

    `asked` is what the target wants to be left alone for; `random` answers 0 to 1.
    """
    # Past so many tries the longest pause is reached, and the power would only overflow.
    grown = _FIRST_S * _FACTOR ** min(tries - 1, 20)
    pause = min(grown, _LONGEST.total_seconds()) * (1 + _SPREAD * (2 * random() - 1))
    later = now + max(timedelta(seconds=pause), asked or timedelta(0))
    return later if later < give_up else None


def retry_after(text: str, now: datetime) -> timedelta | None:
    """What a Retry-After header asks for, six hours at most; None for what is none."""
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:_MOST_DIGITS])), _LONGEST)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta(0)), _LONGEST)
