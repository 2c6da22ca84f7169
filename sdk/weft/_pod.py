"""What the pod of a step looks like in its cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypedDict


class Toleration(TypedDict, total=False):
    """A taint of nodes that is tolerated; of any value and effect where they are not said."""

    key: str
    value: str
    effect: str


class EmptyDirectory(TypedDict, total=False):
    """A directory that goes with the pod."""

    size_bytes: int
    in_memory: bool


class Volume(TypedDict, total=False):
    """What is mounted: a claim, a ConfigMap, or an empty directory."""

    mount_path: str
    read_only: bool
    claim: str
    config_map: str
    empty: EmptyDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """What the pod of a step looks like, where a cluster executes it.

    It is put over what the stack's orchestrator says: maps and lists are added to, the rest is
    replaced. Every value is one that the cluster's operator allows; another one fails the step.

    Attributes:
        node_selector: Labels that its node must have.
        tolerations: Taints of nodes that it tolerates: `{"key": "gpu", "effect": "NoSchedule"}`.
        priority_class, queue, runtime_class: Names in the cluster; a queue is one of Kueue.
        labels, annotations: Those of the pod.
        volumes: What is mounted: `{"mount_path": "/data", "claim": "data", "read_only": True}`.
        image_pull_policy: When its node asks the registry for its image: "Always", "IfNotPresent"
            or "Never".
    """

    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Toleration] = ()
    priority_class: str = ""
    queue: str = ""
    runtime_class: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    volumes: Sequence[Volume] = ()
    image_pull_policy: str = ""

    def said(self) -> dict[str, Any]:
        """What it says, as JSON that the contract's PodSettings reads."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
            if value
        }
