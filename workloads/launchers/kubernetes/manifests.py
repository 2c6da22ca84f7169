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
from workloads.launchers.kubernetes.settings import KubernetesSettings
from workloads.model import Secrets, WorkloadKey, WorkloadSpec

CONTAINER = "workload"
MANAGER = "weft.dev/manager"
OWNER = "weft.dev/owner"
WORKLOAD = "weft.dev/workload"
SPEC = "weft.dev/spec"
# Set when a workload is asked to end: why.
CANCELLED = "weft.dev/cancelled"
KUEUE = "kueue.x-k8s.io/queue-name"
# Of all annotations together the API server takes 256 KiB.
_MAX_SPEC_BYTES = 240 << 10
_SECRETS_AT = "/run/weft"
_SCRATCH = {"home": "/home/weft", "tmp": "/tmp"}  # noqa: S108  # a mount of the pod's own


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
    """The Job of a workload. Raises InvalidArgument where it is larger than a cluster takes."""
    name = job_name(key, spec)
    labels = labels_of(key, settings) | _told(spec)
    content = encoded(spec)
    if len(content.encode()) > _MAX_SPEC_BYTES:
        raise InvalidArgument(
            "INVALID_FIELDS",
            f"workload: takes more than the {_MAX_SPEC_BYTES >> 10} KiB that a cluster keeps of it",
        )
    queued = {KUEUE: settings.queue} if settings.queue else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels | queued, "annotations": {SPEC: content}},
        "spec": {
            # Whether it is tried again is for its workspace to say, which knows the run.
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            # Until a pod is truly over, no other takes its place.
            "podReplacementPolicy": "Failed",
            "suspend": bool(settings.queue),
            "template": {
                "metadata": {"labels": labels},
                "spec": _pod(name, spec, secrets, settings),
            },
        },
    }


def secret(owner: Object, secrets: Secrets) -> Object:
    """The Secret of a Job's pod; it goes with the Job."""
    metadata = owner["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": metadata["name"],
            "labels": {MANAGER: metadata["labels"][MANAGER]},
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
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
    project, _, run = spec.run.removeprefix("projects/").partition("/runs/")
    attempt = str(spec.attempt) if spec.attempt else ""
    told = {"kind": spec.kind.lower(), "project": project, "run": run, "step": spec.step}
    told["attempt"] = attempt
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
    metadata = job["metadata"]
    labels = metadata["labels"]
    key = WorkloadKey(UUID(labels[OWNER]), labels[WORKLOAD])
    spec = WorkloadSpec.from_json(json.loads(metadata["annotations"][SPEC]))
    if metadata["name"] != job_name(key, spec):
        message = f"a Job of {key} has the name {job_name(key, spec)}"
        raise ValueError(message)
    return key, spec


def _pod(name: str, spec: WorkloadSpec, secrets: Secrets, settings: KubernetesSettings) -> Object:
    volumes: list[Object] = [
        {"name": volume, "emptyDir": {"sizeLimit": settings.scratch_bytes}} for volume in _SCRATCH
    ]
    mounts: list[Object] = [{"name": name, "mountPath": path} for name, path in _SCRATCH.items()]
    if secrets.files:
        volumes.append({"name": "secrets", "secret": {"secretName": name, "defaultMode": 0o400}})
        mounts.append({"name": "secrets", "mountPath": _SECRETS_AT, "readOnly": True})
    pod: Object = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": settings.grace_s,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": settings.user_id,
            "runAsGroup": settings.user_id,
            # Files of a Secret belong to root; the group is what lets the user read them.
            "fsGroup": settings.user_id,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(spec, secrets, settings, mounts)],
        "volumes": volumes,
        "nodeSelector": dict(settings.node_selector),
        "tolerations": [dict(each) for each in settings.tolerations],
        "imagePullSecrets": [{"name": each} for each in settings.pull_secrets],
    }
    if spec.timeout_s is not None:
        # Of the pod, not of the Job: waiting for a node is not running.
        pod["activeDeadlineSeconds"] = max(1, round(spec.timeout_s))
    if settings.service_account:
        pod["serviceAccountName"] = settings.service_account
    if settings.priority_class:
        pod["priorityClassName"] = settings.priority_class
    return pod


def _container(
    spec: WorkloadSpec, secrets: Secrets, settings: KubernetesSettings, mounts: list[Object]
) -> Object:
    paths = {variable: f"{_SECRETS_AT}/{variable}" for variable in secrets.files}
    env = {"HOME": _SCRATCH["home"], **spec.env, **paths}
    limits = _limits(spec, settings)
    return {
        "name": CONTAINER,
        "image": spec.image or settings.image,
        "command": ["python", *map(_literal, spec.args)],
        "workingDir": _SCRATCH["home"],
        "env": [{"name": name, "value": _literal(value)} for name, value in env.items()],
        "resources": {"limits": limits, "requests": limits},
        "volumeMounts": mounts,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }


def _limits(spec: WorkloadSpec, settings: KubernetesSettings) -> Object:
    wanted = {
        "cpu": f"{spec.cpu_millis}m" if spec.cpu_millis else "",
        "memory": str(spec.memory_bytes or ""),
        "ephemeral-storage": str(spec.ephemeral_storage_bytes or ""),
        spec.gpu_resource or settings.gpu_resource: str(spec.gpu_count or ""),
    }
    return {name: quantity for name, quantity in wanted.items() if quantity}


def _literal(value: str) -> str:
    """A value that the kubelet takes as it is, instead of filling in other variables."""
    return value.replace("$(", "$$(")
