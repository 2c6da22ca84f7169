"""What an orchestrator's configuration asks of the workload manager."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.duration_pb2 import Duration

from weftapi.workloads.v1 import workloads_pb2
from workspace.stacks.flavors import BUILT_IN
from workspace.store.schema_stacks import Component


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one run; 0 is no limit."""

    cpu_millis: int = 0
    memory_bytes: int = 0
    timeout_seconds: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    # Of pods: what local processes have none of.
    image: str = ""
    gpu_count: int = 0
    gpu_resource: str = ""
    ephemeral_storage_bytes: int = 0
    pod: Mapping[str, Any] = field(default_factory=dict)

    def resources(self) -> workloads_pb2.WorkloadResources:
        return workloads_pb2.WorkloadResources(
            cpu_millis=self.cpu_millis,
            memory_bytes=self.memory_bytes,
            gpu_count=self.gpu_count,
            gpu_resource=self.gpu_resource,
            ephemeral_storage_bytes=self.ephemeral_storage_bytes,
        )

    def timeout(self) -> Duration | None:
        return Duration(seconds=self.timeout_seconds) if self.timeout_seconds else None


def limits_of(orchestrator: Component | None) -> Limits:
    """The limits that an orchestrator sets; none where Weft does not know its flavor."""
    if orchestrator is None or orchestrator.flavor not in BUILT_IN:
        return Limits()
    return Limits(**orchestrator.config)
