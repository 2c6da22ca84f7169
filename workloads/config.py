"""Settings of the workload manager."""

import os
import pwd
import sys
from pathlib import Path
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field, PositiveInt, model_validator
from pydantic_settings import SettingsConfigDict

from meshkit.config import MIB, MemberSettings


def _home() -> str:
    return pwd.getpwuid(os.getuid()).pw_dir


class WorkloadsSettings(MemberSettings):
    """Settings of the workload manager; each is `WEFT_WORKLOADS_` and its name."""

    model_config = SettingsConfigDict(env_prefix="WEFT_WORKLOADS_")

    engine: Literal["process", "kubernetes"] = "process"
    """What executes workloads: processes of this machine, or Jobs of a Kubernetes cluster."""
    state_dir: Path
    """Directory of what the manager keeps: with local processes all about its workloads. Private to
    this user."""
    slots: int = Field(default=os.cpu_count() or 1, ge=1)
    """Workloads that execute at once, and as many steps of runs; the others are queued."""
    project_slots: dict[str, PositiveInt] = Field(default_factory=dict)
    """How many of the slots a project may have, and as many for its steps: `{"vision": 2}`. With
    Kubernetes its quotas and queues are the limit."""
    gpus: int | None = Field(default=None, ge=0)
    """GPUs that local processes share; counted by the drivers' own word if not said."""
    max_queued: int = Field(default=10_000, ge=1)
    """Workloads that may be queued before more are refused."""
    log_limit_bytes: int = Field(default=256 * MIB, ge=MIB)
    """Size at which the log of one workload stops growing, and says so."""
    grace_s: float = Field(default=10, ge=0)
    """Between SIGTERM and SIGKILL where a timeout, or a shutdown of the host, ends a workload."""
    end_on_stop: bool = False
    """Whether stopping the manager ends its workloads, instead of leaving them to the next one."""
    ttl_s: float = Field(default=86_400, ge=0)
    """How long an ended workload is kept where it does not say so itself."""
    workload_path: str = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    """PATH of workloads."""
    workload_home: str = Field(default_factory=_home)
    """HOME of workloads."""
    workload_lang: str = "C.UTF-8"
    """LANG of workloads."""
    cgroup_dir: str = ""
    """A cgroup v2 directory delegated to this user; without one no limit is enforced."""
    allowed_workspaces: tuple[UUID, ...] = ()
    """Workspaces that may always call, beside those that the control plane names."""
    advertised_mesh_address: str = ""
    """Where workspaces reach the mesh listener, if not at its own address."""
    kubernetes_config: str = ""
    """A kubeconfig; without one the service account of the manager's own pod signs in."""
    kubernetes_context: str = ""
    """Which context of the kubeconfig counts, if not its current one."""
    kubernetes_namespace: str = "weft-runs"
    """The namespace of the Jobs."""
    kubernetes_project_namespaces: dict[str, str] = Field(default_factory=dict)
    """Namespaces of projects that have one of their own, whose ResourceQuota is then their limit:
    `{"vision": "weft-vision"}`. The manager needs the same rights there."""
    kubernetes_manager: str = "weft"
    """Tells the Jobs of managers apart that share a namespace; replicas of one have the same."""
    kubernetes_image: str = ""
    """The image of the pods: with `python` on its path, and the SDK. Required with Kubernetes."""
    kubernetes_image_registries: tuple[str, ...] = ()
    """Whose images workloads may name beside it: `registry.example`, `registry.example/team`. None
    by default, and never an image that does not say its registry."""
    kubernetes_image_digests: bool = False
    """Whether the images that workloads name must be pinned by `@sha256:...`."""
    kubernetes_gpu_resource: str = "nvidia.com/gpu"
    """What the cluster calls its GPUs, where a workload does not say which it needs."""
    kubernetes_allowed_gpu_resources: tuple[str, ...] = (
        "nvidia.com/gpu",
        "nvidia.com/gpu.shared",
        "nvidia.com/mig-*",
        "amd.com/gpu",
        "gpu.intel.com/*",
        "habana.ai/gaudi",
        "google.com/tpu",
        "aws.amazon.com/neuron*",
    )
    """What else users may call theirs; a name that ends in `*` stands for all that begin so. Other
    devices of nodes are not for workloads."""
    kubernetes_can_grow: bool = False
    """Whether nodes are added when pods find no room: what is too large for all that are there is
    then no reason to refuse a workload, only to warn."""
    kubernetes_user_id: int = Field(default=65532, ge=1)
    """User and group of the pods' processes; never root."""
    kubernetes_service_account: str = ""
    """The service account of the pods; its token is not mounted."""
    kubernetes_pull_secrets: tuple[str, ...] = ()
    """Names of the Secrets with which images are pulled."""
    kubernetes_image_pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = ""
    """When nodes ask the registry for an image, where a workload does not say. Where empty always
    for the tag `latest` or none, and else once. With `Always` no workload may say less, so that
    nobody starts an image that somebody else pulled."""
    kubernetes_queue: str = ""
    """A LocalQueue of Kueue, which then says when a Job may start."""
    kubernetes_project_queues: dict[str, str] = Field(default_factory=dict)
    """LocalQueues of projects that have one of their own."""
    kubernetes_priority_class: str = ""
    """The priority class of the pods."""
    kubernetes_runtime_class: str = ""
    """The runtime class of the pods."""
    kubernetes_allowed_priority_classes: tuple[str, ...] = ()
    """Priority classes that users may choose instead; like all that they may choose, none by
    default."""
    kubernetes_allowed_queues: tuple[str, ...] = ()
    """LocalQueues of Kueue that users may choose instead."""
    kubernetes_allowed_runtime_classes: tuple[str, ...] = ()
    """Runtime classes that users may choose instead."""
    kubernetes_allowed_taints: tuple[str, ...] = ()
    """Keys of taints that users' pods may tolerate."""
    kubernetes_allowed_claims: tuple[str, ...] = ()
    """PersistentVolumeClaims of the namespace that users may mount."""
    kubernetes_allowed_config_maps: tuple[str, ...] = ()
    """ConfigMaps of the namespace that users may mount."""
    kubernetes_allowed_marks: tuple[str, ...] = ()
    """Keys of labels and annotations that users may give pods; `example.com/` means all of that
    domain. Some mean more than they say: those of service meshes put containers into pods."""
    kubernetes_node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels that a node must have."""
    kubernetes_tolerations: tuple[dict[str, Any], ...] = ()
    """Taints that pods tolerate, as in a pod's specification."""

    @model_validator(mode="after")
    def _has_an_image(self) -> Self:
        if self.engine == "kubernetes" and not self.kubernetes_image:
            message = "set kubernetes_image: an image with Python and the SDK that pods run"
            raise ValueError(message)
        return self
