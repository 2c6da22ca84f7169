"""The engine Kubernetes: a workload is a Job, and what the namespace holds is the database.

Submitting is two calls, and tracking none but a watch of Jobs and one of pods. A manager that
dies leaves nothing half done that the next call of the same name does not complete: the Job's
name follows from the workload, the Secret belongs to the Job, an order to cancel stands on it.
"""

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

import structlog

from meshkit.errors import AlreadyExists, FailedPrecondition, NotFound
from workloads.launchers import LogChunk, Observation
from workloads.launchers.kubernetes import manifests
from workloads.launchers.kubernetes.adoption import difference
from workloads.launchers.kubernetes.api import CONFLICT, ApiError, Cluster, Kind, Object
from workloads.launchers.kubernetes.capacity import Capacity, Held
from workloads.launchers.kubernetes.images import Images
from workloads.launchers.kubernetes.leadership import Leadership
from workloads.launchers.kubernetes.logs import Tail, Tails
from workloads.launchers.kubernetes.namespace import Namespace
from workloads.launchers.kubernetes.places import namespaces
from workloads.launchers.kubernetes.refusals import ABSENT, REFUSED, answered, mesh_error
from workloads.launchers.kubernetes.restricted import Restricted
from workloads.launchers.kubernetes.settings import KubernetesSettings
from workloads.model import Secrets, Workload, WorkloadKey, WorkloadSpec, project_of
from workloads.pools import Cordon, Fit, Pool

log = structlog.get_logger()

_NOBODY = UUID(int=0)
# A line of the log is at most 16 KiB and its prefix, so that a read always holds a whole one.
_MIN_READ_BYTES = 32 << 10


class KubernetesLauncher:
    """Executes workloads as Jobs of one namespace (protocol: workloads.launchers.Launcher).

    An async context manager: it is entered when the namespace is known whole, and not before.
    """

    engine = "kubernetes"

    def __init__(self, cluster: Cluster, settings: KubernetesSettings) -> None:
        self._cluster = cluster
        self._settings = settings
        self._images = Images(
            settings.image_registries, are_digests_required=settings.are_digests_required
        )
        self._restricted = Restricted(settings, self._images)
        self._spaces = {
            name: Namespace(cluster.within(name), settings, partial(self._hear, name))
            for name in namespaces(settings, cluster.namespace)
        }
        self._capacity = Capacity(cluster, settings, self._held)
        self._leadership = Leadership(cluster, settings.manager)
        # The namespaces that workloads are in.
        self._homes: dict[WorkloadKey, str] = {}
        self._workloads: dict[WorkloadKey, Workload] = {}
        self._tails = Tails()
        # Set, and replaced, whenever a workload changes.
        self._moved = asyncio.Event()
        self._sink: Callable[[Observation], None] = lambda _: None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Follows its namespaces; returns when all was seen once, however long that takes."""
        for space in self._spaces.values():
            await space.follow(self._stack)
        await self._capacity.follow(self._stack)
        # Left in the other order: no step may follow the release.
        self._stack.push_async_callback(self._leadership.release)
        self._stack.callback(asyncio.create_task(self._leadership.run()).cancel)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tails.close()
        await self._stack.aclose()
        await self._cluster.close()

    # The protocol; see Launcher.

    def observe(self, sink: Callable[[Observation], None]) -> None:
        self._sink = sink
        for workload in self._workloads.values():
            sink(Observation(workload))

    async def problems(self, spec: WorkloadSpec) -> list[str]:
        key = WorkloadKey(_NOBODY, "validation")
        job = manifests.job(key, spec, Secrets(), self._settings)
        if found := list(self._restricted.problems(job, self._made(key, spec))):
            return found
        try:
            cluster = self._place(key, spec).cluster
            await cluster.create(Kind.JOB, job, is_dry_run=True)
        except ApiError as error:
            if error.status in REFUSED:
                return [f"The cluster refuses it: {error.message}"]
            raise mesh_error(error) from error
        return []

    async def launch(self, key: WorkloadKey, spec: WorkloadSpec, secrets: Secrets) -> None:
        body = manifests.job(key, spec, secrets, self._settings)
        # One that was taken stays taken, whatever is allowed by now.
        if key not in self._workloads:
            self._images.check(spec.image)
            self._restricted.check(body, self._made(key, spec))
        space = self._place(key, spec)
        job, is_new = await answered(_create(space.cluster, Kind.JOB, body))
        _check_identity(job, key, spec)
        if secrets.files:
            await answered(_give(space.cluster, job, secrets, wanted=None if is_new else body))
        space.jobs.hear(job)

    async def cancel(self, key: WorkloadKey, *, grace_s: float, reason: str) -> None:
        workload = self._find(key)
        if workload.state.is_terminal:
            return
        space = self._place(key, workload.spec)
        pod = space.pod(str(workload.uid))
        await answered(self._order_end(space, workload, reason, has_pod=pod is not None))
        if pod is not None:
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            await answered(
                space.cluster.delete(Kind.POD, name, uid=uid, grace_s=math.ceil(grace_s))
            )

    async def _order_end(
        self, space: Namespace, workload: Workload, reason: str, *, has_pod: bool
    ) -> None:
        """Writes on the Job that it is to end, and why: a restarted manager knows it, too."""
        order: Object = {
            "metadata": {
                "uid": str(workload.uid),
                "annotations": {manifests.CANCELLED: reason},
            }
        }
        if not has_pod:
            # In the same step, so that no pod begins after the order.
            order["spec"] = {"suspend": True}
        name = manifests.job_name(workload.key, workload.spec)
        space.jobs.hear(await space.cluster.patch(Kind.JOB, name, order))

    def leads(self) -> bool:
        return self._leadership.holds()

    async def delete(self, key: WorkloadKey) -> None:
        workload = self._find(key)
        if not workload.state.is_terminal:
            raise FailedPrecondition(
                "WORKLOAD_NOT_ENDED",
                f"{key.name} is {workload.state.value}; cancel it before deleting it",
                metadata={"resource": key.name, "state": workload.state.value},
            )
        name = manifests.job_name(key, workload.spec)
        cluster = self._place(key, workload.spec).cluster
        await answered(cluster.delete(Kind.JOB, name, uid=str(workload.uid)))
        self._forget(key)

    async def read_log(self, key: WorkloadKey, offset: int, limit: int) -> LogChunk:
        is_ended = self._find(key).state.is_terminal
        tail = self._tail(key, offset)
        if tail is None:
            return LogChunk(offset, b"", is_end=is_ended)
        if is_ended:
            await tail.wait(limit)
        return self._tails.read(key, tail, max(limit, _MIN_READ_BYTES))

    async def log_changed(self, key: WorkloadKey, offset: int) -> None:
        while (tail := self._tail(key, offset)) is None:
            if self._find(key).state.is_terminal:
                return
            await self._moved.wait()
        await tail.wait()

    def _tail(self, key: WorkloadKey, offset: int) -> Tail | None:
        workload = self._find(key)
        space = self._place(key, workload.spec)
        pod = space.pod(str(workload.uid))
        if pod is None:
            return None
        tail = self._tails.at(space.cluster, key, pod["metadata"]["name"], offset)
        if workload.state.is_terminal:
            tail.finish()
        return tail

    def _made(self, key: WorkloadKey, spec: WorkloadSpec) -> Object:
        return manifests.metadata(key, spec, self._settings)

    def _place(self, key: WorkloadKey, spec: WorkloadSpec) -> Namespace:
        """Where a workload is, or where one of its project belongs."""
        return self._spaces[self._homes.get(key) or self._home(spec)]

    def _home(self, spec: WorkloadSpec) -> str:
        return self._settings.namespace_of(project_of(spec)) or self._cluster.namespace

    # Its room; see Room.

    async def pools(self) -> list[Pool]:
        return await self._capacity.pools()

    def pool_of(self, spec: WorkloadSpec) -> tuple[str, Cordon | None]:
        return self._capacity.pool_of(spec, self._home(spec))

    def lacking(self, spec: WorkloadSpec) -> Fit | None:
        return self._capacity.lacking(spec, self._home(spec))

    async def fits(self, specs: Sequence[WorkloadSpec]) -> list[Fit | None]:
        return [await self._capacity.fits(spec, self._home(spec)) for spec in specs]

    async def cordon(self, pool: str, cordon: Cordon | None) -> None:
        await self._capacity.cordon(pool, cordon)

    def _held(self) -> Iterator[Held]:
        """All that have not ended, and whether a node has taken them."""
        for key, workload in self._workloads.items():
            if not workload.state.is_terminal:
                space = self._place(key, workload.spec)
                pod = space.pod(str(workload.uid)) or {}
                is_placed = bool(pod.get("spec", {}).get("nodeName"))
                yield space.cluster.namespace, workload.spec, is_placed

    # What is observed.

    def _hear(self, namespace: str, seen: Workload, is_gone: bool) -> None:  # noqa: FBT001  # see Hear
        home = self._homes.setdefault(seen.key, namespace)
        if home != namespace:
            # Somebody copied a Job of ours: what is known stays what it is.
            log.warning("workload_parked", key=str(seen.key), namespace=namespace)
        elif is_gone:
            self._forget(seen.key)
        else:
            self._become(seen)

    def _become(self, seen: Workload) -> None:
        known = self._workloads.get(seen.key)
        if known is None or known.uid != seen.uid:
            self._tell(seen)
        elif known.state is not seen.state:
            for workload in known.becoming(seen):
                self._tell(workload)
        elif known != seen and not known.state.is_terminal:
            self._tell(seen)

    def _tell(self, workload: Workload) -> None:
        self._workloads[workload.key] = workload
        log.info("workload", key=str(workload.key), state=workload.state.value)
        if workload.state.is_terminal:
            self._tails.finish(workload.key)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        self._sink(Observation(workload))

    def _forget(self, key: WorkloadKey) -> None:
        workload = self._workloads.pop(key, None)
        self._homes.pop(key, None)
        self._tails.drop(key)
        if workload is not None:
            self._sink(Observation(workload, is_deleted=True))

    def _find(self, key: WorkloadKey) -> Workload:
        workload = self._workloads.get(key)
        if workload is None:
            raise NotFound(
                "RESOURCE_NOT_FOUND", f"there is no {key.name}", metadata={"resource": key.name}
            )
        return workload


# Calls that may be made again.


async def _create(cluster: Cluster, kind: Kind, body: Object) -> tuple[Object, bool]:
    """Creates an object, or answers the one of its name that is there; and which of them."""
    try:
        return await cluster.create(kind, body), True
    except ApiError as error:
        if error.status != CONFLICT:
            raise
        conflict = error
    try:
        return await cluster.get(kind, body["metadata"]["name"]), False
    except ApiError as error:
        # There is none: the conflict was about something else, or it has gone meanwhile.
        raise (conflict if error.status == ABSENT else error) from error


async def _give(cluster: Cluster, job: Object, secrets: Secrets, *, wanted: Object | None) -> None:
    """Gives a Job its Secret, unless it has it; one of an earlier Job of its name goes.

    A Job that was found, and is not as it was wanted, gets none: raises FailedPrecondition.
    """
    if wanted and (where := difference(wanted, job)):
        name = job["metadata"]["name"]
        words = f"there is a Job {name} that is not ours ({where.lstrip('.')}): delete it"
        raise FailedPrecondition("WORKLOAD_REFUSED", words)
    body = manifests.secret(job, secrets)
    found, _ = await _create(cluster, Kind.SECRET, body)
    owner = found["metadata"].get("ownerReferences", [{}])[0].get("uid")
    if owner != job["metadata"]["uid"]:
        name, uid = found["metadata"]["name"], found["metadata"]["uid"]
        await cluster.delete(Kind.SECRET, name, uid=uid)
        await cluster.create(Kind.SECRET, body)


def _check_identity(job: Object, key: WorkloadKey, spec: WorkloadSpec) -> None:
    try:
        is_the_same = manifests.identity(job) == (key, spec)
    except (KeyError, TypeError, ValueError, RecursionError):
        is_the_same = False
    if not is_the_same:
        raise AlreadyExists(
            "WORKLOAD_CONFLICT",
            f"{key.name} was submitted with another specification; choose another id",
            metadata={"resource": key.name},
        )
