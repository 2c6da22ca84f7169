"""One namespace as its API server tells it: Jobs of ours, their pods, and what keeps pods away."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import structlog

from workloads.launchers.kubernetes import manifests, states
from workloads.launchers.kubernetes.api import ApiError, Cluster, Kind, Object
from workloads.launchers.kubernetes.mirror import Mirror
from workloads.launchers.kubernetes.settings import KubernetesSettings
from workloads.lifecycle import WorkloadState
from workloads.model import Workload, WorkloadKey

log = structlog.get_logger()

_RETRY_S = 5.0
# The Job controller says only by events that a quota, or a policy, refuses its pod.
_REFUSED_PODS = "involvedObject.kind=Job,reason=FailedCreate"
# Before the words of events of which a cluster has seen too many to tell them apart.
_REPEATED = "(combined from similar events): "

# Hears of a workload as it is by now, or (then True) that its Job is gone.
Hear = Callable[[Workload, bool], None]


class Namespace:
    """Makes of Jobs, pods and events the workloads that they are."""

    def __init__(self, cluster: Cluster, settings: KubernetesSettings, hear: Hear) -> None:
        self.cluster = cluster
        self._settings = settings
        self._hear = hear
        ours = manifests.selector(settings)
        self.jobs = Mirror(cluster, Kind.JOB, self._hear_job, labelSelector=ours)
        self._pods = Mirror(cluster, Kind.POD, self._hear_pod, labelSelector=ours)
        self._refusals = Mirror(
            cluster, Kind.EVENT, self._hear_refusal, fieldSelector=_REFUSED_PODS
        )
        # By the uid of their Job: its pods as they were last, and the uids of those that are gone.
        self._pods_of: dict[str, dict[str, Object]] = {}
        self._gone: set[str] = set()
        # Jobs whose pods were asked for and are nowhere, and the questions under way.
        self._podless: set[str] = set()
        self._asking: dict[str, asyncio.Task[None]] = {}
        # Whether Jobs and pods were seen: a Job alone does not say how its workload went.
        self._is_whole = False
        # Why a Job's pod is not made, by the uid of the Job.
        self._refused: dict[str, str] = {}

    async def follow(self, stack: AsyncExitStack) -> None:
        """Returns when all was seen once; follows until the stack is left."""
        stack.callback(self._stop_asking)
        for mirror in (self.jobs, self._pods, self._refusals):
            task = asyncio.create_task(mirror.run())
            stack.callback(task.cancel)
            # Without the right to read events there are fewer words, and nothing else.
            if mirror is not self._refusals:
                await mirror.synced.wait()
        self._is_whole = True
        for job in self.jobs.all():
            self._look(job)

    def pod(self, job_uid: str) -> Object | None:
        """The pod of a Job; of several the one that was made last."""
        pods = self._pods_of.get(job_uid, {}).values()
        return max(pods, key=lambda pod: pod["metadata"]["creationTimestamp"], default=None)

    def _stop_asking(self) -> None:
        for task in self._asking.values():
            task.cancel()

    # What the mirrors tell.

    def _hear_job(self, job: Object, is_gone: bool) -> None:  # noqa: FBT001  # as a mirror tells it
        uid = job["metadata"]["uid"]
        if is_gone:
            pods = self._pods_of.pop(uid, {})
            self._gone -= pods.keys()
            self._podless.discard(uid)
            self._refused.pop(uid, None)
        self._look(job, is_gone=is_gone)

    def _hear_pod(self, pod: Object, is_gone: bool) -> None:  # noqa: FBT001  # as a mirror tells it
        uid = _job_uid(pod)
        job = self._job_of(pod)
        if uid is None or job is None:
            return  # somebody else's, whatever its labels say, or what a deleted Job left
        self._pods_of.setdefault(uid, {})[pod["metadata"]["uid"]] = pod
        self._refused.pop(uid, None)
        if is_gone:
            self._gone.add(pod["metadata"]["uid"])
        self._look(job)

    def _hear_refusal(self, event: Object, is_gone: bool) -> None:  # noqa: FBT001  # see above
        uid = event["involvedObject"].get("uid", "")
        words = str(event.get("message") or "its cluster gave no reason").removeprefix(_REPEATED)
        if is_gone:
            # Each refusal is an event of its own, and old ones are forgotten first.
            if self._refused.get(uid) == words:
                del self._refused[uid]
            return
        # Kept whoever's Job it is: news of events may be faster than those of Jobs.
        self._refused[uid] = words
        job = self.jobs.get(event["involvedObject"].get("name", ""))
        if job is not None and job["metadata"]["uid"] == uid:
            self._look(job)

    def _job_of(self, pod: Object) -> Object | None:
        name = next((o["name"] for o in pod["metadata"].get("ownerReferences") or ()), "")
        job = self.jobs.get(name)
        return job if job is not None and job["metadata"]["uid"] == _job_uid(pod) else None

    # What it means.

    def _look(self, job: Object, *, is_gone: bool = False) -> None:
        """Tells what a Job and its pod mean by now; one that cannot be read is nobody's."""
        if not self._is_whole:
            return
        uid = job["metadata"]["uid"]
        pod = self.pod(uid)
        is_pod_gone = pod is not None and pod["metadata"]["uid"] in self._gone
        refused = self._refused.get(uid, "")
        try:
            seen = states.observe(job, pod, is_pod_gone=is_pod_gone, refused=refused)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            log.warning("workload_parked", job=job["metadata"]["name"], error=repr(error))
            return
        if not is_gone and seen.state is WorkloadState.LOST and uid not in self._podless:
            self._ask(job, seen.key)
        else:
            self._hear(seen, is_gone)

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
                found, _ = await self.cluster.list(Kind.POD, labelSelector=selector)
            except ApiError:
                await asyncio.sleep(_RETRY_S)
        uid = job["metadata"]["uid"]
        for pod in found:
            if _job_uid(pod) == uid:
                self._pods_of.setdefault(uid, {})[pod["metadata"]["uid"]] = pod
                self._gone.discard(pod["metadata"]["uid"])
        if not any(_job_uid(pod) == uid for pod in found):
            self._podless.add(uid)
        current = self.jobs.get(job["metadata"]["name"])
        if current is not None and current["metadata"]["uid"] == uid:
            self._look(current)


def _job_uid(pod: Object) -> str | None:
    """The Job that controls a pod."""
    owners = pod["metadata"].get("ownerReferences") or ()
    jobs = (o["uid"] for o in owners if o.get("controller") and o["kind"] == "Job")
    return next(jobs, None)
