"""What is recorded here while the workspace is away, or until its process dies, catches up once."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.system.mesh import PATIENCE_S, Mesh
from tests.system.project import PIPELINES, Project, state_of, step_states
from weftapi.workspace.v1 import artifacts_pb2, artifacts_pb2_grpc, logs_pb2, runs_pb2

LINES = 300
BEFORE = [f"before {number}" for number in range(LINES)]
AFTER = [f"after {number}" for number in range(LINES)]


def start(project: Project, data: Path, gate: Path, **more: str) -> "subprocess.Popen[str]":
    """Starts the script, and waits until its first step waits."""
    process = subprocess.Popen(
        [sys.executable, str(PIPELINES / "slow_script.py"), str(gate), str(LINES)],
        env=project.mesh.environment(WEFT_PROJECT=project.id, WEFT_DATA_DIR=str(data), **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + PATIENCE_S
    while not gate.with_name(f"{gate.name}.waits").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


def only_run(project: Project) -> str:
    """There is exactly one, however often it was handed over."""
    listed = project.call(project.runs.ListRuns, runs_pb2.ListRunsRequest(parent=project.name))
    (run,) = listed.runs
    return run.name


def check_lines(project: Project, stream: str, wanted: list[str]) -> None:
    """Each line once, in its order, at the time when it was said."""
    request = logs_pb2.ReadLogsRequest(log_stream=stream, max_lines=10_000)
    lines = project.call(project.logs.ReadLogs, request).lines
    assert [line.message for line in lines] == wanted
    times = [line.time.ToNanoseconds() for line in lines]
    assert times == sorted(times)


@pytest.mark.fault
def test_a_workspace_that_leaves_midway_gets_all_of_it(
    mesh: Mesh, project: Project, gate: Path, tmp_path: Path
) -> None:
    process = start(project, tmp_path / "data", gate)
    with mesh.without("workspace"):
        gate.touch()
        out, err = process.communicate(timeout=100)
        assert f" {sum(range(LINES))}\n" in out, out + err
        assert "weft sync" in err
    project.until_connected()
    for _ in range(2):
        project.cli("sync", WEFT_DATA_DIR=str(tmp_path / "data"))
        run = project.run(only_run(project))
        assert state_of(run) == "SUCCEEDED"
        steps = project.steps_of(run.name)
        check_lines(project, steps["load"].log_stream, BEFORE + AFTER)
        assert dict(steps["load"].metadata) == {"lines": LINES}
        (made,) = steps["load"].outputs.values()
        assert list(steps["add"].inputs.values()) == [made]
        stub = project.endpoint.stub(artifacts_pb2_grpc.ArtifactServiceStub)
        listing = artifacts_pb2.ListArtifactVersionsRequest(parent=f"{project.name}/artifacts/-")
        versions = project.call(stub.ListArtifactVersions, listing).artifact_versions
        assert len(versions) == 2
    # When it happened, not when it was told.
    before = Path(f"{gate}.waits").stat().st_mtime
    assert steps["load"].start_time.ToNanoseconds() / 1e9 <= before + 1
    assert steps["load"].end_time.ToNanoseconds() <= steps["add"].start_time.ToNanoseconds()


@pytest.mark.parametrize("offline", ["", "1"], ids=["live", "offline"])
def test_a_killed_process_is_on_record_as_that(
    project: Project, gate: Path, tmp_path: Path, offline: str
) -> None:
    data = tmp_path / "data"
    process = start(project, data, gate, WEFT_OFFLINE=offline)
    process.kill()
    process.communicate()
    (spooled,) = (data / "spool").glob("*.jsonl")
    with spooled.open("a") as file:
        # It died in the middle of a word.
        file.write('{"~": "LogBa')
    for moment_s in (0.3, 0.6, 0.9):
        # Who hands it over is killed too.
        sync = project.popen("sync", WEFT_DATA_DIR=str(data))
        try:
            sync.wait(moment_s)
        except subprocess.TimeoutExpired:
            sync.kill()
        sync.communicate()
    project.cli("sync", WEFT_DATA_DIR=str(data))
    run = project.run(only_run(project))
    assert state_of(run) == "FAILED"
    assert run.failure.code == "PROCESS_DIED"
    steps = project.steps_of(run.name)
    assert step_states(steps) == {"load": "FAILED", "add": "SKIPPED"}
    check_lines(project, steps["load"].log_stream, BEFORE)
    assert not list(data.glob("spool/*.jsonl"))
