"""What an orchestrator's configuration asks of the workload manager."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from google.protobuf.duration_pb2 import Duration

from meshkit.session import Session
from weftapi.workloads.v1 import workloads_pb2
from workspace import names
from workspace.stacks.flavors import BUILT_IN, MANAGER
from workspace.store import components as component_store
from workspace.store import stacks as store
from workspace.store.schema_stacks import Component


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one run; 0 is no limit."""

    cpu_millis: int = 0
    memory_bytes: int = 0
    timeout_seconds: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    # The uid of the workload manager that its runs go to, where that is said.
    manager: str = ""
    # Of pods: what local processes have none of.
    image: str = ""
    gpu_count: int = 0
    gpu_resource: str = ""
    ephemeral_storage_bytes: int = 0
    pod: Mapping[str, Any] = field(default_factory=dict)
    # Where attempts at steps are executed that do not say it, and how many apart at a time.
    step_isolation: str = ""
    max_step_workloads: int = 0

    def resources(
        self, wanted: Mapping[str, int] = MappingProxyType({})
    ) -> workloads_pb2.WorkloadResources:
        """What a workload may use: what a step wants, else what every run may."""
        return workloads_pb2.WorkloadResources(
            cpu_millis=wanted.get("cpu_millis") or self.cpu_millis,
            memory_bytes=wanted.get("memory_bytes") or self.memory_bytes,
            gpu_count=wanted.get("gpu_count") or self.gpu_count,
            gpu_resource=self.gpu_resource,
            ephemeral_storage_bytes=self.ephemeral_storage_bytes,
        )

    def timeout(self) -> Duration | None:
        return Duration(seconds=self.timeout_seconds) if self.timeout_seconds else None


def orchestrator_of(session: Session, stack: str) -> Component | None:
    """What a stack says of how runs are executed."""
    resolved = store.resolved(session, stack) if stack else None
    return resolved.default("orchestrator") if resolved else None


def limits_of(orchestrator: Component | None) -> Limits:
    """The limits that an orchestrator sets; none where Weft does not know its flavor."""
    if orchestrator is None or orchestrator.flavor not in BUILT_IN:
        return Limits()
    config = dict(orchestrator.config)
    manager = names.last(config.pop(MANAGER, ""))
    return Limits(**config, manager=manager)


def orchestrators_by_manager(session: Session) -> dict[str, list[str]]:
    """The orchestrators ("components/<id>") that name each workload manager, by its uid."""
    found = defaultdict(list)
    for row in component_store.of_type(session, "orchestrator"):
        if manager := limits_of(row).manager:
            found[manager].append(row.name)
    return found
