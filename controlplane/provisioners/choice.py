"""Which provisioner the settings ask for."""

import sys
from typing import Protocol

from controlplane.config import Settings
from controlplane.provisioners import Provisioner
from controlplane.provisioners.processes import ProcessProvisioner, ProcessSettings
from controlplane.version import server_version


class Endpoints(Protocol):
    """Where the control plane's listeners are reached, once they are bound."""

    @property
    def edge(self) -> str: ...

    @property
    def mesh(self) -> str: ...


def make_provisioner(settings: Settings, endpoints: Endpoints) -> Provisioner | None:
    """The provisioner that is asked for; None where this control plane runs no workspaces."""
    if settings.provisioner == "none":
        return None
    return ProcessProvisioner(
        ProcessSettings(
            directory=(settings.workspaces_dir or settings.data_dir / "workspaces").absolute(),
            versions=settings.workspace_versions or {server_version(): sys.executable},
            host_names=settings.host_names,
            address=settings.edge_address.rpartition(":")[0],
            endpoints=lambda: (endpoints.edge, endpoints.mesh),
        )
    )
