"""A step that raises: what the user sees, and how the run is tried again."""

import re
from pathlib import Path

from tests.system.project import Project, state_of, step_states


def test_a_failed_run_says_what_broke_where_and_how_to_go_on(
    project: Project, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    target = str(Path(__file__).with_name("pipelines") / "failing.py")
    told = project.cli("run", target, f"--mended={mended}", code=3)

    assert "ZeroDivisionError: division by zero" in told
    assert re.search(r"failing\.py:\d+ in divide", told)
    assert "return number / divisor" in told
    assert "number=failing-prepare@1" in told
    run = re.search(r"weft runs retry (\S+)", told)
    assert run

    mended.touch()
    told = project.cli("runs", "retry", run[1])
    again = re.search(r"run (\S+) retries (\S+)", project.cli("runs", "list") + told)
    latest = project.run(f"{project.name}/runs/{_newest(project)}")
    assert latest.origin == f"{project.name}/runs/{run[1]}"
    assert state_of(latest) == "SUCCEEDED", again
    states = step_states(project.steps_of(latest.name))
    assert states == {"prepare": "CACHED", "divide": "SUCCEEDED"}
    assert state_of(project.run(f"{project.name}/runs/{run[1]}")) == "FAILED"


def _newest(project: Project) -> str:
    table = project.cli("runs", "list").splitlines()
    return table[1].split()[0]
