"""When schedules fire: pure functions of times, without a database or a clock.

Cron expressions mean what they do in Debian's cron:

- One whose minute and hour are given ("30 2 * * *") fires once for each local day. Where clocks
  go forward over its time, it fires when the gap ends; where they go back and the time comes
  twice, it fires the first time only.
- One whose minute or hour begins with a star ("*/15 * * * *", "0 * * * *") follows real time: it
  has no times in the skipped hour, and has them twice in the doubled one.

`cronsim` reads them and walks the calendar, without zones: its own way with these loses times
where clocks shift by half an hour.
"""

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

_CRON_FIELDS = 5
_TICK = timedelta(microseconds=1)
_MINUTE = timedelta(minutes=1)
# More than any clock is ever set back: a time that is shown again is not overlooked.
_SHIFT = timedelta(hours=3)
_FIRST_LOOK = timedelta(hours=1)
# No time lies before or after these: calendars end where years have four digits.
_LONG_AGO, _FAR_OFF = datetime(1970, 1, 2, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of a schedule: exactly one of `cron`, `interval_s` and `run_at` is set.

    All times are UTC. Intervals count from `start_time`, else from `anchor`.
    """

    anchor: datetime
    cron: str = ""
    time_zone: str = ""
    interval_s: int = 0
    run_at: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None

    def problem(self) -> tuple[str, str] | None:
        """What makes no sense, as the field and a sentence about it."""
        if self.time_zone and self.time_zone not in _zones():
            return "time_zone", "is no time zone that is known here, such as Europe/Berlin"
        if self.time_zone and not self.cron:
            return "time_zone", "means nothing without `cron`"
        if self.cron and (said := _cron_problem(self.cron)):
            return "cron", said
        if self.start_time and self.end_time and self.end_time < self.start_time:
            return "end_time", "lies before `start_time`"
        return None

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Every time later than `moment`, in order."""
        moment = max(moment, _LONG_AGO, (self.start_time or _LONG_AGO) - _TICK)
        if moment >= _FAR_OFF:
            return
        for time in self._every(moment):
            if self.end_time and time > self.end_time:
                return
            yield time

    def next(self, moment: datetime) -> datetime | None:
        """The first time later than `moment`, None where there is none."""
        return next(self.after(moment), None)

    def newest(self, after: datetime, until: datetime, most: int) -> list[datetime]:
        """The last times, at most so many, in (after, until].

        Looks back in growing steps: how many times passed before those does not matter.
        """
        span = _FIRST_LOOK
        while True:
            base = max(after, until - span)
            found = list(itertools.takewhile(lambda time: time <= until, self.after(base)))
            if len(found) >= most or base == after:
                return found[-most:]
            span *= 4

    def _every(self, moment: datetime) -> Iterator[datetime]:
        if self.run_at:
            return iter([self.run_at] if self.run_at > moment else [])
        return self._by_cron(moment) if self.cron else self._by_interval(moment)

    def _by_interval(self, moment: datetime) -> Iterator[datetime]:
        step, origin = timedelta(seconds=self.interval_s), self.start_time or self.anchor
        # Counted from when it was made, the first time is one interval later.
        first = 0 if self.start_time else 1
        passed = (moment - origin) // step + 1
        for number in itertools.count(max(first, passed)):
            time = origin + number * step
            if time > _FAR_OFF:
                return
            yield time

    def _by_cron(self, moment: datetime) -> Iterator[datetime]:
        zone = _zone(self.time_zone)
        wall = moment.astimezone(zone).replace(tzinfo=None)
        walls = CronSim(self.cron, wall - _SHIFT)
        is_daily = not any(part.startswith("*") for part in self.cron.split()[:2])
        times = _once(walls, zone) if is_daily else _really(walls, zone)
        last = moment
        for time in times:
            # Several times of one gap come when it ends, once.
            if time > last:
                last = time
                yield time


def _once(walls: Iterator[datetime], zone: ZoneInfo) -> Iterator[datetime]:
    """When each wall-clock time comes first, or the gap over it ends."""
    for wall in walls:
        shown = wall
        while _is_skipped(shown, zone):
            shown += _MINUTE
        yield shown.replace(tzinfo=zone).astimezone(UTC)


def _really(walls: Iterator[datetime], zone: ZoneInfo) -> Iterator[datetime]:
    """Every moment at which the clock shows one of these times: none, one, or two for each."""
    later: list[datetime] = []
    for wall in walls:
        if _is_skipped(wall, zone):
            continue
        first, second = (wall.replace(tzinfo=zone, fold=f).astimezone(UTC) for f in (0, 1))
        heapq.heappush(later, first)
        if second != first:
            heapq.heappush(later, second)
        # First showings come in the order of the times: nothing before this one is to follow.
        while later and later[0] <= first:
            yield heapq.heappop(later)


def _is_skipped(wall: datetime, zone: ZoneInfo) -> bool:
    """Whether no clock of the zone ever shows this time."""
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name or "UTC")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _cron_problem(text: str) -> str:
    if len(text.split()) != _CRON_FIELDS:
        return "must have five fields: minute, hour, day of month, month, day of week"
    try:
        next(CronSim(text, datetime(2000, 1, 1)))  # noqa: DTZ001 - a calendar has no zone
    except CronSimError as error:
        return f"cannot be read: {error}"
    except StopIteration:
        return "never comes"
    return ""
