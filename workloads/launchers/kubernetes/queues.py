"""Queues of Kueue, where it is installed: what they may give, and what of it is taken."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from workloads.launchers.kubernetes.api import ApiError, Cluster, Object
from workloads.launchers.kubernetes.quantities import amount
from workloads.pools import Amounts, Limit, in_words, total

_GROUP = "/apis/kueue.x-k8s.io"
_ABSENT = 404


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as it is; `unseen` says why it could not be looked at.

    `largest` is the most that one workload could have, by resource: None where queues lend each
    other without a bound, and nothing for what it does not give at all.
    """

    limits: tuple[Limit, ...] = ()
    largest: dict[str, int | None] | None = None
    unseen: str = ""

    def too_large(self, wanted: Amounts, name: str) -> str:
        """Why it could never give what is wanted; empty where it could, or nobody knows."""
        if self.largest is None:
            return ""
        for resource, asked in wanted.items():
            most = self.largest.get(resource, 0)
            if most is not None and asked > most:
                has = in_words(resource, most) if most else f"no {resource}"
                words = in_words(resource, asked)
                return f"It asks for {words}, and the queue {name} gives {has} at most."
        return ""


async def look(cluster: Cluster, name: str) -> Queue:
    """The queue of this name in a namespace, with what is behind it."""
    try:
        version = (await cluster.read(_GROUP))["preferredVersion"]["version"]
    except ApiError as error:
        missing = error.status == _ABSENT
        words = "Kueue is not installed" if missing else error.message
        return Queue(unseen=f"The queue {name} cannot be seen: {words}.")
    local = f"{_GROUP}/{version}/namespaces/{cluster.namespace}/localqueues/{name}"
    try:
        behind = str((await cluster.read(local))["spec"]["clusterQueue"])
        return _queue(await cluster.read(f"{_GROUP}/{version}/clusterqueues/{behind}"))
    except ApiError as error:
        return Queue(unseen=f"The queue {name} cannot be seen: {error.message}.")


def _queue(thing: Object) -> Queue:
    """Raises KeyError, TypeError, ValueError where it is none."""
    spec, status = thing["spec"], thing.get("status") or {}
    given = list(_given(spec))
    nominal = total({name: amount(name, each["nominalQuota"])} for name, each in given)
    used = total(
        {each["name"]: amount(each["name"], each.get("total") or 0, up=True)}
        for flavor in status.get("flavorsUsage") or ()
        for each in flavor.get("resources") or ()
    )
    source = f"ClusterQueue {thing['metadata']['name']}"
    limits = (Limit(source, name, most, used.get(name, 0)) for name, most in nominal.items())
    can_borrow = bool(spec.get("cohort") or spec.get("cohortName"))
    largest = {name: _largest(name, given, can_borrow=can_borrow) for name in nominal}
    return Queue(tuple(limits), largest)


def _given(spec: Object) -> Iterator[tuple[str, Object]]:
    """Each resource of each flavor."""
    for group in spec.get("resourceGroups") or ():
        for flavor in group["flavors"]:
            for resource in flavor["resources"]:
                yield resource["name"], resource


def _largest(
    resource: str, given: Iterable[tuple[str, dict[str, Any]]], *, can_borrow: bool
) -> int | None:
    """The most of one flavor: a workload takes no resource from two."""
    most = 0
    for name, each in given:
        if name != resource:
            continue
        borrowed = each.get("borrowingLimit") if can_borrow else 0
        if borrowed is None:
            return None
        most = max(most, amount(name, each["nominalQuota"]) + amount(name, borrowed))
    return most
