"""Slows down guessing: sign-ins and codes, for each address and for each account."""

from meshkit.clock import Clock
from meshkit.limits import Rate, RateLimiter


class Throttle:
    """At most so many tries a minute; raises ResourceExhausted RATE_LIMITED beyond.

    An account is slowed wherever the tries come from, and an address whatever it tries: a
    thousand addresses gain nothing on one account, one address nothing over a thousand.
    """

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._limiter = RateLimiter(Rate(per_minute / 60, per_minute), clock.monotonic)

    def take(self, action: str, *, address: str, account: str = "") -> None:
        """Counts one try of an action."""
        self._limiter.take(f"{action}:address:{address}")
        if account:
            self._limiter.take(f"{action}:account:{account.casefold()}")
