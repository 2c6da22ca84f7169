"""Ctrl-C at any moment of `weft run`: code 130 and no traceback, and the run goes on."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.project import PIPELINES, Project, state_of

# From the start of the interpreter over the submission to the watch of the run.
MOMENTS_S = (0.1, 0.25, 0.4, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0)
CLI = "from weft.__main__ import main; print('go', flush=True); main()"


@pytest.mark.fault
def test_ctrl_c_detaches_at_every_moment(project: Project, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    told = []
    for moment_s in MOMENTS_S:
        code, said = interrupted(project, gate, moment_s)
        assert code == 130, (moment_s, code, said)
        assert "Traceback" not in said, (moment_s, said)
        told += re.findall(r"run (\S+) of gated", said)
    gate.touch()
    for run in told:
        project.watch_to_end(f"{project.name}/runs/{run}")
        assert state_of(project.run(f"{project.name}/runs/{run}")) == "SUCCEEDED"


def interrupted(project: Project, gate: Path, moment_s: float) -> tuple[int, str]:
    """What a command answers and says that is interrupted so long after its start."""
    target = str(PIPELINES / "gated.py")
    process = subprocess.Popen(
        [sys.executable, "-c", CLI, "run", target, f"--gate={gate}"],
        env=project.mesh.environment(WEFT_PROJECT=project.id),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    # The run waits for its gate, so nothing but the interrupt ends the command.
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(moment_s)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    return process.returncode, said
