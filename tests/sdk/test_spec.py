"""A traced graph becomes the spec of a snapshot."""

from __future__ import annotations

import platform
from typing import Any, NamedTuple

from google.protobuf import json_format

from weft import Cache, ExecutionMode, Pod, Resources, Retry, RunState, StepState, pipeline, step
from weft import _spec as spec
from weft._describe import run_record
from weft._states import StopMode
from weftapi.workspace.v1 import run_types_pb2, snapshot_types_pb2


class Parts(NamedTuple):
    left: list[int]
    right: list[int]


@step
def load(rows: int) -> Parts:
    """Make rows."""
    return Parts([rows], [rows])


@step(
    retries=Retry(2, backoff_s=1.5),
    timeout_s=60,
    cache=Cache(max_age_s=3600),
    resources=Resources(cpu=0.5, memory="1Gi", gpu=1),
    pod=Pod(
        node_selector={"gpu": "a100"}, tolerations=[{"key": "gpu"}], image_pull_policy="Always"
    ),
)
def work(n: int, by: Any) -> int:
    return n


@pipeline(execution_mode=ExecutionMode.CONTINUE)
def whole(rows: int = 3) -> Any:
    parts: Any = load(rows)
    return work.map(parts.left, by=[parts.right, parts, 7], concurrency=2)


def test_a_graph_becomes_a_spec() -> None:
    found = json_format.MessageToDict(spec.pipeline_spec(whole.trace()))
    assert found["executionMode"] == "EXECUTION_MODE_CONTINUE"
    assert found["parameters"] == {"rows": 3.0}
    first, second = found["steps"]
    assert first["inputs"] == {"rows": {"constant": 3.0}}
    assert [o["name"] for o in first["outputs"]] == ["left", "right"]
    assert first["description"] == "Make rows."
    assert second["upstream"] == ["load"]
    assert second["mapOver"] == "n"
    assert second["mapConcurrency"] == 2
    assert second["resources"] == {"cpuMillis": 500, "memoryBytes": str(2**30), "gpuCount": 1}
    assert second["pod"] == {
        "nodeSelector": {"gpu": "a100"},
        "tolerations": [{"key": "gpu"}],
        "imagePullPolicy": "Always",
    }
    assert second["isolation"] == "STEP_ISOLATION_WORKLOAD"
    assert second["retry"] == {"maxRetryCount": 2, "backoff": "1.500s", "maxBackoff": "60s"}
    assert second["cache"] == {
        "enabled": True,
        "maxAge": "3600s",
        "policy": "inputs + code",
    }
    assert second["timeout"] == "60s"
    left, right = ({"stepOutput": {"step": "load", "output": name}} for name in ("left", "right"))
    assert second["inputs"]["n"] == left
    both = {"list": {"items": [left, right]}}
    assert second["inputs"]["by"] == {"list": {"items": [right, both, {"constant": 7.0}]}}


def test_absent_durations_stay_absent() -> None:
    plain = spec.pipeline_spec(pipeline(lambda: load(1)).trace()).steps[0]
    assert not plain.HasField("timeout")
    assert not plain.cache.HasField("max_age")


def test_a_run_names_its_pipeline_parameters_and_environment() -> None:
    graph = whole.trace({"rows": 5})
    run = spec.new_run(run_record(graph, "demo"))
    assert run.pipeline == "projects/demo/pipelines/whole"
    assert json_format.MessageToDict(run.parameters) == {"rows": 5.0}
    assert run.environment.version == platform.python_version()


def test_modes_and_states_are_the_wires() -> None:
    assert set(run_types_pb2.RunState.keys()[1:]) == {f"RUN_STATE_{s}" for s in RunState}
    assert set(run_types_pb2.StepState.keys()[1:]) == {f"STEP_STATE_{s}" for s in StepState}
    assert set(run_types_pb2.StopMode.keys()[1:]) == {f"STOP_MODE_{m}" for m in StopMode}
    modes = snapshot_types_pb2.ExecutionMode.keys()[1:]
    assert set(modes) == {f"EXECUTION_MODE_{mode}" for mode in ExecutionMode}
