"""A script that runs its pipeline itself: on record in the workspace, at once or later."""

import re
import subprocess
import sys
from pathlib import Path

from tests.system.mesh import Mesh
from tests.system.project import PIPELINES, Project, state_of, step_states
from weftapi.workspace.v1 import artifacts_pb2, artifacts_pb2_grpc, runs_pb2


def test_a_local_run_is_on_record_with_logs_artifacts_and_lineage(
    project: Project, tmp_path: Path
) -> None:
    run = f"{project.name}/runs/{run_script(project, tmp_path, count=5)}"
    check_recorded(project, run, count=5)
    assert not list(tmp_path.rglob("*.jsonl"))


def test_what_was_recorded_while_the_mesh_was_away_is_handed_over_once(
    mesh: Mesh, project: Project, tmp_path: Path
) -> None:
    with mesh.without("workspace"):
        name = run_script(project, tmp_path, count=7)
        assert len(list(tmp_path.glob("spool/*.jsonl"))) == 1
        told = project.cli("sync", code=7, WEFT_DATA_DIR=str(tmp_path))
        assert "Traceback" not in told

    project.until_connected()
    assert name in project.cli("sync", WEFT_DATA_DIR=str(tmp_path))
    run = f"{project.name}/runs/{name}"
    check_recorded(project, run, count=7)
    before = project.run(run)
    events = project.list_events()

    project.cli("sync", WEFT_DATA_DIR=str(tmp_path))
    # Also where the note that it was handed over is lost.
    for file in tmp_path.glob("spool/*.synced"):
        file.rename(file.with_suffix(".jsonl"))
    project.cli("sync", WEFT_DATA_DIR=str(tmp_path))
    listed = project.call(project.runs.ListRuns, runs_pb2.ListRunsRequest(parent=project.name))
    assert [found.name for found in listed.runs] == [run]
    assert state_of(project.run(run)) == state_of(before)
    check_recorded(project, run, count=7)
    assert [e.name for e in project.list_events()] == [e.name for e in events]


def test_workers_that_a_step_forks_are_on_record_once(project: Project, tmp_path: Path) -> None:
    """The parent has open streams meanwhile, which no copy of it may touch."""
    run = f"{project.name}/runs/{run_script(project, tmp_path, 'forking.py', count=1)}"
    steps = project.steps_of(run)
    assert step_states(steps) == {"loads": "SUCCEEDED", "follows": "SUCCEEDED"}
    lines = project.log_lines(steps["loads"].log_stream)
    assert (lines[0], lines[-1]) == ("begun", "ended")
    said = [f"worker {n} batch {batch}" for n in range(4) for batch in range(50)]
    assert sorted(lines[1:-1]) == sorted(said)
    assert dict(steps["loads"].metadata) == {f"worker{n}": n for n in range(4)}
    assert not list(tmp_path.rglob("*.jsonl"))


def run_script(project: Project, data: Path, script: str = "local_script.py", *, count: int) -> str:
    """Runs the script as a user does; answers the run's id."""
    environment = project.mesh.environment(WEFT_PROJECT=project.id, WEFT_DATA_DIR=str(data))
    done = subprocess.run(
        [sys.executable, str(PIPELINES / script), str(count)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    told = re.search(rf"^RUN (\S+) {sum(range(count))}$", done.stdout, re.MULTILINE)
    assert told, done.stdout + done.stderr
    return told[1]


def check_recorded(project: Project, run: str, *, count: int) -> None:
    assert state_of(project.run(run)) == "SUCCEEDED"
    steps = project.steps_of(run)
    assert step_states(steps) == {"load": "SUCCEEDED", "add": "SUCCEEDED"}
    assert project.log_lines(steps["load"].log_stream) == [f"loading {count}"]
    assert project.log_lines(steps["add"].log_stream) == [f"adding {count} numbers"]
    assert list(steps["add"].upstream) == ["load"]
    (made,) = steps["load"].outputs.values()
    assert list(steps["add"].inputs.values()) == [made]
    stub = project.endpoint.stub(artifacts_pb2_grpc.ArtifactServiceStub)
    version = project.call(
        stub.GetArtifactVersion, artifacts_pb2.GetArtifactVersionRequest(name=made)
    )
    assert version.producer_step == steps["load"].name
    assert version.size_bytes > 0
