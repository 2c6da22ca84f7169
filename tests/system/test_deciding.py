"""Pipelines that look at results, and runs that no pipeline makes, on record in a workspace."""

import re
import subprocess
import sys
from pathlib import Path

from google.protobuf.json_format import MessageToDict

from tests.system.project import PIPELINES, Project, step_states
from weftapi.workspace.v1 import artifacts_pb2, artifacts_pb2_grpc, run_types_pb2


def test_a_graph_grows_while_its_steps_are_executed_elsewhere(project: Project) -> None:
    run = project.submit("deciding.py", start=4.0)
    ended = project.watch_to_end(run)
    assert ended.state == run_types_pb2.RUN_STATE_SUCCEEDED, ended.failure
    steps = project.steps_of(run)
    assert step_states(steps) == {
        "first": "SUCCEEDED",
        "halve": "SUCCEEDED",
        "halve-2": "SUCCEEDED",
        "fails": "FAILED",
    }
    assert list(steps["fails"].upstream) == ["halve-2"]
    assert all(step.workload for step in steps.values())


def test_a_script_records_a_run_of_its_own(project: Project, tmp_path: Path) -> None:
    environment = project.mesh.environment(WEFT_PROJECT=project.id, WEFT_DATA_DIR=str(tmp_path))
    done = subprocess.run(
        [sys.executable, str(PIPELINES / "own_run.py"), "0.5"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    told = re.search(r"^RUN (\S+)$", done.stdout, re.MULTILINE)
    assert told, done.stderr
    run = project.run(f"{project.name}/runs/{told[1]}")
    assert run.state == run_types_pb2.RUN_STATE_SUCCEEDED
    assert MessageToDict(run.parameters) == {"lr": 0.5}
    assert step_states(project.steps_of(run.name)) == {"main": "SUCCEEDED"}
    assert "looked" in project.cli("logs", told[1])
    request = artifacts_pb2.GetArtifactRequest(
        name=f"{project.name}/artifacts/looking-around-main-rows"
    )
    stub = project.endpoint.stub(artifacts_pb2_grpc.ArtifactServiceStub)
    assert project.call(stub.GetArtifact, request).latest_version == 1
