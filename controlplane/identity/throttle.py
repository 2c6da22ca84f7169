"""Slows down guessing: sign-ins and codes, for each address and for each account."""

import ipaddress

from meshkit.clock import Clock
from meshkit.limits import Rate, RateLimiter

# What one customer of a provider gets at least: whoever has one address of it has them all.
_IPV6_PREFIX = 64


class Throttle:
    """At most so many tries a minute; raises ResourceExhausted RATE_LIMITED beyond.

    An account is slowed wherever the tries come from, and an address whatever it tries: a
    thousand addresses gain nothing on one account, one address nothing over a thousand.
    """

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._limiter = RateLimiter(Rate(per_minute / 60, per_minute), clock.monotonic)

    def take(self, action: str, *, address: str, account: str = "") -> None:
        """Counts one try of an action."""
        self._limiter.take(f"{action}:address:{_place(address)}")
        if account:
            self._limiter.take(f"{action}:account:{account.casefold()}")


def _place(address: str) -> str:
    """The address, or the network of an IPv6 one; one name for all ways of writing it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), _IPV6_PREFIX), strict=False))
