"""Whether a Job that has our name is the one that we would make, before it is given any secret.

Whoever may create Jobs in the namespace can take a name that is ours, before we do: names follow
from what people see. Such a Job would be handed the run's token.
"""

from collections.abc import Iterator
from typing import Any

from workloads.launchers.kubernetes.api import Object

# What an API server, its admission and its controllers add to a Job that does not say it.
_ADDED = frozenset(
    {
        "completionMode",
        "creationTimestamp",
        "defaultMode",
        "dnsPolicy",
        "generation",
        "imagePullPolicy",
        "managedFields",
        "manualSelector",
        "namespace",
        "preemptionPolicy",
        "priority",
        "resourceVersion",
        "schedulerName",
        "selector",
        "serviceAccount",
        "status",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "uid",
        # Ours, later: that it is to end.
        "suspend",
    }
)
# Maps whose keys are no fields; what admission puts into them gives nobody more rights.
_OPEN = frozenset({"labels", "annotations", "nodeSelector"})
# Amounts are written in more than one way.
_AMOUNTS = frozenset({"resources", "sizeLimit"})


def difference(ours: Object, found: Object) -> str:
    """Where a Job that was found is not as we would make it; empty where it is."""
    return next(_differences(ours, found, ""), "")


def _differences(ours: Any, found: Any, path: str) -> Iterator[str]:
    if isinstance(ours, dict):
        yield from _of_objects(ours, found if isinstance(found, dict) else {}, path)
    elif isinstance(ours, list):
        if not isinstance(found, list) or len(ours) != len(found):
            yield path
            return
        for index, (one, other) in enumerate(zip(ours, found, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]")
    elif ours != found:
        yield path


def _of_objects(ours: Object, found: Object, path: str) -> Iterator[str]:
    for name, value in ours.items():
        if name in _AMOUNTS or name == "suspend":
            continue
        # An API server leaves out what is empty.
        if value not in ({}, [], "") or found.get(name):
            yield from _differences(value, found.get(name), f"{path}.{name}")
    is_open = path.rpartition(".")[2] in _OPEN
    for name in () if is_open else found.keys() - ours.keys() - _ADDED:
        yield f"{path}.{name}"
