"""A traced graph as the messages of a snapshot and of a new run.

Import it where a server is called; it loads protobuf.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal, get_args

from google.protobuf import duration_pb2, json_format, struct_pb2

from weft._describe import step_record
from weft._graph import Graph
from weft._records import RunRecord, StepRecord
from weftapi.common.v1 import pods_pb2, types_pb2
from weftapi.workspace.v1 import run_types_pb2, snapshot_types_pb2, step_settings_pb2

_Setting = Literal[
    "resources",
    "retry",
    "cache",
    "timeout",
    "queue_timeout",
    "deadline",
    "environment",
    "isolation",
    "pod",
]
_SETTINGS: tuple[_Setting, ...] = get_args(_Setting)


def pipeline_spec(graph: Graph) -> snapshot_types_pb2.PipelineSpec:
    """Give the spec of a traced graph, its steps in an order in which they can run."""
    records = [step_record(node) for node in graph.in_order()]
    outputs = {record.id: record.outputs for record in records}
    return snapshot_types_pb2.PipelineSpec(
        steps=[step_spec(record, outputs) for record in records],
        execution_mode=snapshot_types_pb2.ExecutionMode.Value(f"EXECUTION_MODE_{graph.mode}"),
        parameters=struct(graph.parameters),
    )


def step_spec(
    record: StepRecord, outputs: Mapping[str, tuple[str, ...]]
) -> snapshot_types_pb2.StepSpec:
    """Give the spec of a step; `outputs` names those of all steps."""
    types = zip(record.outputs, record.output_types, strict=True)
    how = settings_of(record)
    return snapshot_types_pb2.StepSpec(
        id=record.id,
        upstream=record.upstream,
        entrypoint=record.entrypoint,
        inputs={name: _input(data, outputs) for name, data in record.inputs.items()},
        outputs=[snapshot_types_pb2.OutputSpec(name=n, data_type=t[:512]) for n, t in types],
        resources=how.resources,
        retry=how.retry,
        cache=how.cache,
        timeout=duration(record.timeout_s),
        queue_timeout=duration(record.queue_timeout_s),
        deadline=duration(record.deadline_s),
        environment=dict(record.environment),
        map_over=record.map_over[0] if record.map_over else "",
        map_concurrency=record.map_concurrency,
        secrets=record.secrets,
        isolation=how.isolation,
        pod=how.pod if how.HasField("pod") else None,
        description=record.description,
        source=record.source,
    )


def settings_of(record: StepRecord) -> step_settings_pb2.StepSettings:
    """Give how a step runs."""
    return step_settings_pb2.StepSettings(
        resources=step_settings_pb2.ResourceSpec(
            cpu_millis=record.cpu_millis, memory_bytes=record.memory_bytes, gpu_count=record.gpus
        ),
        retry=step_settings_pb2.RetrySpec(
            max_retry_count=record.max_retries,
            backoff=duration(record.retry_backoff_s),
            max_backoff=duration(record.retry_max_backoff_s),
            memory_growth=_memory_growth(record),
        ),
        cache=step_settings_pb2.CacheSpec(
            enabled=record.cache_enabled,
            max_age=duration(record.cache_max_age_s),
            policy=record.cache_policy,
        ),
        timeout=duration(record.timeout_s),
        queue_timeout=duration(record.queue_timeout_s),
        deadline=duration(record.deadline_s),
        environment=dict(record.environment),
        isolation=_isolation(record.isolation),
        pod=pod_settings(record.pod),
    )


def pod_settings(said: Mapping[str, Any]) -> pods_pb2.PodSettings | None:
    """Give what is said of a pod; None for nothing."""
    return json_format.ParseDict(dict(said), pods_pb2.PodSettings()) if said else None


def settings_between(before: Graph, after: Graph) -> dict[str, step_settings_pb2.StepSettings]:
    """Give the settings that make steps of one graph run as those of the other, by step."""
    found = {}
    for id_, node in after.nodes.items():
        old, new = settings_of(step_record(before.nodes[id_])), settings_of(step_record(node))
        for name in _SETTINGS:
            if getattr(old, name) == getattr(new, name):
                new.ClearField(name)
        if new.ByteSize():
            found[id_] = new
    return found


def new_run(record: RunRecord) -> run_types_pb2.Run:
    """Give the run to create; its id is `record.name`."""
    environment = types_pb2.PythonEnvironment(**record.environment)
    return run_types_pb2.Run(
        pipeline=f"projects/{record.project}/pipelines/{record.pipeline}",
        parameters=struct(record.parameters),
        environment=environment,
    )


def struct(data: Mapping[str, Any]) -> struct_pb2.Struct:
    """Give a Struct of JSON."""
    return json_format.ParseDict(dict(data), struct_pb2.Struct())


def duration(seconds: float | None) -> duration_pb2.Duration | None:
    """Give a Duration of seconds; None stays absent."""
    if seconds is None:
        return None
    message = duration_pb2.Duration()
    message.FromTimedelta(dt.timedelta(seconds=seconds))
    return message


def _memory_growth(record: StepRecord) -> step_settings_pb2.MemoryGrowth | None:
    percent = round(record.retry_memory_growth * 100)
    if percent <= 100:  # noqa: PLR2004 - it stays as it is
        return None
    return step_settings_pb2.MemoryGrowth(percent=percent, max_bytes=record.retry_max_memory_bytes)


def _isolation(name: str) -> Any:
    return step_settings_pb2.StepIsolation.Value(f"STEP_ISOLATION_{name.upper() or 'UNSPECIFIED'}")


def _input(data: Mapping[str, Any], outputs: Mapping[str, tuple[str, ...]]) -> Any:
    if "constant" in data or "artifact" in data:
        constant = data["constant"] if "constant" in data else dict(data)
        value = json_format.ParseDict(constant, struct_pb2.Value())
        return snapshot_types_pb2.InputSpec(constant=value)
    if "step" in data:
        names = [data["output"]] if data["output"] else outputs[data["step"]]
        sources = [_step_output(data["step"], name) for name in names]
        return sources[0] if len(sources) == 1 else _list(sources)
    items = next(iter(data.values()))
    return _list([_input(item, outputs) for _, item in items])


def _step_output(step: str, output: str) -> snapshot_types_pb2.InputSpec:
    return snapshot_types_pb2.InputSpec(
        step_output=snapshot_types_pb2.StepOutput(step=step, output=output)
    )


def _list(items: list[snapshot_types_pb2.InputSpec]) -> snapshot_types_pb2.InputSpec:
    return snapshot_types_pb2.InputSpec(list=snapshot_types_pb2.InputList(items=items))
