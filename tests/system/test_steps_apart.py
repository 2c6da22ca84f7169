"""Steps in workloads of their own, with the process engine: from a pipeline to what people see."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from tests.system.mesh import Mesh
from tests.system.project import Project
from weftapi.workspace.v1 import run_types_pb2, steps_pb2

RUN = run_types_pb2.RunState
STEP = run_types_pb2.StepState


def steps_of(project: Project, run: str) -> dict[str, run_types_pb2.Step]:
    answer = project.call(project.steps.ListSteps, steps_pb2.ListStepsRequest(parent=run))
    return {step.step_id: step for step in answer.steps}


def pids(gate: Path) -> list[int]:
    """The processes of the step that waits at the gate, in the order of its attempts."""
    return [int(line.split()[0]) for line in Path(f"{gate}.pids").read_text().splitlines()]


def until_it_waits(project: Project, run: str) -> None:
    """Returns when the process of the step that waits at the gate does so."""
    assert any("pid" in event.step.metadata for event in project.watch(run))


def _environments(variable: str) -> Iterator[tuple[int, bytes]]:
    """Processes that have a variable, with its value, but for those of single steps."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            pairs = (folder / "environ").read_bytes().split(b"\0")
            found = dict(pair.split(b"=", 1) for pair in pairs if b"=" in pair)
            if variable.encode() in found and b"WEFT_STEP_ATTEMPT" not in found:
                yield int(folder.name), found[variable.encode()]


def attempts(project: Project, step: str) -> list[run_types_pb2.StepAttempt]:
    request = steps_pb2.ListStepAttemptsRequest(parent=step)
    return list(project.call(project.steps.ListStepAttempts, request).step_attempts)


def test_each_step_is_executed_by_a_workload_of_its_own(project: Project, gate: Path) -> None:
    gate.touch()
    run = project.submit("apart.py", gate=gate)
    assert project.watch_to_end(run).state == RUN.RUN_STATE_SUCCEEDED
    steps = steps_of(project, run)
    assert {step.state for step in steps.values()} == {STEP.STEP_STATE_SUCCEEDED}
    apart = {id_ for id_, step in steps.items() if step.workload}
    assert apart == {"total", "flaky", "square-0", "square-1", "square-2"}
    values: dict[str, Any] = MessageToDict(steps["total"].metadata)
    assert values["pid"] == pids(gate)[0]
    name = run.rpartition("/")[2]
    assert "hello from" in project.cli("logs", f"{name}/total")
    states = [each.state for each in attempts(project, f"{run}/steps/flaky")]
    assert states == [STEP.STEP_STATE_RETRYING, STEP.STEP_STATE_SUCCEEDED]
    assert steps["flaky"].workload.endswith("-2")


def test_the_failure_of_a_step_is_what_its_code_raised(project: Project, gate: Path) -> None:
    gate.touch()
    run = project.submit("apart.py", gate=gate, failing=1)
    ended = project.watch_to_end(run)
    assert ended.state == RUN.RUN_STATE_FAILED
    assert "of [0, 1, 4]" in ended.failure.message
    step = steps_of(project, run)["fails"]
    assert (step.state, step.failure.exception_type) == (STEP.STEP_STATE_FAILED, "ValueError")
    assert "about to fail" in project.cli("logs", f"{run.rpartition('/')[2]}/fails")


def test_a_process_that_is_killed_ends_its_step_alone(project: Project, gate: Path) -> None:
    run = project.submit("apart.py", gate=gate)
    until_it_waits(project, run)
    os.killpg(os.getpgid(pids(gate)[0]), signal.SIGKILL)
    ended = project.watch_to_end(run)
    assert ended.state == RUN.RUN_STATE_FAILED
    step = steps_of(project, run)["total"]
    assert step.failure.kind == run_types_pb2.FAILURE_KIND_INFRASTRUCTURE
    assert step.failure.code == "WORKLOAD_FAILED"
    assert "hello from" in step.failure.traceback
    shown = project.cli("runs", "show", run.rpartition("/")[2])
    assert step.workload.rpartition("/")[2] in shown
    assert "SIGKILL" in shown


def test_a_runner_that_dies_leaves_no_step_behind(project: Project, gate: Path) -> None:
    run = project.submit("hungry.py", gate=gate)
    until_it_waits(project, run)
    process, group = map(int, Path(f"{gate}.pids").read_text().split())
    [runner] = [pid for pid, name in _environments("WEFT_RUN") if name == run.encode()]
    os.killpg(os.getpgid(runner), signal.SIGKILL)
    assert project.watch_to_end(run).state == RUN.RUN_STATE_FAILED
    project.until_workload_gone(process, group)


def test_a_step_that_is_stopped_hears_of_it_in_its_own_process(
    project: Project, gate: Path
) -> None:
    run = project.submit("hungry.py", gate=gate)
    until_it_waits(project, run)
    process, group = map(int, Path(f"{gate}.pids").read_text().split())
    project.cli("runs", "stop", run.rpartition("/")[2])
    assert project.watch_to_end(run).state == RUN.RUN_STATE_STOPPED
    project.until_workload_gone(process, group)


@pytest.mark.fault
def test_servers_that_die_meanwhile_change_nothing(
    mesh: Mesh, project: Project, gate: Path
) -> None:
    run = project.submit("apart.py", gate=gate)
    until_it_waits(project, run)
    mesh.kill("workspace")
    mesh.kill("workloads")
    project.until_connected()
    gate.touch()
    assert project.watch_to_end(run).state == RUN.RUN_STATE_SUCCEEDED
    assert len(pids(gate)) == 1
