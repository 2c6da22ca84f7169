"""What works behind an API server: the Job controller, and the collector of garbage."""

from uuid import uuid4

from tests.fakes.kubernetes.store import Object, Store, now

TRACKED = "batch.kubernetes.io/job-tracking"


class Controllers:
    """Makes what is follow what is asked for, whenever an object changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.listen(self._hear)

    def _hear(self, plural: str, type_: str, thing: Object) -> None:
        if type_ == "DELETED":
            self._collect(thing["metadata"]["uid"])
        if plural == "jobs":
            self._settle(thing["metadata"]["name"])
        elif plural == "pods":
            for owner in thing["metadata"].get("ownerReferences", ()):
                self._settle(owner["name"])

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

    def _settle(self, name: str) -> None:
        job = self._store.objects.get(("jobs", name))
        if job is None or self._is_over(job):
            return
        pods = [pod for pod in self._store.all("pods") if _owner(pod) == job["metadata"]["uid"]]
        if job["spec"]["suspend"]:
            for pod in pods:
                self._end_pod(pod["metadata"]["name"])
            if not pods:
                self._conclude(job, "Suspended", "JobSuspended", "Job suspended")
            return
        over = [pod for pod in pods if pod["status"].get("phase") in ("Succeeded", "Failed")]
        for pod in over:
            self._account(job, pod)
        if not pods and not job["status"].get("failed"):
            self._store.create("pods", _pod_of(job))

    def _account(self, job: Object, pod: Object) -> None:
        """Counts a pod that is over, which may go from then on."""
        name = job["metadata"]["name"]
        if pod["status"]["phase"] == "Succeeded":
            self._conclude(job, "Complete", "CompletionsReached", "Reached expected succeeded pods")
        else:
            self._store.change("jobs", name, lambda t: t["status"].update(failed=1))
            job = self._store.find("jobs", name)
            words = "Job has reached the specified backoff limit"
            self._conclude(job, "Failed", "BackoffLimitExceeded", words)
        self._release(pod["metadata"]["name"])

    def _conclude(self, job: Object, type_: str, reason: str, message: str) -> None:
        condition = {
            "type": type_,
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": now(),
        }
        have = job["status"].get("conditions", [])
        if not any(each["type"] == type_ for each in have):
            name = job["metadata"]["name"]
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
        grace = 0 if is_over else pod["spec"]["terminationGracePeriodSeconds"]
        mark = {"deletionTimestamp": now(), "deletionGracePeriodSeconds": grace}
        self._store.change("pods", name, lambda t: t["metadata"].update(mark))

    def _is_over(self, job: Object) -> bool:
        conditions = job["status"].get("conditions", ())
        return any(each["type"] in ("Complete", "Failed") for each in conditions)


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
            "labels": {**template["metadata"]["labels"], "job-name": name},
            "ownerReferences": [owner],
            "finalizers": [TRACKED],
        },
        "spec": dict(template["spec"]),
        "status": {"phase": "Pending"},
    }


def _owner(pod: Object) -> str:
    return next((o["uid"] for o in pod["metadata"].get("ownerReferences", ())), "")
