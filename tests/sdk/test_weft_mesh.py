"""The fixtures that bring a mesh into the test's process."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import pytest

import weft
from tests.sdk.test_pytest_plugin import SECRET, adding, dividing, signing_in
from weft import Pipeline
from weft._submit import load_code
from weft.errors import ConflictError, NotFoundError
from weft.testing import ClusterWeft, LocalWeft, MeshWeft, WeftClock
from weftapi.workspace.v1 import (
    runs_pb2,
    runs_pb2_grpc,
    schedule_types_pb2,
    schedules_pb2,
    schedules_pb2_grpc,
    secrets_pb2,
    secrets_pb2_grpc,
)

pytest_plugins = ["weft.pytest_plugin"]
MONDAY = dt.datetime(2031, 1, 6, tzinfo=dt.UTC)


def test_a_run_is_on_record_in_a_workspace(weft_mesh: MeshWeft) -> None:
    run = weft_mesh.run(adding, rows=5)
    assert run.result() == 10
    assert run.log("total") == "adding 5 numbers"
    request = runs_pb2.GetRunRequest(name=f"projects/{weft_mesh.project}/runs/{run.name}")
    found = weft_mesh.call(runs_pb2_grpc.RunServiceStub, "GetRun", request)
    assert found.parameters["rows"] == 5
    listed = weft_mesh.weft("runs", "list", "-o", "json")
    assert (listed.exit_code, listed.err) == (0, "")
    [shown] = json.loads(listed.out)
    assert shown["state"] == "RUN_STATE_SUCCEEDED"
    assert weft.load_artifact("adding-total") == 10


def test_each_test_has_a_project_and_a_cache_of_its_own(weft_mesh: MeshWeft) -> None:
    assert weft_mesh.weft("runs", "list", "-o", "name").out == ""
    assert set(weft_mesh.run(adding).states.values()) == {"SUCCEEDED"}
    again = weft_mesh.run(adding)
    assert set(again.states.values()) == {"CACHED"}
    assert f"projects/{weft_mesh.project}/runs/" in again.steps["load"].cache.explain()


def test_a_failure_is_the_steps_own_and_on_record(weft_mesh: MeshWeft) -> None:
    with pytest.raises(ZeroDivisionError):
        weft_mesh.run(dividing)
    diagnosed = weft_mesh.weft("runs", "diagnose", "@latest")
    assert "ZeroDivisionError: division by zero" in diagnosed.out
    missing = weft_mesh.weft("runs", "show", "absent")
    assert (missing.exit_code, "absent" in missing.err) == (5, True)
    absent = runs_pb2.GetRunRequest(name=f"projects/{weft_mesh.project}/runs/absent")
    with pytest.raises(NotFoundError):
        weft_mesh.call(runs_pb2_grpc.RunServiceStub, "GetRun", absent)


def test_secrets_are_those_of_the_workspace(weft_mesh: MeshWeft) -> None:
    request = secrets_pb2.CreateSecretRequest(secret_id="registry")
    request.secret.values["token"] = SECRET
    weft_mesh.call(secrets_pb2_grpc.SecretServiceStub, "CreateSecret", request)
    run = weft_mesh.run(signing_in)
    assert (run.result(), run.log("sign-in")) == (len(SECRET), "with ***")


@pytest.fixture
def small(tmp_path: Path) -> Pipeline[..., int]:
    """A pipeline in a folder of its own: what is stored with a schedule is the whole folder."""
    file = tmp_path / "small.py"
    file.write_text(
        "from weft import pipeline, step\n\n\n"
        "@step\ndef double(rows: int) -> int:\n    return 2 * rows\n\n\n"
        "@pipeline\ndef doubling(rows: int = 4) -> int:\n    return double(rows)\n"
    )
    return load_code(str(file)).pipeline


def test_a_schedule_starts_runs_as_time_goes_by(
    weft_mesh: MeshWeft, weft_clock: WeftClock, small: Pipeline[..., int]
) -> None:
    weft_clock.move_to(MONDAY)
    name = weft_mesh.schedule("weekly", small, cron="0 7 * * 1", time_zone="Europe/Berlin")
    assert name == f"projects/{weft_mesh.project}/schedules/weekly"
    assert weft_clock.move_to("2031-01-06 06:59", time_zone="Europe/Berlin") == []
    [run] = weft_clock.move_to("2031-01-06 07:00", time_zone="Europe/Berlin")
    assert (run.schedule, run.pipeline, run.parameters) == ("weekly", "doubling", {"rows": 4})
    assert run.time.replace(second=0, microsecond=0) == MONDAY + dt.timedelta(hours=6)
    later = weft_clock.move(weeks=3)
    assert [one.time.date().day for one in later] == [13, 20, 27]
    with pytest.raises(ValueError, match="time goes forward"):
        weft_clock.move_to(MONDAY)
    with pytest.raises(ConflictError):
        weft_mesh.schedule("weekly", small, cron="0 7 * * 1")
    found = weft_mesh.weft("runs", "list", "-q", "state = SUCCEEDED", "-o", "name")
    assert len(found.out.splitlines()) == 4


def test_what_goes_on_is_not_started_again_where_the_schedule_says_so(
    weft_mesh: MeshWeft, weft_clock: WeftClock, small: Pipeline[..., int]
) -> None:
    weft_clock.ends_runs = False
    name = weft_mesh.schedule("hourly", small, cron="0 * * * *")
    request = schedules_pb2.UpdateScheduleRequest()
    request.schedule.name, request.schedule.overlap = name, schedule_types_pb2.OVERLAP_SKIP
    request.update_mask.paths.append("overlap")
    weft_mesh.call(schedules_pb2_grpc.ScheduleServiceStub, "UpdateSchedule", request)
    assert len(weft_clock.move(hours=5)) == 1


GATED = """
import time
from pathlib import Path

from weft import pipeline, step


@step
def wait(gate: str) -> int:
    print("in a pod")
    while not Path(gate).exists():
        time.sleep(0.05)
    return 7


@pipeline
def gated(gate: str) -> int:
    return wait(gate)
"""


@pytest.fixture
def gated(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    file = folder / "gated.py"
    file.write_text(GATED)
    return file


def test_what_is_submitted_runs_in_a_pod(
    weft_mesh: MeshWeft, weft_cluster: ClusterWeft, gated: Path
) -> None:
    ended = weft_mesh.weft("run", str(gated), "--gate", str(gated))
    assert ended.exit_code == 0, ended
    [pod] = weft_cluster.pods()
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert "in a pod" in weft_mesh.weft("logs", "@latest").out


def test_a_pod_that_is_killed_says_why(
    weft_mesh: MeshWeft, weft_cluster: ClusterWeft, gated: Path
) -> None:
    assert weft_cluster.pods() == []
    begun = weft_mesh.weft("run", str(gated), "--gate", str(gated.parent / "never"), "--detach")
    assert begun.exit_code == 0, begun
    weft_cluster.out_of_memory(weft_cluster.wait_for_pod())
    assert weft_mesh.weft("runs", "wait", "@latest", "--timeout", "60s").exit_code == 3
    assert "ran out of memory" in weft_mesh.weft("runs", "diagnose", "@latest").out


def test_time_is_real_where_no_test_moves_it(weft_mesh: MeshWeft) -> None:
    """Whatever the tests before did."""
    now = dt.datetime.now(dt.UTC)
    assert abs(weft_mesh.mesh.clock.now() - now) < dt.timedelta(minutes=5)


def test_both_worlds_are_apart(weft_local: LocalWeft) -> None:
    weft_local.run(adding)
    assert os.environ["WEFT_OFFLINE"] == "1"
    assert not Path(os.environ["WEFT_CONFIG_DIR"]).exists()
