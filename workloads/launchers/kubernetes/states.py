"""What a Job and its pod say of their workload, in our states and in words that people know.

Pure: one observation in, one workload out. What an object does not say is not guessed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from workloads.launchers.kubernetes import manifests, podspec
from workloads.launchers.kubernetes.api import Object
from workloads.lifecycle import WorkloadState
from workloads.model import Exit, Workload

_KILLED = 128
_LAST_SIGNAL = 64
# What a node says of a container of which it knows no more when its pod is over.
_UNSEEN = "ContainerStatusUnknown"
# Reasons of containers that tell nothing beside the one of their pod.
_SILENT = frozenset({None, "", "Error", "Completed", _UNSEEN})
# Why the cluster itself ended a pod (type DisruptionTarget), as a person would say it.
_DISRUPTIONS = {
    "PreemptionByScheduler": "Its node was needed for a workload of higher priority.",
    "DeletionByTaintManager": "Its node was lost, or may run it no longer.",
    "EvictionByEvictionAPI": "It was evicted: its node is being emptied.",
    "DeletionByPodGC": "Its node is gone.",
    "TerminationByKubelet": "Its node was short of resources, or is shutting down.",
}


@dataclass(frozen=True, slots=True)
class _Seen:
    """How far a workload has come, and why."""

    state: WorkloadState
    reason: str = ""
    exit: Exit | None = None


def observe(
    job: Object, pod: Object | None, *, is_pod_gone: bool = False, refused: str = ""
) -> Workload:
    """A workload as its Job and its pod are; a pod that is gone is as it was last.

    `refused` is why the cluster does not make the pod.

    A Job that failed while its pod seems well means that the news of the pod are late: the two
    are followed side by side. LOST is a suspicion, until somebody has asked for the pod.
    Raises KeyError, TypeError, ValueError where the Job is not of our making.
    """
    key, spec = manifests.identity(job)
    metadata = job["metadata"]
    seen = _seen(job, pod or {}, has_pod=pod is not None and not is_pod_gone)
    if refused and pod is None and seen.state is WorkloadState.PENDING:
        seen = replace(seen, reason=f"Its cluster does not make its pod: {refused}")
    container = _container(pod or {})
    started = container.get("running") or container.get("terminated") or {}
    return Workload(
        key=key,
        uid=UUID(metadata["uid"]),
        spec=spec,
        state=seen.state,
        create_time=_time(metadata["creationTimestamp"]),
        reason=seen.reason,
        exit=seen.exit,
        start_time=_time_or_none(started.get("startedAt")),
        end_time=_end(job, container) if seen.state.is_terminal else None,
        engine_reference=_reference(job, pod),
        are_limits_enforced=True,
    )


def _seen(job: Object, pod: Object, *, has_pod: bool) -> _Seen:
    cancelled = job["metadata"].get("annotations", {}).get(manifests.CANCELLED)
    if _condition(job, "Complete"):
        return _Seen(WorkloadState.SUCCEEDED, exit=Exit("It ended."))
    phase = pod.get("status", {}).get("phase")
    is_over = phase in ("Succeeded", "Failed")
    if phase == "Succeeded":
        return _Seen(WorkloadState.SUCCEEDED, exit=Exit("It ended."))
    is_ended = is_over or (not has_pod and _condition(job, "Failed") is not None)
    if cancelled is not None:
        is_ended = (
            is_ended
            or _never_starts(pod)
            or (not has_pod and _condition(job, "Suspended") is not None)
        )
        state = WorkloadState.CANCELLED if is_ended else WorkloadState.CANCELLING
        return _Seen(state, cancelled, Exit(cancelled) if is_ended else None)
    if is_ended:
        return _failed(job, pod)
    return _alive(job, pod)


def _never_starts(pod: Object) -> bool:
    """Whether a pod was deleted before a node took it; the cluster may keep it for a while."""
    return "deletionTimestamp" in pod.get("metadata", {}) and "nodeName" not in pod["spec"]


def _failed(job: Object, pod: Object) -> _Seen:
    exit_ = _exit(pod)
    if exit_ is None and pod.get("status", {}).get("phase") == "Failed":
        exit_ = Exit("Its pod failed, and its cluster does not say why.")
    if exit_ is not None:
        return _Seen(WorkloadState.FAILED, exit_.message, exit_)
    condition = _condition(job, "Failed") or {}
    words = f"Its pod is gone, and nobody saw it end: {condition.get('message', 'no reason')}."
    return _Seen(WorkloadState.LOST, words, Exit(words))


def _alive(job: Object, pod: Object) -> _Seen:
    if not pod:
        if job["spec"].get("suspend"):
            queue = job["metadata"]["labels"].get(manifests.KUEUE)
            words = (
                f"It waits in the queue {queue} of its cluster." if queue else "It is suspended."
            )
            return _Seen(WorkloadState.QUEUED, words)
        return _Seen(WorkloadState.PENDING, "Its cluster has not made its pod yet.")
    container = _container(pod)
    if "running" in container:
        return _Seen(WorkloadState.RUNNING, "Its node does not answer." if _is_silent(pod) else "")
    return _Seen(WorkloadState.PENDING, " ".join(_obstacles(pod, container)))


def _is_silent(pod: Object) -> bool:
    """Whether a pod's node is not heard of.

    The cluster then calls its pods unready, and says no more: what the node said last stands
    beside it. A node itself calls no pod unready whose containers are ready.
    """
    is_unready = _condition(pod, "Ready", status="False") is not None
    return is_unready and _condition(pod, "ContainersReady") is not None


def _obstacles(pod: Object, container: Object) -> Iterator[str]:
    """Why a pod has not started, in the cluster's own words."""
    scheduled = _condition(pod, "PodScheduled", status="False")
    if scheduled:
        yield f"No node can take it: {scheduled.get('message', 'no reason was given')}"
    waiting = container.get("waiting")
    if waiting:
        reason = waiting.get("reason", "")
        message = waiting.get("message", "")
        yield f"{reason}: {message}" if message else f"{reason}."
    elif not scheduled:
        yield "Its node prepares it."


def _exit(pod: Object) -> Exit | None:
    """How a pod ended that did not succeed; None where it does not say."""
    ended = _container(pod).get("terminated") or {}
    code = int(ended.get("exitCode") or 0)
    signal = int(ended.get("signal") or _signal(code))
    words = " ".join(_causes(pod, ended))
    is_timeout = _reason(pod) == "DeadlineExceeded"
    if not (words or ended):
        return None
    return Exit(
        words
        or f"It ended with exit code {code}" + (f", killed by signal {signal}." if signal else "."),
        code=code,
        signal=signal,
        is_oom=ended.get("reason") == "OOMKilled",
        is_timeout=is_timeout,
    )


def _signal(code: int) -> int:
    """The signal that an exit code stands for; 0 where it is one of the program's own."""
    signal = code - _KILLED
    return signal if 0 < signal <= _LAST_SIGNAL else 0


def _causes(pod: Object, ended: Object) -> Iterator[str]:
    """Why the cluster ended a pod: none of it where the program ended by itself."""
    reason = _reason(pod)
    if reason == "DeadlineExceeded":
        limit = pod["spec"].get("activeDeadlineSeconds")
        yield f"It ran out of time: it has {limit} s on its node, the pull of its image included."
    elif reason:
        yield f"{reason}: {pod['status'].get('message', 'its cluster gave no reason')}"
    if ended.get("reason") == "OOMKilled":
        limit = pod["spec"]["containers"][0].get("resources", {}).get("limits", {}).get("memory")
        bound = f"its limit is {_mebibytes(limit)}" if limit else "its node had no more"
        yield f"It ran out of memory: {bound}."
    elif ended.get("reason") not in (_SILENT if reason else _SILENT - {_UNSEEN}):
        yield f"{ended['reason']}: {ended.get('message', 'its cluster gave no reason')}"
    disruption = _condition(pod, "DisruptionTarget")
    if disruption:
        why = disruption.get("reason", "")
        yield _DISRUPTIONS.get(why) or f"{why}: {disruption.get('message', '')}"
    elif pod and _never_starts(pod):
        yield "It was deleted before a node took it."


def _mebibytes(quantity: str) -> str:
    return f"{int(quantity) >> 20} MiB" if quantity.isdecimal() else quantity


def _condition(thing: Object, type_: str, *, status: str = "True") -> Object | None:
    conditions = thing.get("status", {}).get("conditions") or ()
    found = (c for c in conditions if c["type"] == type_ and c["status"] == status)
    return next(found, None)


def _container(pod: Object) -> Object:
    """The state of the workload's own container; whatever a mesh put beside it is none of ours."""
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    state: Object = next(
        (s.get("state") or {} for s in statuses if s["name"] == podspec.CONTAINER), {}
    )
    return state


def _reason(pod: Object) -> str:
    return str(pod.get("status", {}).get("reason") or "")


def _end(job: Object, container: Object) -> datetime | None:
    terminated = container.get("terminated") or {}
    verdict = _condition(job, "Complete") or _condition(job, "Failed") or {}
    suspended = _condition(job, "Suspended") or {}
    moments = (
        terminated.get("finishedAt"),
        verdict.get("lastTransitionTime"),
        suspended.get("lastTransitionTime"),
        job["metadata"]["creationTimestamp"],
    )
    return _time(next(moment for moment in moments if moment))


def _reference(job: Object, pod: Object | None) -> str:
    name = f"job {job['metadata']['namespace']}/{job['metadata']['name']}"
    node = (pod or {}).get("spec", {}).get("nodeName")
    return f"{name} on {node}" if node else name


def _time(text: Any) -> datetime:
    return datetime.fromisoformat(text)


def _time_or_none(text: Any) -> datetime | None:
    return _time(text) if text else None
