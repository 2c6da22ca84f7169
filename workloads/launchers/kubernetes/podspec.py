"""The pod of a workload: what Pod Security calls "restricted", with what was wished for in it."""

from workloads.launchers.kubernetes.api import Object
from workloads.launchers.kubernetes.settings import KubernetesSettings
from workloads.model import Secrets, WorkloadSpec
from workloads.pods import Toleration, Volume

CONTAINER = "workload"
# Ours, by the names of their volumes.
MOUNTS = {"home": "/home/weft", "tmp": "/tmp", "secrets": "/run/weft"}  # noqa: S108  # a mount
_SCRATCH = ("home", "tmp")


def pod(name: str, spec: WorkloadSpec, secrets: Secrets, settings: KubernetesSettings) -> Object:
    """The specification of the pod of the Job of this name."""
    volumes, mounts = _volumes(name, spec, secrets, settings)
    made: Object = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": settings.grace_s,
        "securityContext": pod_security(settings),
        "containers": [_container(spec, secrets, settings, mounts)],
        "volumes": volumes,
        **placed(spec, settings),
        "imagePullSecrets": [{"name": each} for each in settings.pull_secrets],
    }
    if spec.timeout_s is not None:
        # Of the pod, not of the Job: waiting for a node is not running.
        made["activeDeadlineSeconds"] = max(1, round(spec.timeout_s))
    named = {
        "serviceAccountName": settings.service_account,
        "priorityClassName": spec.pod.priority_class or settings.priority_class,
        "runtimeClassName": spec.pod.runtime_class or settings.runtime_class,
    }
    return made | {field: value for field, value in named.items() if value}


def placed(spec: WorkloadSpec, settings: KubernetesSettings) -> Object:
    """Which nodes a pod may go to."""
    return {
        "nodeSelector": {**settings.node_selector, **spec.pod.node_selector},
        "tolerations": [
            *map(dict, settings.tolerations),
            *map(_toleration, spec.pod.tolerations),
        ],
    }


def pod_security(settings: KubernetesSettings) -> Object:
    """What all containers of a pod run as."""
    return {
        "runAsNonRoot": True,
        "runAsUser": settings.user_id,
        "runAsGroup": settings.user_id,
        # Files of a Secret belong to root; the group is what lets the user read them.
        "fsGroup": settings.user_id,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Object:
    """What a container may do."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def _volumes(
    name: str, spec: WorkloadSpec, secrets: Secrets, settings: KubernetesSettings
) -> tuple[list[Object], list[Object]]:
    """Volumes, and where they are mounted: temporary files, secrets, and what was wished for."""
    sources: dict[str, Object] = {
        each: {"emptyDir": {"sizeLimit": settings.scratch_bytes}} for each in _SCRATCH
    }
    mounts: list[Object] = [{"name": each, "mountPath": MOUNTS[each]} for each in _SCRATCH]
    if secrets.files:
        sources["secrets"] = {"secret": {"secretName": name, "defaultMode": 0o400}}
        mounts.append({"name": "secrets", "mountPath": MOUNTS["secrets"], "readOnly": True})
    for number, volume in enumerate(spec.pod.volumes):
        own = f"own-{number}"
        sources[own] = _source(volume, settings)
        mount: Object = {"name": own, "mountPath": volume.mount_path}
        if volume.is_read_only or volume.config_map:
            mount["readOnly"] = True
        mounts.append(mount)
    return [{"name": each, **source} for each, source in sources.items()], mounts


def _source(volume: Volume, settings: KubernetesSettings) -> Object:
    if volume.claim:
        return {"persistentVolumeClaim": {"claimName": volume.claim}}
    if volume.config_map:
        return {"configMap": {"name": volume.config_map}}
    medium = {"medium": "Memory"} if volume.is_in_memory else {}
    return {"emptyDir": {"sizeLimit": volume.size_bytes or settings.scratch_bytes, **medium}}


def _toleration(toleration: Toleration) -> Object:
    value, effect = toleration.value, toleration.effect
    made: Object = {"key": toleration.key, "operator": "Equal" if value else "Exists"}
    return made | ({"value": value} if value else {}) | ({"effect": effect} if effect else {})


def _container(
    spec: WorkloadSpec, secrets: Secrets, settings: KubernetesSettings, mounts: list[Object]
) -> Object:
    paths = {variable: f"{MOUNTS['secrets']}/{variable}" for variable in secrets.files}
    env = {"HOME": MOUNTS["home"], **spec.env, **paths}
    limits = _limits(spec, settings)
    policy = spec.pod.image_pull_policy or settings.image_pull_policy
    return {
        "name": CONTAINER,
        "image": spec.image or settings.image,
        **({"imagePullPolicy": policy} if policy else {}),
        "command": ["python", *map(_literal, spec.args)],
        "workingDir": MOUNTS["home"],
        "env": [{"name": name, "value": _literal(value)} for name, value in env.items()],
        "resources": {"limits": limits, "requests": limits},
        "volumeMounts": mounts,
        "securityContext": container_security(),
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
