"""What a workload is in a cluster: a Job that is tried once, and a Secret that it owns.

Nothing is kept beside them: identity and specification stand on the Job, so that a manager that
starts anew reads back all it needs. Pods satisfy the Pod Security standard "restricted".
"""

import hashlib
import json
import re
from uuid import UUID

from meshkit.errors import InvalidArgument
from workloads.launchers.kubernetes.api import Object
from workloads.launchers.kubernetes.podspec import pod
from workloads.launchers.kubernetes.settings import KubernetesSettings
from workloads.model import Secrets, WorkloadKey, WorkloadSpec, project_of

MANAGER = "weft.dev/manager"
OWNER = "weft.dev/owner"
WORKLOAD = "weft.dev/workload"
PROJECT = "weft.dev/project"
SPEC = "weft.dev/spec"
# Set when a workload is asked to end: why.
CANCELLED = "weft.dev/cancelled"
KUEUE = "kueue.x-k8s.io/queue-name"
# Of all annotations together the API server takes 256 KiB.
_MAX_SPEC_BYTES = 240 << 10


def job_name(key: WorkloadKey, spec: WorkloadSpec) -> str:
    """The same for the same workload: submitting twice is one Job. At most 63 characters.

    What identifies it is the digest of the id that its workspace chose, which follows from run,
    step and attempt; the rest is for people who look at the cluster.
    """
    told = f"{_last(spec.run)}-{spec.step}-{spec.attempt}" if spec.kind == "STEP" else key.id
    readable = re.sub(r"[^a-z0-9]+", "-", told.lower())[:40].strip("-")
    digest = hashlib.sha256(str(key).encode()).hexdigest()[:12]
    return f"weft-{readable}-{digest}"


def job(
    key: WorkloadKey, spec: WorkloadSpec, secrets: Secrets, settings: KubernetesSettings
) -> Object:
    """The Job of a workload, as it was wished for: `Restricted` says whether that may be.

    Raises InvalidArgument where it is larger than a cluster takes.
    """
    made = metadata(key, spec, settings)
    if len(made["annotations"][SPEC].encode()) > _MAX_SPEC_BYTES:
        raise InvalidArgument(
            "INVALID_FIELDS",
            f"workload: takes more than the {_MAX_SPEC_BYTES >> 10} KiB that a cluster keeps of it",
        )
    queue = spec.pod.queue or settings.queue_of(project_of(spec))
    queued = {KUEUE: queue} if queue else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**made, "labels": made["labels"] | queued},
        "spec": {
            # Whether it is tried again is for its workspace to say, which knows the run.
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            # Until a pod is truly over, no other takes its place.
            "podReplacementPolicy": "Failed",
            "suspend": bool(queue),
            "template": {
                # Whatever was wished for: what may stand there is judged when all is put together.
                "metadata": {
                    "labels": made["labels"] | spec.pod.labels,
                    "annotations": dict(spec.pod.annotations),
                },
                "spec": pod(made["name"], spec, secrets, settings),
            },
        },
    }


def metadata(key: WorkloadKey, spec: WorkloadSpec, settings: KubernetesSettings) -> Object:
    """The name and the marks of a Job: whose it is, and what was asked for."""
    return {
        "name": job_name(key, spec),
        "labels": labels_of(key, settings) | _told(spec),
        "annotations": {SPEC: encoded(spec)},
    }


def secret(owner: Object, secrets: Secrets) -> Object:
    """The Secret of a Job's pod; it goes with the Job."""
    owned = owner["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": owned["name"],
            "labels": {MANAGER: owned["labels"][MANAGER]},
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "name": owned["name"],
                    "uid": owned["uid"],
                }
            ],
        },
        "immutable": True,
        "stringData": dict(secrets.files),
    }


def labels_of(key: WorkloadKey, settings: KubernetesSettings) -> dict[str, str]:
    return {
        "app.kubernetes.io/managed-by": "weft",
        MANAGER: settings.manager,
        OWNER: str(key.owner),
        WORKLOAD: key.id,
    }


def _told(spec: WorkloadSpec) -> dict[str, str]:
    """What a workload is, for people: `kubectl get pods -l weft.dev/run=r-1`."""
    told = {
        "kind": spec.kind.lower(),
        "project": project_of(spec),
        "run": _last(spec.run),
        "step": spec.step,
        "attempt": str(spec.attempt or ""),
        "build": _last(spec.build),
    }
    return {f"weft.dev/{name}": _label(value) for name, value in told.items() if value}


def _label(value: str) -> str:
    """A value as near as labels of Kubernetes come to it."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", value)[:63].strip("-_.")


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def selector(settings: KubernetesSettings) -> str:
    """Finds the Jobs and pods of one manager."""
    return f"{MANAGER}={settings.manager}"


def encoded(spec: WorkloadSpec) -> str:
    """A specification as its Job keeps it: the same text for the same specification."""
    return json.dumps(spec.to_json(), sort_keys=True, separators=(",", ":"))


def identity(job: Object) -> tuple[WorkloadKey, WorkloadSpec]:
    """Whose Job this is, and what was asked for.

    Raises KeyError, TypeError, ValueError where somebody else made or changed it.
    """
    found = job["metadata"]
    labels = found["labels"]
    key = WorkloadKey(UUID(labels[OWNER]), labels[WORKLOAD])
    spec = WorkloadSpec.from_json(json.loads(found["annotations"][SPEC]))
    if found["name"] != job_name(key, spec):
        message = f"a Job of {key} has the name {job_name(key, spec)}"
        raise ValueError(message)
    return key, spec
