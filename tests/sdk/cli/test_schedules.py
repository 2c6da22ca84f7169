"""`weft schedules` against a real mesh; docs/schedules.md is typed elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Weft


@pytest.fixture(scope="module")
def yearly(weft: Weft, train_file: Path) -> str:
    """The id of a schedule that does not fire while tests run."""
    done = weft(
        *("schedules", "create", "yearly", f"{train_file}::teach", "--cron", "0 0 29 2 *"),
        *("--tz", "Europe/Berlin", "-p", "rows=7", "-p", "lr=0.25", "--overlap", "allow"),
        *("--catch-up", "latest", "--description", "seldom"),
    )
    assert done.code == 0, done.err
    assert done.out.count("then") == 4
    return "yearly"


@pytest.mark.parametrize("output", ["json", "yaml", "name", "table"])
def test_schedules_come_in_every_format(output: str, weft: Weft, yearly: str) -> None:
    for command in (["list"], ["show", yearly], ["list", "-q", "state = ACTIVE"]):
        done = weft("schedules", *command, "-o", output)
        assert done.code == 0, done.err
        assert yearly in done.out


def test_what_was_said_is_what_it_keeps(weft: Weft, yearly: str) -> None:
    shown = json.loads(weft("schedules", "show", yearly, "-o", "json").out)
    assert shown["parameters"] == {"rows": 7, "lr": 0.25, "fail": False}
    assert (shown["cron"], shown["timeZone"]) == ("0 0 29 2 *", "Europe/Berlin")
    assert (shown["overlap"], shown["catchUp"]) == ("OVERLAP_ALLOW", "CATCH_UP_LATEST")
    made = weft("schedules", "create", "again", shown["snapshot"], "--every", "2w", "-p", "rows=2")
    assert made.code == 0, made.err
    again = json.loads(weft("schedules", "show", "again", "-o", "json").out)
    assert (again["snapshot"], again["interval"]) == (shown["snapshot"], "1209600s")
    changed = weft(
        *("schedules", "update", "again", "--at", "2099-01-01T12:00+02:00", "--max-runs", "1"),
        *("-p", "rows=9", "--description", "once", "--snapshot", shown["snapshot"], "-o", "json"),
    )
    document = json.loads(changed.out)
    assert document["runAt"] == document["nextRunTime"] == "2099-01-01T10:00:00Z"
    assert document["parameters"] == {"rows": 9}
    assert weft("schedules", "delete", "again", "--yes").code == 0


def test_times_are_seen_before_they_count(weft: Weft, yearly: str) -> None:
    zone = {"TZ": "UTC"}
    named = weft("schedules", "preview", yearly, "-n", "2", **zone)
    assert [line[5:10] for line in named.out.splitlines()] == ["02-28", "02-28"]
    daily = weft("schedules", "preview", "--cron", "0 7 * * *", "-n", "3", **zone)
    assert all("07:00:00+00:00" in line for line in daily.out.splitlines())
    start = weft(
        *("schedules", "preview", "--every", "90m", "--start", "2099-01-01T00:00+00:00"),
        *("--end", "2099-01-01T02:00+00:00"),
        **zone,
    )
    assert start.out.split() == ["2099-01-01", "00:00:00+00:00", "2099-01-01", "01:30:00+00:00"]


def test_a_trigger_runs_it_now(weft: Weft, yearly: str) -> None:
    done = weft("schedules", "trigger", yearly, "--detach")
    assert done.code == 0, done.err
    run = done.out.strip()
    watched = weft("runs", "watch", run, "-o", "json")
    assert json.loads(watched.out)["startedBy"] == "projects/default/schedules/yearly"
    assert run.rpartition("/")[2] in weft("schedules", "show", yearly).out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["show", "absent"], 5),
        (["pause", "absent"], 5),
        (["create", "yearly", "absent", "--every", "1h"], 6),
        (["create", "new", "absent", "--every", "1h"], 5),
        (["create", "new", "absent.py", "--every", "1h"], 2),
        (["create", "new", "absent"], 2),
        (["create", "new", "absent", "--every", "1h", "--cron", "* * * * *"], 2),
        (["create", "new", "absent", "--every", "soon"], 2),
        (["create", "new", "absent", "--at", "soon"], 2),
        (["create", "new", "absent", "--cron", "nonsense"], 2),
        (["create", "new", "absent", "--every", "1h", "-p", "rows"], 2),
        (["update", "yearly"], 2),
        (["create", "neither", "--every", "1h"], 2),
        (["create", "both", "x", "--template", "y", "--every", "1h"], 2),
        (["create", "unpublished", "--template", "none", "--every", "1h"], 5),
        (["update", "yearly", "--template", "none"], 5),
        (["update", "yearly", "-p", "rows=many"], 2),
        (["preview"], 2),
        (["preview", "yearly", "--every", "1h"], 2),
    ],
)
def test_what_cannot_be_is_said_with_its_exit_code(
    arguments: list[str], code: int, weft: Weft, yearly: str
) -> None:
    done = weft("schedules", *arguments)
    assert done.code == code, done.err
    assert done.err.strip()


def test_times_that_passed_are_made_up_for_once(weft: Weft, train_file: Path) -> None:
    made = weft("schedules", "create", "past", f"{train_file}::teach", "--cron", "0 6 * * *")
    assert made.code == 0, made.err
    span = ("--from", "2026-01-01T00:00Z", "--to", "2026-01-02T23:00Z")
    runs = json.loads(weft("schedules", "backfill", "past", *span, "-o", "json").out)
    assert [run["trigger"] for run in runs] == ["RUN_TRIGGER_SCHEDULE"] * 2
    again = weft("schedules", "backfill", "past", *span)
    assert (again.code, again.out) == (0, "")
    assert "2 times had their run already" in again.err
    wrong = weft("schedules", "backfill", "past", "--from", "2026-01-02T00:00Z", "--to", "soon")
    assert wrong.code == 2
    assert weft("schedules", "delete", "past", "--yes").code == 0
