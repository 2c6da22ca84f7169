"""How much room a cluster has for workloads, and who has it.

Nodes, quotas and cordons are followed by a watch each, so that submitting asks for nothing. What
only people look at (all pods, queues of Kueue) is asked for when they do, at most every few
seconds. What may not be seen stays unknown, and is said in the cluster's own words.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack

from meshkit.errors import NotFound
from workloads.launchers.kubernetes import nodes as scheduling
from workloads.launchers.kubernetes import podspec
from workloads.launchers.kubernetes.api import ApiError, Cluster, Kind, Object
from workloads.launchers.kubernetes.cordons import Cordons
from workloads.launchers.kubernetes.mirror import Mirror
from workloads.launchers.kubernetes.nodes import Node, node_of
from workloads.launchers.kubernetes.places import Place, namespaces, place_of, places
from workloads.launchers.kubernetes.quantities import requests_of
from workloads.launchers.kubernetes.queues import Queue, look
from workloads.launchers.kubernetes.quotas import Quotas
from workloads.launchers.kubernetes.recent import Recent
from workloads.launchers.kubernetes.settings import KubernetesSettings
from workloads.model import WorkloadSpec
from workloads.pools import CPU, MEMORY, STORAGE, Amounts, Cordon, Fit, Pool, Resource, asked, total

_FRESH_S = 10.0
_ALIVE = "status.phase!=Succeeded,status.phase!=Failed"
_ALWAYS = (CPU, MEMORY, STORAGE)

# The namespace of a workload of ours, what it is, and whether it has its place.
Held = tuple[str, WorkloadSpec, bool]
# What is asked for on each node, or why nobody knows.
Taken = Mapping[str, Amounts]


class Capacity:
    """The room of one cluster; `held` are the workloads that have not ended."""

    def __init__(
        self, cluster: Cluster, settings: KubernetesSettings, held: Callable[[], Iterable[Held]]
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._held = held
        self._own = cluster.namespace
        self._places = places(settings, self._own)
        self._nodes: dict[str, Node] = {}
        self._node_mirror = Mirror(cluster, Kind.NODE, self._hear_node)
        self._quotas = {
            name: Quotas(cluster.within(name)) for name in namespaces(settings, self._own)
        }
        self._cordons = Cordons(cluster, settings.manager)
        self._taken = Recent(self._ask_taken, fresh_s=_FRESH_S)
        self._queues = Recent(self._ask_queue, fresh_s=_FRESH_S)

    async def follow(self, stack: AsyncExitStack) -> None:
        """Returns when all was seen once, or may not be; follows until the stack is left."""
        stack.callback(self._taken.forget)
        stack.callback(self._queues.forget)
        quotas = [quotas.mirror for quotas in self._quotas.values()]
        for mirror in (self._node_mirror, self._cordons.mirror, *quotas):
            task = asyncio.create_task(mirror.run())
            stack.callback(task.cancel)
            await mirror.settled.wait()

    # What new workloads find.

    def pool_of(self, spec: WorkloadSpec, namespace: str) -> tuple[str, Cordon | None]:
        pool = place_of(spec, self._settings, namespace).id
        return pool, self._cordons.of(pool)

    def lacking(self, spec: WorkloadSpec, namespace: str) -> Fit | None:
        """Why no node, or no quota, could ever give what is asked for."""
        wanted = asked(spec, self._settings.gpu_resource)
        if words := self._quotas[namespace].too_small(wanted):
            return Fit(words)
        nodes = list(self._nodes.values())
        if not nodes or self._node_mirror.problem:
            return None
        made = podspec.placed(spec, self._settings)
        words = scheduling.too_large(wanted, nodes, made["nodeSelector"], made["tolerations"])
        return Fit(words, is_warning=self._settings.can_grow) if words else None

    async def fits(self, spec: WorkloadSpec, namespace: str) -> Fit | None:
        found = self.lacking(spec, namespace)
        place = place_of(spec, self._settings, namespace)
        if (found and not found.is_warning) or not place.queue:
            return found
        queue = await self._queues.get(place)
        words = queue.too_large(asked(spec, self._settings.gpu_resource), place.queue)
        return Fit(words) if words else found

    async def cordon(self, pool: str, cordon: Cordon | None) -> None:
        if pool not in {place.id for place in self._places}:
            name = f"pools/{pool}"
            raise NotFound("RESOURCE_NOT_FOUND", f"there is no {name}", metadata={"resource": name})
        await self._cordons.set(pool, cordon)

    # What people look at.

    async def pools(self) -> list[Pool]:
        taken, blind = await self._seen_taken()
        return [await self._pool(place, taken, blind) for place in self._places]

    async def _pool(self, place: Place, taken: Taken | None, blind: str) -> Pool:
        queue = await self._queues.get(place) if place.queue else Queue()
        quotas = self._quotas[place.namespace]
        used, waiting = self._of(place, has_place=True), self._of(place, has_place=False)
        nodes = self._nodes_of()
        names = self._names(nodes, used, waiting)
        room = _Room(nodes, taken, quotas, queue) if not self._node_mirror.problem else None
        own, more = total(used), total(waiting)
        return Pool(
            id=place.id,
            engine="kubernetes",
            place=place.words,
            queue=place.queue,
            projects=place.projects,
            can_grow=self._settings.can_grow,
            running=len(used),
            queued=len(waiting),
            resources=tuple(_resource(name, room, own, more) for name in names),
            limits=(*quotas.limits(), *queue.limits),
            unseen=tuple(self._unseen(blind, quotas, queue)),
            cordon=self._cordons.of(place.id),
        )

    def _of(self, place: Place, *, has_place: bool) -> list[Amounts]:
        """What the workloads of a pool ask for, of those that have their place, or have none."""
        gpu = self._settings.gpu_resource
        return [
            asked(spec, gpu)
            for namespace, spec, is_placed in self._held()
            if is_placed == has_place and place_of(spec, self._settings, namespace).id == place.id
        ]

    def _nodes_of(self) -> list[Node]:
        """Those that workloads can go to, if only by what their users may tolerate."""
        settings = self._settings
        allowed = [{"key": taint, "operator": "Exists"} for taint in settings.allowed.taints]
        tolerations = [*settings.tolerations, *allowed]
        nodes = self._nodes.values()
        return [node for node in nodes if node.takes(settings.node_selector, tolerations)]

    def _names(self, nodes: Iterable[Node], *asked_for: Iterable[Amounts]) -> list[str]:
        """What is worth a line: what all nodes have, and devices that somebody has or wants."""
        seen = {name for node in nodes for name, has in node.allocatable.items() if has}
        devices = {name for name in seen if self._settings.allows_device(name)}
        wanted = {name for group in asked_for for amounts in group for name in amounts}
        return [*_ALWAYS, *sorted((devices | wanted) - set(_ALWAYS))]

    def _unseen(self, blind: str, quotas: Quotas, queue: Queue) -> Iterator[str]:
        if self._node_mirror.problem:
            yield f"Nodes cannot be seen: {self._node_mirror.problem}."
        if blind:
            yield f"What others ask for cannot be seen: {blind}."
        if quotas.mirror.problem:
            yield f"Quotas cannot be seen: {quotas.mirror.problem}."
        if self._cordons.mirror.problem:
            yield f"Cordons cannot be seen: {self._cordons.mirror.problem}."
        if queue.unseen:
            yield queue.unseen

    # What the cluster is asked.

    async def _seen_taken(self) -> tuple[Taken | None, str]:
        try:
            return await self._taken.get(""), ""
        except ApiError as error:
            return None, error.message

    async def _ask_taken(self, _: str) -> Taken:
        pods, _ = await self._cluster.list(Kind.ALL_PODS, fieldSelector=_ALIVE)
        found: dict[str, list[Amounts]] = {}
        for pod in pods:
            if node := pod["spec"].get("nodeName"):
                found.setdefault(node, []).append(requests_of(pod))
        return {node: total(asked_for) for node, asked_for in found.items()}

    async def _ask_queue(self, place: Place) -> Queue:
        return await look(self._cluster.within(place.namespace), place.queue)

    def _hear_node(self, thing: Object, is_gone: bool) -> None:  # noqa: FBT001  # as a mirror tells it
        name = thing["metadata"]["name"]
        # The images that a node holds are most of what is said of it.
        (thing.get("status") or {}).pop("images", None)
        if is_gone:
            self._nodes.pop(name, None)
        else:
            self._nodes[name] = node_of(thing)


class _Room:
    """What the nodes of a pool have, as far as it is known."""

    def __init__(
        self, nodes: Sequence[Node], taken: Taken | None, quotas: Quotas, queue: Queue
    ) -> None:
        self._nodes = nodes
        self._quotas = quotas
        self._queue = queue
        self._open = total(node.allocatable for node in nodes if node.is_open)
        self._taken = None if taken is None else total(taken.get(node.name, {}) for node in nodes)

    def allocatable(self, resource: str) -> int:
        return self._open.get(resource, 0)

    def used(self, resource: str) -> int | None:
        return None if self._taken is None else self._taken.get(resource, 0)

    def largest(self, resource: str) -> int:
        bounds = [scheduling.largest(self._nodes, resource), self._quotas.hard(resource)]
        if self._queue.largest is not None:
            bounds.append(self._queue.largest.get(resource, 0))
        return min(bound for bound in bounds if bound is not None)


def _resource(name: str, room: _Room | None, own: Amounts, queued: Amounts) -> Resource:
    mine = Resource(name, own_used=own.get(name, 0), queued=queued.get(name, 0))
    if room is None:
        return mine
    return Resource(
        name,
        allocatable=room.allocatable(name),
        used=room.used(name),
        own_used=mine.own_used,
        queued=mine.queued,
        largest=room.largest(name),
    )
