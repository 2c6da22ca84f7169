"""How workloads look in a cluster: what its operator says of all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Allowed:
    """What users may ask of pods: names, and none that is not among them."""

    priority_classes: Sequence[str] = ()
    queues: Sequence[str] = ()
    """LocalQueues of Kueue."""
    runtime_classes: Sequence[str] = ()
    taints: Sequence[str] = ()
    """Keys of taints that may be tolerated."""
    claims: Sequence[str] = ()
    """PersistentVolumeClaims that may be mounted."""
    config_maps: Sequence[str] = ()
    gpu_resources: Sequence[str] = ("nvidia.com/gpu", "amd.com/gpu")
    """Devices of nodes; one that ends in an asterisk stands for all that begin so."""
    marks: Sequence[str] = ()
    """Keys of labels and annotations; one that ends in a slash stands for all of its domain."""


@dataclass(frozen=True, slots=True)
class KubernetesSettings:
    """What every Job of a manager has, beside what its workload asks for."""

    image: str
    """Has `python` on its path and the SDK in it."""
    image_registries: Sequence[str] = ()
    """Whose images workloads may name beside it: a registry's host, or a path below it."""
    are_digests_required: bool = False
    """Whether images that workloads name must be pinned by their digest."""
    gpu_resource: str = "nvidia.com/gpu"
    """What GPUs are called, where a workload does not say."""
    manager: str = "weft"
    """Managers that share a namespace differ in it; replicas of one do not."""
    service_account: str = ""
    """Of the pods; its token is not mounted. The namespace's default where empty."""
    queue: str = ""
    """A LocalQueue of Kueue, which then decides when a Job starts."""
    namespaces: Mapping[str, str] = field(default_factory=dict)
    """Of projects that have one of their own; the others share the manager's."""
    queues: Mapping[str, str] = field(default_factory=dict)
    """LocalQueues of projects that have one of their own."""
    priority_class: str = ""
    runtime_class: str = ""
    allowed: Allowed = Allowed()
    user_id: int = 65532
    """Whom containers run as: user and group, never root."""
    pull_secrets: Sequence[str] = ()
    image_pull_policy: str = ""
    """Where a workload does not say; Kubernetes' own rule where empty."""
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Mapping[str, Any]] = ()
    can_grow: bool = False
    """Whether nodes may be added: then nothing is too large for ever."""
    grace_s: int = 30
    """Between SIGTERM and SIGKILL where the cluster ends a pod."""
    scratch_bytes: int = 10 << 30
    """Of a pod's temporary files; a pod that takes more is evicted."""

    def namespace_of(self, project: str) -> str:
        """The namespace of a project's Jobs; empty where it is the manager's."""
        return self.namespaces.get(project, "")

    def queue_of(self, project: str) -> str:
        """The LocalQueue in which a project's Jobs wait; empty where they do not."""
        return self.queues.get(project, self.queue)

    @property
    def image_pull_policies(self) -> frozenset[str]:
        """What workloads may say: where images are always asked for, nothing less."""
        less = set() if self.image_pull_policy == "Always" else {"IfNotPresent", "Never"}
        return frozenset({"Always"} | less)

    def allows_device(self, name: str) -> bool:
        """Whether workloads may have this resource of nodes."""
        return name == self.gpu_resource or any(
            name.startswith(each[:-1]) if each.endswith("*") else name == each
            for each in self.allowed.gpu_resources
        )
