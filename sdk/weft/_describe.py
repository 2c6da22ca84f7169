"""Describes runs and steps to a recorder, before they execute."""

from __future__ import annotations

import inspect
import platform
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weft._caching import shown
from weft._definition import StepDefinition
from weft._environment import host_identity
from weft._fingerprints import source_of
from weft._graph import Binding, Collection, Constant, Existing, Graph, Node
from weft._ids import new_uid, run_name
from weft._json import module_name
from weft._policies import parse_bytes
from weft._records import RunRecord, StepRecord, now
from weft._states import ExecutionMode

_MAX_SOURCE, _MAX_DESCRIPTION = 65_536, 4_096


def run_record(graph: Graph, project: str) -> RunRecord:
    """Make the record of a new run of a graph."""
    return replace(
        own_run_record(graph.pipeline, project, graph.parameters),
        execution_mode=graph.mode.value,
        parameters_schema=dict(graph.parameters_schema),
        entrypoint=graph.entrypoint,
        model=graph.model,
    )


def own_run_record(pipeline: str, project: str, parameters: Mapping[str, Any]) -> RunRecord:
    """Make the record of a new run that no graph says anything of."""
    uid = new_uid()
    environment = {
        "executable": sys.executable,
        "host": host_identity(),
        "version": platform.python_version(),
    }
    mode = ExecutionMode.FAIL_FAST.value
    name = run_name(uid)
    return RunRecord(uid, name, project, pipeline, dict(parameters), mode, now(), environment)


def step_record(node: Node) -> StepRecord:
    """Describe a node of the graph."""
    step = node.step
    fan_out = node.fan_out
    return StepRecord(
        id=node.id,
        upstream=node.upstream,
        entrypoint=entrypoint(step),
        outputs=step.outputs.names,
        output_types=tuple(map(_type_name, step.outputs.hints.values())),
        inputs={name: describe_binding(binding) for name, binding in node.inputs.items()},
        max_retries=step.retry.max,
        retry_backoff_s=step.retry.backoff_s,
        retry_max_backoff_s=step.retry.max_backoff_s,
        timeout_s=step.timeout_s,
        queue_timeout_s=step.queue_timeout_s,
        deadline_s=step.deadline_s,
        cache_enabled=step.cache.enabled,
        cache_max_age_s=step.cache.max_age_s,
        cache_policy=shown(step.cache),
        cpu_millis=step.resources.cpu_millis,
        memory_bytes=step.resources.memory_bytes,
        gpus=step.resources.gpu,
        environment=dict(step.environment),
        map_over=fan_out.over if fan_out else (),
        map_concurrency=(fan_out.concurrency or 0) if fan_out else 0,
        secrets=step.secrets,
        isolation=step.isolation or "",
        pod=step.pod.said(),
        retry_memory_growth=step.retry.memory_growth,
        retry_max_memory_bytes=parse_bytes(step.retry.max_memory or 0),
        description=(inspect.getdoc(step.function) or "")[:_MAX_DESCRIPTION],
        source=_source(step),
    )


def item_record(unit_id: str, node: Node, index: int) -> StepRecord:
    """Describe an item of a fan-out; what it shares stands in the fan-out's own record."""
    return StepRecord(
        id=unit_id,
        upstream=node.upstream,
        entrypoint=entrypoint(node.step),
        outputs=node.step.outputs.names,
        parent=node.id,
        index=index,
    )


def entrypoint(step: StepDefinition) -> str:
    """Name what to import: `module:attribute`."""
    return f"{module_name(step.function.__module__)}:{step.function.__qualname__}"


def describe_binding(binding: Binding) -> dict[str, Any]:
    """Say where an argument comes from, as JSON with one key."""
    if isinstance(binding, Constant):
        return {"constant": binding.data}
    if isinstance(binding, Existing):
        return {"artifact": binding.version.uid}
    if isinstance(binding, Collection):
        return {binding.kind: [[key, describe_binding(item)] for key, item in binding.items]}
    return {"step": binding.step, "output": binding.output or ""}


def _type_name(hint: Any) -> str:
    return f"{hint.__module__}.{hint.__qualname__}" if isinstance(hint, type) else str(hint)


def _source(step: StepDefinition) -> str:
    try:
        return source_of(step.function)[:_MAX_SOURCE]
    except ValueError:
        return ""
