"""Settings that one run has for its steps, in place of what the code says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from weft._caching import Cache, shown
from weft._definition import Isolation, StepDefinition
from weft._graph import Graph, Node
from weft._pod import Pod
from weft._policies import Resources

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration

    from weftapi.common.v1 import pods_pb2
    from weftapi.workspace.v1 import step_settings_pb2


# Numbers of StepIsolation: the messages are not loaded where nothing is sent.
_ISOLATIONS: Mapping[int, Isolation] = {1: "thread", 2: "process", 3: "workload"}

_LIMITS: tuple[Literal["timeout", "queue_timeout", "deadline"], ...] = (
    "timeout",
    "queue_timeout",
    "deadline",
)


def with_settings(graph: Graph, settings: Mapping[str, step_settings_pb2.StepSettings]) -> Graph:
    """Gives the graph in which these steps run as the settings say; what they leave out stays."""
    if not settings:
        return graph
    return graph.changed(
        lambda node: _changed(node, settings[node.id]) if node.id in settings else node
    )


def _changed(node: Node, said: step_settings_pb2.StepSettings) -> Node:
    step, changes = node.step, dict[str, Any]()
    if said.HasField("resources"):
        changes["resources"] = _resources(said.resources)
    if said.HasField("retry"):
        changes["retry"] = _retry(step, said.retry)
    if said.HasField("cache"):
        changes["cache"] = _cache(step, said.cache)
    for name in _LIMITS:
        if said.HasField(name):
            changes[f"{name}_s"] = _seconds(getattr(said, name)) or None
    if said.environment:
        # As with the decorator: variables of its own need more than a thread.
        changes["environment"] = {**step.environment, **said.environment}
        changes["isolation"] = "process" if step.isolation == "thread" else step.isolation
    if said.HasField("pod"):
        changes |= {"pod": _pod(said.pod), "isolation": "workload"}
    if said.isolation:
        changes["isolation"] = isolation_of(said.isolation)
    return replace(node, step=replace(step, **changes))


def with_isolation(graph: Graph, default: Isolation | None) -> Graph:
    """Gives the graph in which every step says what executes it."""
    return graph.changed(
        lambda node: replace(node, step=replace(node.step, isolation=node.step.isolated(default)))
    )


def isolation_of(number: int) -> Isolation | None:
    """What executes attempts, as the wire says it; None where it says nothing."""
    return _ISOLATIONS.get(number)


def _resources(said: step_settings_pb2.ResourceSpec) -> Resources:
    return Resources(
        cpu=said.cpu_millis / 1000 or None,
        memory=said.memory_bytes or None,
        gpu=said.gpu_count,
    )


def _pod(said: pods_pb2.PodSettings) -> Pod:
    from google.protobuf.json_format import MessageToDict

    found = MessageToDict(said, preserving_proto_field_name=True)
    for volume in found.get("volumes", ()):
        if "size_bytes" in volume.get("empty", {}):
            # JSON has no whole numbers of that size: they are texts there.
            volume["empty"]["size_bytes"] = int(volume["empty"]["size_bytes"])
    return Pod(**found)


def _retry(step: StepDefinition, said: step_settings_pb2.RetrySpec) -> Any:
    changes: dict[str, Any] = {"max": said.max_retry_count}
    if said.HasField("backoff"):
        changes["backoff_s"] = _seconds(said.backoff)
    if said.HasField("max_backoff"):
        changes["max_backoff_s"] = _seconds(said.max_backoff)
    if said.HasField("memory_growth"):
        changes["memory_growth"] = said.memory_growth.percent / 100
        changes["max_memory"] = said.memory_growth.max_bytes or None
    return replace(step.retry, **changes)


def _cache(step: StepDefinition, said: step_settings_pb2.CacheSpec) -> Cache:
    own = step.cache
    # What it says may name code, which text cannot: only another policy is read.
    counts = Cache.parse(said.policy) if said.policy not in {"", shown(own)} else own
    age_s = _seconds(said.max_age) if said.HasField("max_age") else None
    return replace(counts, enabled=said.enabled, max_age_s=age_s)


def _seconds(duration: Duration) -> float:
    return duration.ToTimedelta().total_seconds()
