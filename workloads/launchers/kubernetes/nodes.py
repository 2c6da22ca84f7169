"""Which nodes can take a pod, and what they have: as much of a scheduler as is needed to say no.

It says no only to what no node could ever take. Whether there is room now is for the cluster.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workloads.launchers.kubernetes.api import Object
from workloads.launchers.kubernetes.quantities import amounts
from workloads.pools import Amounts, in_words

_KEEPS_AWAY = ("NoSchedule", "NoExecute")
# Taints that say how a node is now, not whom it is for.
_PASSING = "node.kubernetes.io/"


@dataclass(frozen=True, slots=True)
class Node:
    """What a node has, whom it is for, and whether it takes pods now."""

    name: str
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, Any]]
    allocatable: Amounts
    is_open: bool

    def takes(self, selector: Mapping[str, str], tolerations: Sequence[Mapping[str, Any]]) -> bool:
        """Whether it is for pods of these labels and tolerations."""
        return selector.items() <= self.labels.items() and all(
            any(_tolerates(each, taint) for each in tolerations) for taint in self.taints
        )


def node_of(thing: Object) -> Node:
    """Raises KeyError, TypeError, ValueError where it is none."""
    spec, status = thing.get("spec") or {}, thing.get("status") or {}
    conditions = status.get("conditions") or ()
    is_ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    taints = [
        taint
        for taint in spec.get("taints") or ()
        if taint["effect"] in _KEEPS_AWAY and not taint["key"].startswith(_PASSING)
    ]
    return Node(
        name=thing["metadata"]["name"],
        labels=thing["metadata"].get("labels") or {},
        taints=taints,
        allocatable=amounts(status.get("allocatable")),
        is_open=is_ready and not spec.get("unschedulable"),
    )


def largest(nodes: Iterable[Node], resource: str) -> int:
    """The most that one of them has of a resource."""
    return max((node.allocatable.get(resource, 0) for node in nodes), default=0)


def too_large(
    wanted: Amounts,
    nodes: Sequence[Node],
    selector: Mapping[str, str],
    tolerations: Sequence[Mapping[str, Any]],
) -> str:
    """Why none of these nodes could ever take what is wanted; empty where one could."""
    # Clusters that reserve nodes for a device commonly let its users in by themselves.
    own = [*tolerations, *({"key": name, "operator": "Exists"} for name in wanted)]
    found = [node for node in nodes if node.takes(selector, own)]
    if not found:
        labels = ", ".join(f"{name}={value}" for name, value in sorted(selector.items()))
        whom = f"with the labels {labels} " if labels else ""
        return f"No node {whom}is for such pods: all are tainted, or labelled otherwise."
    words = [
        f"It asks for {in_words(name, amount)}, and {_has(name, largest(found, name))}."
        for name, amount in wanted.items()
        if amount > largest(found, name)
    ]
    if words:
        return " ".join(words)
    if any(all(n.allocatable.get(r, 0) >= a for r, a in wanted.items()) for n in found):
        return ""
    all_of_it = ", ".join(in_words(name, amount) for name, amount in wanted.items())
    return f"It asks for {all_of_it}, and no node has all of that."


def _has(resource: str, most: int) -> str:
    if not most:
        return f"no node that it can go to has any {resource}"
    return f"the largest node has {in_words(resource, most)}"


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    key = toleration.get("key")
    if toleration.get("operator", "Equal") == "Exists":
        return not key or key == taint["key"]
    same_value = toleration.get("value", "") == taint.get("value", "")
    return bool(key == taint["key"] and same_value)
