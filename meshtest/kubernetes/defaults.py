"""What an API server makes of a Job that is written to it: it says what was not said.

Whoever reads an object back, and compares it with what he wrote, meets all of this.
"""

from typing import Any

from meshtest.kubernetes.store import Object

# Maps whose values mean something when they are empty, too.
_KEPT = frozenset({"labels", "annotations", "nodeSelector", "emptyDir", "resources"})
_DECIMAL = ((10**9, "G"), (10**6, "M"), (10**3, "k"))


def of_job(job: Object) -> Object:
    """The Job as it is kept."""
    job = _without_empty(job)
    uid, spec = job["metadata"]["uid"], job["spec"]
    template = spec["template"]
    spec.setdefault("suspend", False)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("manualSelector", False)
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    marks = {"controller-uid": uid, "job-name": job["metadata"]["name"]}
    labels = template.setdefault("metadata", {}).setdefault("labels", {})
    labels |= marks | {f"batch.kubernetes.io/{name}": value for name, value in marks.items()}
    template["metadata"].setdefault("creationTimestamp", None)
    _complete_pod(template["spec"])
    return job


def _complete_pod(pod: Object) -> None:
    pod.setdefault("dnsPolicy", "ClusterFirst")
    pod.setdefault("schedulerName", "default-scheduler")
    pod.setdefault("securityContext", {})
    pod.setdefault("terminationGracePeriodSeconds", 30)
    if "serviceAccountName" in pod:
        pod["serviceAccount"] = pod["serviceAccountName"]
    for container in pod["containers"]:
        _complete_container(container)
    for volume in pod.get("volumes", ()):
        for kind in {"configMap", "secret"} & volume.keys():
            volume[kind].setdefault("defaultMode", 0o644)
        if limit := volume.get("emptyDir", {}).get("sizeLimit"):
            volume["emptyDir"]["sizeLimit"] = _canonical(limit)


def _complete_container(container: Object) -> None:
    is_moving = container["image"].rpartition("/")[2].partition(":")[2] in ("", "latest")
    is_pinned = "@" in container["image"]
    policy = "Always" if is_moving and not is_pinned else "IfNotPresent"
    container.setdefault("imagePullPolicy", policy)
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("resources", {})


def _canonical(amount: int | str) -> str:
    """A bare number becomes a text, which is as short as it can be said exactly."""
    if isinstance(amount, str):
        return amount
    fits = (f"{amount // size}{unit}" for size, unit in _DECIMAL if not amount % size)
    return next(fits, str(amount))


def _without_empty(thing: Any, name: str = "") -> Any:
    """Without the texts, lists and objects that say nothing: those are not kept."""
    if isinstance(thing, list):
        return [_without_empty(each) for each in thing]
    if not isinstance(thing, dict):
        return thing
    kept = {key: _without_empty(value, key) for key, value in thing.items()}
    if name in _KEPT:
        return kept
    return {key: value for key, value in kept.items() if value not in ("", [], {}) or key in _KEPT}
