"""How much one caller may ask for: calls per second, and open streams."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from meshkit.caller import Caller, CallerKind
from meshkit.errors import ResourceExhausted

# Buckets are forgotten least recently used first. A forgotten caller starts with a full
# bucket, so the bound must be far above the callers active within one burst.
_MAX_BUCKETS = 20_000


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls per second in the long run, and how many may come at once."""

    per_second: float
    burst: float


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimiter:
    """One token bucket for each key."""

    def __init__(self, rate: Rate, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str) -> None:
        """Takes one token; raises ResourceExhausted, saying when to come back, if none is left."""
        now = self._monotonic()
        bucket = self._bucket(key, now)
        earned = (now - bucket.at) * self._rate.per_second
        bucket.tokens = min(self._rate.burst, bucket.tokens + earned)
        bucket.at = now
        if bucket.tokens < 1:
            raise ResourceExhausted(
                "RATE_LIMITED",
                "Too many calls; slow down and try again.",
                retry_after_s=(1 - bucket.tokens) / self._rate.per_second,
            )
        bucket.tokens -= 1

    def _bucket(self, key: str, now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._rate.burst, now)
            if len(self._buckets) > _MAX_BUCKETS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket


class StreamSlots:
    """Counts open streams for each caller and in all."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._open: dict[str, int] = {}
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def take(self, key: str, limit: int) -> None:
        """Takes a slot; raises ResourceExhausted where the caller or the server has none left."""
        held = self._open.get(key, 0)
        if held >= limit or self._count >= self._total:
            raise ResourceExhausted(
                "TOO_MANY_STREAMS",
                "Too many open streams; close one and try again.",
                metadata={"limit": str(limit if held >= limit else self._total)},
                retry_after_s=5,
            )
        self._open[key] = held + 1
        self._count += 1

    def give_back(self, key: str) -> None:
        self._count -= 1
        left = self._open[key] - 1
        if left:
            self._open[key] = left
        else:
            del self._open[key]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a server, shared by its listeners."""

    principals: RateLimiter
    peers: RateLimiter
    streams: StreamSlots
    streams_per_principal: int
    streams_per_run: int

    def take_call(self, caller: Caller) -> None:
        """Charges a call to its caller; raises ResourceExhausted."""
        limiter = self.peers if caller.kind is CallerKind.PEER else self.principals
        limiter.take(key_of(caller))

    def take_address(self, address: str) -> None:
        """Charges a call by nobody known to where it came from; raises ResourceExhausted."""
        self.principals.take(_address_key(address))

    def streams_of(self, caller: Caller) -> int:
        """How many streams the caller may hold open."""
        is_machine = caller.kind in (CallerKind.RUN, CallerKind.PEER)
        return self.streams_per_run if is_machine else self.streams_per_principal


def key_of(caller: Caller) -> str:
    """Whom a call is charged to: the principal, or the address of an anonymous caller."""
    if caller.kind is CallerKind.ANONYMOUS or not caller.subject:
        return _address_key(caller.address)
    return caller.subject


def _address_key(address: str) -> str:
    return f"address:{address}"
