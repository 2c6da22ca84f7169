"""What works behind an API server: the Job controller, and the collectors of what nobody needs."""

import asyncio
from uuid import uuid4

from meshtest.kubernetes.store import Object, Store, now

# As many events that differ by a name alone are told apart.
_MOST_EVENTS = 10
TRACKED = "batch.kubernetes.io/job-tracking"
# How often pods are looked for that were deleted before a node had them.
_COLLECT_S = 20.0


class Controllers:
    """Makes what is follow what is asked for, whenever an object changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # How often the pods of Jobs, by name, were refused.
        self._refused: dict[str, int] = {}
        store.listen(self._hear)

    def _hear(self, plural: str, type_: str, thing: Object) -> None:
        if type_ == "DELETED":
            self._collect(thing["metadata"]["uid"])
        elif plural == "pods" and _is_stranded(thing):
            asyncio.get_running_loop().call_later(_COLLECT_S, self._fail, thing)
        if plural == "jobs":
            self._settle(thing["metadata"]["name"])
        elif plural in ("pods", "resourcequotas"):
            for owner in thing["metadata"].get("ownerReferences", ()):
                self._settle(owner["name"])
            for job in self._store.all("jobs"):
                if job["metadata"]["name"] in self._refused:
                    self._settle(job["metadata"]["name"])

    def _collect(self, uid: str) -> None:
        """Deletes what belonged to an object that is gone."""
        for plural, name in list(self._store.objects):
            thing = self._store.objects.get((plural, name))
            owners = thing["metadata"].get("ownerReferences", ()) if thing else ()
            if any(owner["uid"] == uid for owner in owners):
                if plural == "pods":
                    self._release(name)
                    self._end_pod(name)
                else:
                    self._store.remove(plural, name)

    def _fail(self, pod: Object) -> None:
        """As the collector of pods does: the Job controller waits for a pod to be over."""
        name = pod["metadata"]["name"]
        found = self._store.objects.get(("pods", name))
        if found is not None and found["metadata"]["uid"] == pod["metadata"]["uid"]:
            self._store.change("pods", name, lambda t: t["status"].update(phase="Failed"))

    def _settle(self, name: str) -> None:
        job = self._store.objects.get(("jobs", name))
        if job is None or self._is_over(job):
            return
        pods = [pod for pod in self._store.all("pods") if _owner(pod) == job["metadata"]["uid"]]
        if job["spec"].get("suspend"):
            for pod in pods:
                self._end_pod(pod["metadata"]["name"])
            if not pods:
                self._conclude(name, "Suspended", "JobSuspended", "Job suspended")
            return
        over = [pod for pod in pods if pod["status"].get("phase") in ("Succeeded", "Failed")]
        for pod in over:
            self._account(job, pod)
        if not pods and not job["status"].get("failed"):
            self._make_pod(job)

    def _make_pod(self, job: Object) -> None:
        """Makes a Job's pod, unless a quota refuses it: then all that is told of it is an event."""
        pod, name = _pod_of(job), job["metadata"]["name"]
        problem = next(filter(None, map(self._exceeded, self._store.all("resourcequotas"))), "")
        if not problem:
            self._refused.pop(name, None)
            self._store.create("pods", pod)
            return
        words = f'Error creating: pods "{pod["metadata"]["name"]}" is forbidden: {problem}'
        count = self._refused[name] = self._refused.get(name, 0) + 1
        # Each names another pod and is told anew, until there are too many.
        event = f"{name}.{min(count, _MOST_EVENTS)}"
        if count >= _MOST_EVENTS:
            words = f"(combined from similar events): {words}"
        if count > _MOST_EVENTS:
            self._store.change("events", event, lambda t: t.update(count=count, message=words))
            return
        about = {"kind": "Job", "name": name, "uid": job["metadata"]["uid"]}
        self._store.create(
            "events",
            {
                "kind": "Event",
                "metadata": {"name": event},
                "involvedObject": about,
                "reason": "FailedCreate",
                "message": words,
                "count": 1,
                "type": "Warning",
            },
        )

    def _exceeded(self, quota: Object) -> str:
        """What one pod more would exceed of a quota, in the words of its admission."""
        most = int(quota["spec"]["hard"]["pods"])
        over = ("Succeeded", "Failed")
        used = sum(p["status"].get("phase") not in over for p in self._store.all("pods"))
        name, told = quota["metadata"]["name"], f"used: pods={used}, limited: pods={most}"
        return f"exceeded quota: {name}, requested: pods=1, {told}" if used >= most else ""

    def _account(self, job: Object, pod: Object) -> None:
        """Counts a pod that is over, which may go from then on."""
        name = job["metadata"]["name"]
        if pod["status"]["phase"] == "Succeeded":
            before, after = "SuccessCriteriaMet", "Complete"
            told = "CompletionsReached", "Reached expected number of succeeded pods"
        else:
            self._store.change("jobs", name, lambda t: t["status"].update(failed=1))
            before, after = "FailureTarget", "Failed"
            told = "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        # What it will come to is said before its pods are let go, and that it is there after.
        self._conclude(name, before, *told)
        self._release(pod["metadata"]["name"])
        self._conclude(name, after, *told)

    def _conclude(self, name: str, type_: str, reason: str, message: str) -> None:
        job = self._store.find("jobs", name)
        condition = {
            "type": type_,
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": now(),
        }
        have = job["status"].get("conditions", [])
        if not any(each["type"] == type_ for each in have):
            conditions = [*have, condition]
            self._store.change("jobs", name, lambda t: t["status"].update(conditions=conditions))

    def _release(self, name: str) -> None:
        if ("pods", name) in self._store.objects:
            self._store.change("pods", name, lambda t: t["metadata"].update(finalizers=[]))

    def _end_pod(self, name: str) -> None:
        pod = self._store.objects.get(("pods", name))
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return
        is_over = pod["status"].get("phase") in ("Succeeded", "Failed")
        is_anywhere = "nodeName" in pod["spec"]
        grace = pod["spec"]["terminationGracePeriodSeconds"] if is_anywhere and not is_over else 0
        mark = {"deletionTimestamp": now(), "deletionGracePeriodSeconds": grace}
        self._store.change("pods", name, lambda t: t["metadata"].update(mark))

    def _is_over(self, job: Object) -> bool:
        conditions = job["status"].get("conditions", ())
        return any(each["type"] in ("Complete", "Failed") for each in conditions)


def _is_stranded(pod: Object) -> bool:
    """Whether a pod was deleted before a node had it, and something holds it."""
    is_deleted = "deletionTimestamp" in pod["metadata"]
    return is_deleted and "nodeName" not in pod["spec"] and pod["status"]["phase"] == "Pending"


def _pod_of(job: Object) -> Object:
    template, name = job["spec"]["template"], job["metadata"]["name"]
    owner = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": name,
        "uid": job["metadata"]["uid"],
        "controller": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-{uuid4().hex[:5]}",
            "labels": dict(template["metadata"]["labels"]),
            "ownerReferences": [owner],
            "finalizers": [TRACKED],
        },
        "spec": dict(template["spec"]),
        "status": {"phase": "Pending"},
    }


def _owner(pod: Object) -> str:
    return next((o["uid"] for o in pod["metadata"].get("ownerReferences", ())), "")
