"""When schedules fire, against an oracle that walks through every minute."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workspace.timings import Timing

MINUTE = timedelta(minutes=1)
# Zones whose clocks jump by an hour, by half of one, at midnight, and not at all; and the days
# around their jumps in 2026.
JUMPS = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Africa/Cairo", date(2026, 4, 24)),
    ("Africa/Cairo", date(2026, 10, 29)),
    ("Asia/Kolkata", date(2026, 3, 29)),
    ("UTC", date(2026, 3, 29)),
]
jumps = st.sampled_from(JUMPS)
ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)


def by_cron(cron: str, zone: str = "UTC") -> Timing:
    return Timing(ANCHOR, cron=cron, time_zone=zone)


def around(zone: str, day: date) -> tuple[datetime, datetime]:
    """From two local days before a day to two after it."""
    noon = datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC)
    return noon - timedelta(hours=60), noon + timedelta(hours=60)


def minutes(zone: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Every minute in (start, end]: as UTC, and as the wall clock shows it."""
    moment = start.replace(second=0, microsecond=0) + MINUTE
    while moment <= end:
        yield moment, moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        moment += MINUTE


def daily(zone: str, at: time, start: datetime, end: datetime) -> list[datetime]:
    """Once for each local day: the first minute whose wall clock shows the time, or a later one."""
    fires: dict[date, datetime] = {}
    first: datetime | None = None
    for moment, wall in minutes(zone, start - timedelta(days=1), end):
        first = first or moment
        if wall.time() >= at and wall.date() not in fires:
            fires[wall.date()] = moment
    # The day on which the walk begins may have been half over.
    own = min(fires)
    return [moment for day, moment in fires.items() if day != own and start < moment <= end]


def found(timing: Timing, start: datetime, end: datetime) -> list[datetime]:
    return list(takewhile(lambda moment: moment <= end, timing.after(start)))


@settings(max_examples=60, deadline=None)
@given(jumps, st.times(), st.integers(0, 3 * 24 * 60))
def test_a_daily_time_comes_once_each_local_day(
    jump: tuple[str, date], at: time, offset: int
) -> None:
    """In the gap it comes when that ends; of a time that comes twice it is the first."""
    zone, day = jump
    at = at.replace(second=0, microsecond=0)
    start, end = around(zone, day)
    start += offset * MINUTE
    timing = by_cron(f"{at.minute} {at.hour} * * *", zone)
    assert found(timing, start, end) == daily(zone, at, start, end)


@settings(max_examples=40, deadline=None)
@given(jumps, st.sampled_from(["*/15 * * * *", "0 * * * *", "7 */3 * * *", "*/20 2 * * *"]))
def test_what_repeats_follows_real_time(jump: tuple[str, date], cron: str) -> None:
    """Times in the skipped hour do not come; those of the doubled hour come twice."""
    zone, day = jump
    start, end = around(zone, day)
    wanted_minutes, wanted_hours = (_matching(part) for part in cron.split()[:2])
    expected = [
        moment
        for moment, wall in minutes(zone, start, end)
        if wall.minute in wanted_minutes and wall.hour in wanted_hours
    ]
    assert found(by_cron(cron, zone), start, end) == expected


def _matching(part: str) -> set[int]:
    star, _, step = part.partition("/")
    return set(range(0, 60, int(step or 1))) if star == "*" else {int(part)}


def _days(first: int, last: int) -> st.SearchStrategy[datetime]:
    """Moments between two days after the anchor."""
    seconds = st.integers(first * 86_400, last * 86_400)
    return seconds.map(lambda count: ANCHOR + timedelta(seconds=count))


CRONS = ["30 2 * * *", "0 2,3 * * *", "*/10 * * * *", "0 0 1 * *", "15 1-3 * * SUN", "0 12 * * 1-5"]
timings = st.one_of(
    st.builds(by_cron, st.sampled_from(CRONS), jumps.map(lambda jump: jump[0])),
    st.builds(
        lambda seconds, start: Timing(ANCHOR, interval_s=seconds, start_time=start),
        st.integers(60, 100_000),
        st.none() | _days(0, 60),
    ),
)
moments = _days(1, 330)


@settings(max_examples=80, deadline=None)
@given(timings, moments)
def test_times_grow_and_do_not_depend_on_where_one_begins(timing: Timing, moment: datetime) -> None:
    times = list(islice(timing.after(moment), 6))
    assert times == sorted(set(times))
    assert times[0] > moment
    for before, after in pairwise(times):
        assert timing.next(before) == after
        assert timing.next(after - timedelta(microseconds=1)) == after


@settings(max_examples=60, deadline=None)
@given(timings, moments, st.integers(0, 90 * 24), st.integers(1, 20))
def test_the_newest_times_are_the_last_of_all(
    timing: Timing, start: datetime, hours: int, most: int
) -> None:
    end = start + timedelta(hours=hours)
    assert timing.newest(start, end, most) == found(timing, start, end)[-most:]


def test_an_interval_counts_from_its_start_or_its_making() -> None:
    start = ANCHOR + timedelta(hours=1)
    from_start = Timing(ANCHOR, interval_s=3600, start_time=start)
    assert list(islice(from_start.after(ANCHOR), 2)) == [start, start + timedelta(hours=1)]
    assert Timing(ANCHOR, interval_s=3600).next(ANCHOR) == start
    assert Timing(ANCHOR, interval_s=3600, end_time=start).next(start) is None


def test_one_time_comes_once() -> None:
    once = Timing(ANCHOR, run_at=ANCHOR + MINUTE)
    assert list(once.after(ANCHOR)) == [ANCHOR + MINUTE]
    assert once.next(ANCHOR + MINUTE) is None


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("* * * *", "five fields"),
        ("0 0 * * * *", "five fields"),
        ("@daily", "five fields"),
        ("61 * * * *", "Bad minute"),
        ("0 0 30 2 *", "Bad day-of-month"),
        ("0 0 */31 2 SAT#5", "never comes"),
        ("\0 * * * *", "Bad minute"),
    ],
)
def test_a_bad_expression_is_told_why(cron: str, said: str) -> None:
    problem = by_cron(cron).problem()
    assert problem
    assert problem[0] == "cron"
    assert said in problem[1]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "europe/x"])
def test_a_zone_is_one_of_those_that_are_known(zone: str) -> None:
    problem = by_cron("0 0 * * *", zone).problem()
    assert problem
    assert problem[0] == "time_zone"


def test_times_that_contradict_each_other_are_told() -> None:
    assert Timing(ANCHOR, interval_s=60, time_zone="UTC").problem() == (
        "time_zone",
        "means nothing without `cron`",
    )
    backwards = Timing(ANCHOR, interval_s=60, start_time=ANCHOR, end_time=ANCHOR - MINUTE)
    assert backwards.problem() == ("end_time", "lies before `start_time`")
    assert by_cron("0 0 * * *", "Europe/Berlin").problem() is None
