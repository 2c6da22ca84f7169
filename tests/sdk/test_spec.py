"""Records become messages of the wire, and artifact versions come back the same."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from weft import Cache, ExecutionMode, Resources, Retry, Run, pipeline, step
from weft import _spec as spec
from weft._records import (
    Failure,
    LogLine,
    Record,
    RunRecord,
    RunReport,
    StepRecord,
    StepReport,
)
from weft._states import RunState, StepState, StopMode
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import reports_pb2, run_types_pb2


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
    assert second["retry"] == {"maxRetryCount": 2, "backoff": "1.500s", "maxBackoff": "60s"}
    assert second["cache"] == {"enabled": True, "maxAge": "3600s"}
    assert second["timeout"] == "60s"
    left, right = ({"stepOutput": {"step": "load", "output": name}} for name in ("left", "right"))
    assert second["inputs"]["n"] == left
    both = {"list": {"items": [left, right]}}
    assert second["inputs"]["by"] == {"list": {"items": [right, both, {"constant": 7.0}]}}


def test_every_record_of_a_run_converts(records: Callable[[Run[Any]], list[Record]]) -> None:
    found = records(whole())
    record = next(r for r in found if isinstance(r, RunRecord))
    run = spec.new_run(record)
    assert run.pipeline == "projects/default/pipelines/whole"
    assert run.environment.version
    steps = [spec.new_step(r) for r in found if isinstance(r, StepRecord)]
    assert [(s.step_id, s.map_group) for s in steps] == [
        ("load", ""),
        ("work", ""),
        ("work-0", "work"),
    ]
    messages = [
        spec.report(r, lambda version: f"uid/{version.uid}")
        for r in found
        if isinstance(r, RunReport | StepReport)
    ]
    assert [m.sequence for m in messages] == list(range(1, len(messages) + 1))
    last = {m.step.step_id: m.step for m in messages if m.HasField("step")}
    assert set(last["load"].outputs) == {"left", "right"}
    assert len(last["load"].cache_key) == 64
    assert last["work-0"].state == run_types_pb2.STEP_STATE_SUCCEEDED


def test_artifact_versions_come_back_the_same() -> None:
    run = whole()
    version = run.steps["load"].outputs["left"].version
    record = RunRecord(
        run.uid, run.name, "default", "whole", {}, "CONTINUE", dt.datetime.now(dt.UTC), {}
    )
    message = spec.new_artifact_version(version, record, step="load", output="left")
    assert message.artifact_id == "whole-load-left"
    assert spec.artifact_version(message.artifact_version) == version


def test_failures_are_cut_to_what_the_wire_takes() -> None:
    long = Failure("USER", "EXCEPTION", "m", "E", "l" * 9999, "e" * 9999, "a" * 99999 + "end")
    found = spec.failure(long)
    assert found.kind == run_types_pb2.FAILURE_KIND_USER
    assert len(found.excerpt) == 4096
    assert len(found.traceback) == 16384
    assert found.traceback.endswith("end")
    report = RunReport(1, RunState.FAILED, dt.datetime.now(dt.UTC), "r" * 5000, long)
    assert spec.report(report, str).run.failure.code == "EXCEPTION"
    assert len(spec.report(report, str).run.reason) == 1024


def test_states_and_modes_are_the_wires() -> None:
    states = run_types_pb2.RunState.keys()[1:]
    assert states == [f"RUN_STATE_{state}" for state in RunState]
    assert set(run_types_pb2.StepState.keys()[1:]) == {f"STEP_STATE_{s}" for s in StepState}
    for mode in StopMode:
        wire = run_types_pb2.StopRequest(mode=run_types_pb2.StopMode.Value(f"STOP_MODE_{mode}"))
        assert spec.stop_mode(wire) is mode
    assert spec.stop_mode(run_types_pb2.StopRequest()) is StopMode.GRACEFUL


def test_log_lines_keep_channel_level_and_logger() -> None:
    time = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    line = LogLine(time, "WARNING", "structured", "m", True, attributes={"logger": "mine"})
    found = spec.log_line(line)
    assert found.level == types_pb2.LOG_LEVEL_WARNING
    assert found.channel == types_pb2.LOG_CHANNEL_LOGGING
    assert (found.logger, found.continued) == ("mine", True)
    plain = spec.log_line(LogLine(time, "INFO", "stdout", "m"))
    assert plain.level == types_pb2.LOG_LEVEL_UNSPECIFIED


def test_absent_durations_stay_absent() -> None:
    plain = spec.pipeline_spec(pipeline(lambda: load(1)).trace()).steps[0]
    assert not plain.HasField("timeout")
    assert not plain.cache.HasField("max_age")
    assert isinstance(spec.new_step(StepRecord("a", (), "m:f", ())), reports_pb2.NewStep)


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_artifact_ids_are_resource_ids(one: str, two: str, three: str) -> None:
    found = spec.artifact_id(one, two, three)
    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", found)


def test_long_artifact_ids_stay_apart() -> None:
    assert spec.artifact_id("p" * 60, "s" * 60, "a") != spec.artifact_id("p" * 60, "s" * 60, "b")
