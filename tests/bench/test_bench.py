"""Every benchmark still runs, and measures something. How fast is no question for a test."""

import json
import subprocess
import sys

import pytest

from bench.figures import Figure, at_least, stay_below
from bench.processes import ROOT, environment
from bench.reached import REACHED
from bench.run import SCRIPTS

# One of them looks at the dashboard in Chromium, which is built where the browser's tests run.
_MARKS = {"dashboard": pytest.mark.browser}


@pytest.mark.parametrize(
    "script",
    [pytest.param(script, marks=_MARKS.get(script, pytest.mark.blink)) for script in SCRIPTS],
)
def test_a_quick_run_measures_ours_and_the_limit(script: str) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "bench", script, "--quick", "--no-postgres", "--json"],
        env=environment(),
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0, child.stderr
    figures = json.loads(child.stdout)
    assert figures
    assert all(figure["ours"] > 0 and figure["ratio"] > 0 for figure in figures), figures


@pytest.mark.parametrize(
    ("ours", "spread", "verdict"),
    [
        (30, 1.0, "met"),
        (29, 1.0, "held"),
        (17, 1.5, "held"),
        (16, 1.0, "MISSED"),
        (50, 1.6, "VOID"),
    ],
)
def test_a_verdict_tells_a_missed_target_from_one_that_was_never_met(ours, spread, verdict):
    target, reached = at_least(0.3), at_least(0.17)
    figure = Figure("a", "x", "calls/s", ours, 100, target, spread=spread, reached=reached)
    assert figure.verdict == verdict


def test_a_target_of_which_nothing_is_written_down_is_met_or_missed():
    assert Figure("h", "x", "MB", 121, 70, stay_below(120)).verdict == "MISSED"
    assert Figure("h", "x", "MB", 120, 70, stay_below(120)).verdict == "met"


def test_the_page_gives_a_reason_for_each_target_that_is_not_reached():
    page = (ROOT / "docs/performance.md").read_text()
    rows = [row.split(" | ") for row in page.splitlines() if row.startswith("| ")]
    said = {row[0].removeprefix("| "): row[3] for row in rows if len(row) == 5}
    said.pop("figure")
    assert said == {name: str(bound) for name, bound in REACHED.items()}
