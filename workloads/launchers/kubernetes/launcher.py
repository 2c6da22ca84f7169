"""The engine Kubernetes: a workload is a Job, and what the namespace holds is the database.

Submitting is two calls, and tracking none but a watch of Jobs and one of pods. A manager that
dies leaves nothing half done that the next call of the same name does not complete: the Job's
name follows from the workload, the Secret belongs to the Job, an order to cancel stands on it.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

import structlog

from meshkit.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    MeshError,
    NotFound,
    ResourceExhausted,
    Unavailable,
)
from workloads.launchers import LogChunk, Observation
from workloads.launchers.kubernetes import manifests, states
from workloads.launchers.kubernetes.api import ApiError, Cluster, Kind, Object
from workloads.launchers.kubernetes.images import Images
from workloads.launchers.kubernetes.logs import Tail, Tails
from workloads.launchers.kubernetes.mirror import Mirror
from workloads.launchers.kubernetes.restricted import Restricted
from workloads.launchers.kubernetes.settings import KubernetesSettings
from workloads.lifecycle import WorkloadState
from workloads.model import Secrets, Workload, WorkloadKey, WorkloadSpec

log = structlog.get_logger()
T = TypeVar("T")

_CONFLICT, _INVALID, _FORBIDDEN = 409, 422, 403
_REFUSED = range(400, 500)
_BUSY = 429
_NOBODY = UUID(int=0)
_RETRY_S, _QUOTA_S = 5.0, 30.0
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
        selector = manifests.selector(settings)
        self._jobs = Mirror(cluster, Kind.JOB, selector, self._hear_job)
        self._pods = Mirror(cluster, Kind.POD, selector, self._hear_pod)
        # By the uid of their Job: its pods as they were last, and the uids of those that are gone.
        self._pods_of: dict[str, dict[str, Object]] = {}
        self._gone: set[str] = set()
        # Jobs whose pods were asked for and are nowhere, and the questions under way.
        self._podless: set[str] = set()
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._workloads: dict[WorkloadKey, Workload] = {}
        self._tails = Tails(cluster)
        # Set, and replaced, whenever a workload changes.
        self._moved = asyncio.Event()
        self._sink: Callable[[Observation], None] = lambda _: None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Follows the namespace; returns when all of it was seen once, however long that takes."""
        for mirror in (self._jobs, self._pods):
            task = asyncio.create_task(mirror.run())
            self._stack.callback(task.cancel)
            await mirror.synced.wait()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tails.close()
        for task in self._asking.values():
            task.cancel()
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
            await self._cluster.create(Kind.JOB, job, is_dry_run=True)
        except ApiError as error:
            if error.status in _REFUSED and error.status != _BUSY:
                return [f"The cluster refuses it: {error.message}"]
            raise _mesh_error(error) from error
        return []

    async def launch(self, key: WorkloadKey, spec: WorkloadSpec, secrets: Secrets) -> None:
        body = manifests.job(key, spec, secrets, self._settings)
        # One that was taken stays taken, whatever is allowed by now.
        if key not in self._workloads:
            self._images.check(spec.image)
            self._restricted.check(body, self._made(key, spec))
        job = await _answered(self._create(Kind.JOB, body))
        if manifests.identity(job) != (key, spec):
            raise AlreadyExists(
                "WORKLOAD_CONFLICT",
                f"{key.name} was submitted with another specification; choose another id",
                metadata={"resource": key.name},
            )
        if secrets.files:
            await _answered(self._give(job, secrets))
        self._jobs.hear(job)

    async def cancel(self, key: WorkloadKey, *, grace_s: float, reason: str) -> None:
        workload = self._find(key)
        if workload.state.is_terminal:
            return
        pod = self._pod(str(workload.uid))
        await _answered(self._order_end(workload, reason, has_pod=pod is not None))
        if pod is not None:
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            await _answered(
                self._cluster.delete(Kind.POD, name, uid=uid, grace_s=math.ceil(grace_s))
            )

    async def _order_end(self, workload: Workload, reason: str, *, has_pod: bool) -> None:
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
        self._jobs.hear(await self._cluster.patch(Kind.JOB, name, order))

    async def delete(self, key: WorkloadKey) -> None:
        workload = self._find(key)
        if not workload.state.is_terminal:
            raise FailedPrecondition(
                "WORKLOAD_NOT_ENDED",
                f"{key.name} is {workload.state.value}; cancel it before deleting it",
                metadata={"resource": key.name, "state": workload.state.value},
            )
        name = manifests.job_name(key, workload.spec)
        await _answered(self._cluster.delete(Kind.JOB, name, uid=str(workload.uid)))
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
        pod = self._pod(str(workload.uid))
        if pod is None:
            return None
        tail = self._tails.at(key, pod["metadata"]["name"], offset)
        if workload.state.is_terminal:
            tail.finish()
        return tail

    def _made(self, key: WorkloadKey, spec: WorkloadSpec) -> Object:
        return manifests.metadata(key, spec, self._settings)

    # What is observed.

    def _hear_job(self, job: Object, is_gone: bool) -> None:  # noqa: FBT001  # as a mirror tells it
        uid = job["metadata"]["uid"]
        if is_gone:
            pods = self._pods_of.pop(uid, {})
            self._gone -= pods.keys()
            self._podless.discard(uid)
        self._look(job, is_gone=is_gone)

    def _hear_pod(self, pod: Object, is_gone: bool) -> None:  # noqa: FBT001  # as a mirror tells it
        uid = _job_uid(pod)
        job = self._job_of(pod)
        if uid is None or job is None:
            return  # somebody else's, whatever its labels say, or what a deleted Job left
        self._pods_of.setdefault(uid, {})[pod["metadata"]["uid"]] = pod
        if is_gone:
            self._gone.add(pod["metadata"]["uid"])
        self._look(job)

    def _job_of(self, pod: Object) -> Object | None:
        name = next((o["name"] for o in pod["metadata"].get("ownerReferences") or ()), "")
        job = self._jobs.get(name)
        return job if job is not None and job["metadata"]["uid"] == _job_uid(pod) else None

    def _look(self, job: Object, *, is_gone: bool = False) -> None:
        """Tells what a Job and its pod mean by now; one that cannot be read keeps none back."""
        uid = job["metadata"]["uid"]
        pod = self._pod(uid)
        is_pod_gone = pod is not None and pod["metadata"]["uid"] in self._gone
        try:
            seen = states.observe(job, pod, is_pod_gone=is_pod_gone)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("workload_parked", job=job["metadata"]["name"], error=repr(error))
            return
        if is_gone:
            self._forget(seen.key)
        elif seen.state is WorkloadState.LOST and uid not in self._podless:
            self._ask(job, seen.key)
        else:
            self._become(seen)

    def _ask(self, job: Object, key: WorkloadKey) -> None:
        """Asks for the pods of a Job before anybody calls it lost: news of them may be late."""
        uid = job["metadata"]["uid"]
        if uid not in self._asking:
            task = self._asking[uid] = asyncio.create_task(self._find_pods(job, key))
            task.add_done_callback(lambda _: self._asking.pop(uid))

    async def _find_pods(self, job: Object, key: WorkloadKey) -> None:
        labels = manifests.labels_of(key, self._settings)
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        found = None
        while found is None:
            try:
                found, _ = await self._cluster.list(Kind.POD, labelSelector=selector)
            except ApiError:
                await asyncio.sleep(_RETRY_S)
        uid = job["metadata"]["uid"]
        for pod in found:
            if _job_uid(pod) == uid:
                self._pods_of.setdefault(uid, {})[pod["metadata"]["uid"]] = pod
                self._gone.discard(pod["metadata"]["uid"])
        if not any(_job_uid(pod) == uid for pod in found):
            self._podless.add(uid)
        current = self._jobs.get(job["metadata"]["name"])
        if current is not None and current["metadata"]["uid"] == uid:
            self._look(current)

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
        self._tails.drop(key)
        if workload is not None:
            self._sink(Observation(workload, is_deleted=True))

    def _pod(self, job_uid: str) -> Object | None:
        """The pod of a Job; of several the one that was made last."""
        pods = self._pods_of.get(job_uid, {}).values()
        return max(pods, key=lambda pod: pod["metadata"]["creationTimestamp"], default=None)

    def _find(self, key: WorkloadKey) -> Workload:
        workload = self._workloads.get(key)
        if workload is None:
            raise NotFound(
                "RESOURCE_NOT_FOUND", f"there is no {key.name}", metadata={"resource": key.name}
            )
        return workload

    # Calls that may be made again.

    async def _create(self, kind: Kind, body: Object) -> Object:
        """Creates an object, or answers the one of its name that is there."""
        try:
            return await self._cluster.create(kind, body)
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
        return await self._cluster.get(kind, body["metadata"]["name"])

    async def _give(self, job: Object, secrets: Secrets) -> None:
        """Gives a Job its Secret, unless it has it; one of an earlier Job of its name goes."""
        body = manifests.secret(job, secrets)
        found = await self._create(Kind.SECRET, body)
        owner = found["metadata"].get("ownerReferences", [{}])[0].get("uid")
        if owner != job["metadata"]["uid"]:
            name, uid = found["metadata"]["name"], found["metadata"]["uid"]
            await self._cluster.delete(Kind.SECRET, name, uid=uid)
            await self._cluster.create(Kind.SECRET, body)


def _job_uid(pod: Object) -> str | None:
    """The Job that controls a pod."""
    owners = pod["metadata"].get("ownerReferences") or ()
    jobs = (o["uid"] for o in owners if o.get("controller") and o["kind"] == "Job")
    return next(jobs, None)


async def _answered(call: Awaitable[T]) -> T:
    try:
        return await call
    except ApiError as error:
        raise _mesh_error(error) from error


def _mesh_error(error: ApiError) -> MeshError:
    """What a refusal means to whoever submitted: try later, or change something."""
    words = f"the cluster refuses it: {error.message}"
    if error.status == _INVALID:
        return InvalidArgument("INVALID_FIELDS", words)
    if error.status == _FORBIDDEN and "exceeded quota" in error.message:
        return ResourceExhausted("QUOTA_EXCEEDED", words, retry_after_s=_QUOTA_S)
    if error.status in _REFUSED and error.status != _BUSY:
        return FailedPrecondition("WORKLOAD_REFUSED", words)
    return Unavailable(
        "UPSTREAM_UNAVAILABLE",
        error.message,
        metadata={"service": "Kubernetes"},
        retry_after_s=error.retry_after_s or _RETRY_S,
    )
