"""One process of the mesh dies while a run executes: what it does to the run, and what not."""

import os
from pathlib import Path
from signal import SIGKILL

import pytest

from tests.system.mesh import Mesh
from tests.system.people import make_token
from tests.system.project import Project, process_at, state_of, step_states
from weft._streams import tail_logs


@pytest.mark.fault
def test_a_killed_runner_fails_its_run_in_the_engines_own_words(
    project: Project, gate: Path
) -> None:
    run = project.submit("gated.py", gate=gate)
    project.until_step(run, "first")
    stream = project.steps_of(run)["first"].log_stream
    seen = [line.message for line in _until_line(project, stream, "before 2")]

    pid, group = process_at(gate)
    os.kill(pid, SIGKILL)
    ended = project.watch_to_end(run)

    assert state_of(ended) == "FAILED"
    assert "SIGKILL" in ended.failure.message
    assert step_states(project.steps_of(run)) == {"first": "FAILED", "second": "SKIPPED"}
    assert seen == ["before 0", "before 1", "before 2"]
    assert project.log_lines(stream) == seen
    project.until_workload_gone(pid, group)


@pytest.mark.fault
def test_a_killed_workload_manager_disturbs_no_run(
    mesh: Mesh, project: Project, gate: Path
) -> None:
    run = project.submit("gated.py", gate=gate)
    project.until_step(run, "first")
    mesh.kill("workloads")
    gate.touch()
    ended = project.watch_to_end(run)

    assert state_of(ended) == "SUCCEEDED"
    # Whoever executes the step leaves a line: it was executed once.
    assert len(Path(f"{gate}.pids").read_text().splitlines()) == 1
    assert [step.attempt_count for step in project.steps_of(run).values()] == [1, 1]
    # The manager that came back takes new work.
    again = project.submit("gated.py", gate=gate, lines=1)
    assert state_of(project.watch_to_end(again)) == "SUCCEEDED"


@pytest.mark.fault
def test_runs_and_readers_do_not_notice_a_killed_control_plane(
    mesh: Mesh, project: Project, gate: Path
) -> None:
    run = project.submit("gated.py", gate=gate)
    project.until_step(run, "first")
    project.cli("runs", "list")
    mesh.signal_only("controlplane", SIGKILL)
    assert run.rpartition("/")[2] in project.cli("runs", "list")
    gate.touch()
    assert state_of(project.watch_to_end(run)) == "SUCCEEDED"
    mesh.wait_restarted("controlplane")


@pytest.mark.fault
def test_who_is_signed_in_works_on_while_the_control_plane_is_away(
    mesh: Mesh, project: Project, gate: Path, tmp_path: Path
) -> None:
    project.cli("runs", "list")
    newcomer = tmp_path / "newcomer"
    newcomer.mkdir()
    contexts = (mesh.config / "contexts.json").read_text()
    (newcomer / "contexts.json").write_text(contexts)
    token = make_token(project).secret
    signs_in = {"WEFT_CONFIG_DIR": str(newcomer), "WEFT_API_KEY": token}

    links = len(mesh.logged("workspace", "linked"))
    with mesh.without("controlplane"):
        gate.touch()
        run = project.submit("gated.py", gate=gate)
        told = project.cli("runs", "watch", run)
        assert "succeeded" in told
        refused = project.cli("runs", "list", code=7, **signs_in)
        assert "cannot be reached" in refused
        assert "Traceback" not in refused

    assert run.rpartition("/")[2] in project.cli("runs", "list", **signs_in)
    mesh.wait_logged("workspace", "linked", after=links)


def _until_line(project: Project, stream: str, last: str) -> list:
    lines: list = []
    for batch in tail_logs(project.endpoint, stream):
        lines += batch.lines
        if any(line.message == last for line in lines):
            return lines
    raise AssertionError(f"the log ended before {last!r}")
