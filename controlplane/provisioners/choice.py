"""Which provisioner the settings ask for."""

import sys
from typing import Protocol
from uuid import UUID

from controlplane.config import Settings
from controlplane.provisioners import Provisioner
from controlplane.provisioners.manifests import Cluster
from controlplane.provisioners.processes import ProcessProvisioner, ProcessSettings
from controlplane.version import server_version


class Endpoints(Protocol):
    """Where the control plane's listeners are reached, once they are bound."""

    @property
    def edge(self) -> str: ...

    @property
    def mesh(self) -> str: ...


def make_provisioner(
    settings: Settings, endpoints: Endpoints, control_plane: UUID
) -> Provisioner | None:
    """The provisioner that is asked for; None where this control plane runs no workspaces."""
    if settings.provisioner == "processes":
        return ProcessProvisioner(_processes(settings, endpoints))
    if settings.provisioner == "kubernetes":
        return _kubernetes(settings, endpoints, control_plane)
    return None


def _processes(settings: Settings, endpoints: Endpoints) -> ProcessSettings:
    return ProcessSettings(
        directory=(settings.workspaces_dir or settings.data_dir / "workspaces").absolute(),
        versions=settings.workspace_versions or {server_version(): sys.executable},
        host_names=settings.host_names,
        address=settings.edge_address.rpartition(":")[0],
        endpoints=lambda: (endpoints.edge, endpoints.mesh),
    )


def _kubernetes(settings: Settings, endpoints: Endpoints, control_plane: UUID) -> Provisioner:
    # Here, because the client takes a third of a second to import, and few need it.
    from controlplane.provisioners.kubernetes import KubernetesProvisioner, KubernetesSettings

    cluster = Cluster(
        namespace=settings.kubernetes_namespace,
        control_plane=control_plane,
        images=settings.workspace_versions,
        storage=settings.kubernetes_storage,
        storage_class=settings.kubernetes_storage_class,
        public_url=settings.public_url,
    )
    return KubernetesProvisioner(
        KubernetesSettings(
            cluster,
            endpoints=lambda: (endpoints.edge, endpoints.mesh),
            kubeconfig=settings.kubeconfig,
        )
    )
