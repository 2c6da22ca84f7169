"""What `/metrics` says of a feed and of those who follow it.

Scrapes come from a thread of their own: they read numbers, and look at nothing that changes
under their hands.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import Protocol

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from meshkit.clock import Clock
from meshkit.feed import Feed
from meshkit.telemetry import Metrics

_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Delays:
    """A histogram of seconds; to add one costs a search, as there is one for each message."""

    __slots__ = ("_counts", "_sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS_S) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(_BOUNDS_S, seconds)] += 1
        self._sum += seconds

    def family(self, name: str, text: str) -> HistogramMetricFamily:
        """The histogram as it stands, as Prometheus wants it."""
        bounds = (*(str(bound) for bound in _BOUNDS_S), "+Inf")
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        return HistogramMetricFamily(name, text, buckets=buckets, sum_value=self._sum)


class Followers(Protocol):
    """Those who follow a feed from this process."""

    delays: Delays

    def __len__(self) -> int: ...

    def lowest_position(self) -> int:
        """Of those who have something left to read; the head where nobody has."""
        ...


def expose_feed(metrics: Metrics, feed: Feed) -> None:
    """Where a feed stands, and what it went through."""
    counts, ring = feed.counts, feed.ring
    metrics.gauge("weft_feed_revision", "Newest revision known here.", lambda: feed.head)
    metrics.gauge(
        "weft_feed_compact_revision",
        "Changes up to this revision are gone.",
        lambda: feed.compact_revision,
    )
    metrics.gauge("weft_feed_ring_events", "Events in memory.", lambda: ring.events)
    metrics.gauge("weft_feed_ring_bytes", "Bytes of events in memory.", lambda: ring.bytes)
    metrics.counter(
        "weft_feed_ring_evicted_events",
        "Events that left memory to make room.",
        lambda: ring.evicted,
    )
    metrics.counter(
        "weft_feed_outbox_reads",
        "Pages read from the database for those who are behind what is in memory.",
        lambda: counts.outbox_reads,
    )
    metrics.counter(
        "weft_feed_compacted_events", "Events deleted as too old.", lambda: counts.compacted
    )
    metrics.counter(
        "weft_feed_unannounced_reads",
        "Polls that found what another replica committed and no hint had announced.",
        lambda: counts.unannounced,
    )
    metrics.counter(
        "weft_feed_holes",
        "Times that a revision was missing, which must not happen; the feed then waits for it.",
        lambda: counts.holes,
    )


def expose_followers(metrics: Metrics, feed: Feed, followers: Followers, clock: Clock) -> None:
    """How many follow a feed, and how far the slowest is behind."""

    def lag_s() -> float:
        time = feed.ring.time_after(followers.lowest_position())
        return max((clock.now() - time).total_seconds(), 0.0) if time else 0.0

    metrics.gauge("weft_feed_watchers", "Open watches.", lambda: len(followers))
    metrics.gauge(
        "weft_feed_lag_revisions",
        "How many revisions the slowest watch is behind.",
        lambda: max(feed.head - followers.lowest_position(), 0),
    )
    metrics.gauge(
        "weft_feed_lag_seconds",
        "How long ago the oldest change was made that the slowest watch has not taken.",
        lag_s,
    )
    metrics.registry.register(_Delivery(followers))


class _Delivery(Collector):
    def __init__(self, followers: Followers) -> None:
        self._followers = followers

    def collect(self) -> Iterable[HistogramMetricFamily]:
        yield self._followers.delays.family(
            "weft_feed_delivery_seconds",
            "From the change to the watch that is up to date having sent it.",
        )
