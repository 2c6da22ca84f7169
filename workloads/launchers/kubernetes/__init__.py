"""The engine for more than one machine: Jobs in a namespace of a Kubernetes cluster."""

import math

from workloads.config import WorkloadsSettings
from workloads.launchers.kubernetes.api import connect
from workloads.launchers.kubernetes.launcher import KubernetesLauncher
from workloads.launchers.kubernetes.settings import Allowed, KubernetesSettings


async def build(settings: WorkloadsSettings) -> KubernetesLauncher:
    """The launcher of a manager; raises ConfigException where nothing says how to sign in."""
    cluster = await connect(
        settings.kubernetes_namespace,
        kubeconfig=settings.kubernetes_config,
        context=settings.kubernetes_context,
    )
    looks = KubernetesSettings(
        image=settings.kubernetes_image,
        image_registries=settings.kubernetes_image_registries,
        are_digests_required=settings.kubernetes_image_digests,
        gpu_resource=settings.kubernetes_gpu_resource,
        manager=settings.kubernetes_manager,
        service_account=settings.kubernetes_service_account,
        queue=settings.kubernetes_queue,
        namespaces=settings.kubernetes_project_namespaces,
        queues=settings.kubernetes_project_queues,
        priority_class=settings.kubernetes_priority_class,
        runtime_class=settings.kubernetes_runtime_class,
        allowed=Allowed(
            priority_classes=settings.kubernetes_allowed_priority_classes,
            queues=settings.kubernetes_allowed_queues,
            runtime_classes=settings.kubernetes_allowed_runtime_classes,
            taints=settings.kubernetes_allowed_taints,
            claims=settings.kubernetes_allowed_claims,
            config_maps=settings.kubernetes_allowed_config_maps,
            gpu_resources=settings.kubernetes_allowed_gpu_resources,
            marks=settings.kubernetes_allowed_marks,
        ),
        user_id=settings.kubernetes_user_id,
        pull_secrets=settings.kubernetes_pull_secrets,
        image_pull_policy=settings.kubernetes_image_pull_policy,
        node_selector=settings.kubernetes_node_selector,
        tolerations=settings.kubernetes_tolerations,
        can_grow=settings.kubernetes_can_grow,
        grace_s=math.ceil(settings.grace_s),
    )
    return KubernetesLauncher(cluster, looks)
