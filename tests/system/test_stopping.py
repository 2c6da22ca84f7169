"""Stopping: the run ends STOPPED, and nothing of it is left running."""

import os
from pathlib import Path

import pytest

from tests.system.project import Project, process_at, state_of, step_states


@pytest.mark.parametrize("mode", ["graceful", "force"])
def test_a_stopped_run_ends_and_leaves_no_process(project: Project, gate: Path, mode: str) -> None:
    run = project.submit("gated.py", gate=gate)
    project.until_step(run, "first")
    pid, group = process_at(gate)
    os.kill(pid, 0)

    project.cli(
        "runs", "stop", run, "--reason", "enough", *(["--force"] if mode == "force" else [])
    )
    if mode == "graceful":
        # What runs may end well; nothing after it begins.
        gate.touch()
    ended = project.watch_to_end(run)

    assert state_of(ended) == "STOPPED"
    states = step_states(project.steps_of(run))
    assert states["second"] == "STOPPED"
    assert states["first"] == ("SUCCEEDED" if mode == "graceful" else "STOPPED")
    project.until_workload_gone(pid, group)
