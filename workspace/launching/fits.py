"""Whether a run, and its steps, could ever have what they ask for: asked before there is a run.

The workload manager says it again of what is submitted; here people hear it at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import structlog
from google.protobuf import json_format

from meshkit.database import Database
from meshkit.errors import FailedPrecondition
from meshkit.session import Session
from weftapi.workloads.v1 import capacity_pb2, workloads_pb2
from weftapi.workspace.v1 import snapshot_types_pb2, step_settings_pb2
from workspace.launching.ports import WorkloadManagers, absent_manager
from workspace.operations.runs import NewRun
from workspace.stacks.orchestrators import Limits, limits_of, orchestrator_of
from workspace.stacks.pods import pod_of
from workspace.store import projects as project_store
from workspace.store import snapshots as store
from workspace.store import stacks as stack_store
from workspace.store.schema_snapshots import Snapshot

log = structlog.get_logger()

# A manager that takes longer is not waited for: nothing is lost, only said later.
_PATIENCE_S = 2.0
_MOST = 256


@dataclass(frozen=True, slots=True)
class Misfits:
    """Why it would never start, and what waits until nodes are added, a sentence each."""

    refusal: FailedPrecondition | None = None
    warnings: tuple[str, ...] = ()


class Fits:
    """Asks the workload manager that the run would go to."""

    def __init__(self, database: Database, managers: WorkloadManagers) -> None:
        self._database = database
        self._managers = managers

    async def of(self, new: NewRun) -> Misfits:
        """What is too large of a run of a snapshot; nothing where nobody can say."""
        wanted, asked = await self._database.read(_asked, new)
        manager = self._managers.choose(wanted)
        if manager is None and wanted:
            return Misfits(absent_manager(wanted))
        if manager is None or not asked:
            return Misfits()
        request = capacity_pb2.CheckResourcesRequest(workloads=list(asked.values()))
        try:
            answer = await manager.capacity().CheckResources(request, timeout=_PATIENCE_S)
        except grpc.aio.AioRpcError as error:
            log.warning("resources_not_checked", error=error.code().name)
            return Misfits()
        whose = list(asked)
        said = [
            (each.is_warning, f"{whose[each.index]}: {each.message}") for each in answer.problems
        ]
        problems = " ".join(words for is_warning, words in said if not is_warning)
        return Misfits(
            FailedPrecondition("RESOURCES_TOO_LARGE", problems) if problems else None,
            tuple(words for is_warning, words in said if is_warning),
        )


def _asked(session: Session, new: NewRun) -> tuple[str, dict[str, workloads_pb2.Workload]]:
    """The manager that is named, and what runner and steps ask of it, by what they are called.

    Steps that ask for the same are one; those that are executed in the run itself do not count.
    """
    snapshot = store.get(session, new.project, new.snapshot)
    if snapshot is None:
        return "", {}
    limits = limits_of(orchestrator_of(session, _stack(session, new, snapshot)))
    found = {"The run": _workload(new, limits, {})}
    seen = {found["The run"].SerializeToString(deterministic=True)}
    for step, wanted, pod in _apart(snapshot, new.step_settings, limits):
        workload = _workload(new, limits, wanted, pod)
        key = workload.SerializeToString(deterministic=True)
        if key not in seen and len(found) < _MOST:
            seen.add(key)
            found[f"The step {step}"] = workload
    return limits.manager, found


def _stack(session: Session, new: NewRun, snapshot: Snapshot) -> str:
    defaults = project_store.default_stacks(session, {new.project})
    nearest = new.stack or snapshot.stack or defaults.get(new.project, "")
    return nearest or stack_store.default_id(session)


def _apart(
    snapshot: Snapshot, settings: Mapping[str, Any], limits: Limits
) -> Iterator[tuple[str, dict[str, int], dict[str, Any]]]:
    """Steps that have workloads of their own, with what they need, and what their pods are."""
    spec = json_format.ParseDict(snapshot.spec, snapshot_types_pb2.PipelineSpec())
    apart = step_settings_pb2.STEP_ISOLATION_WORKLOAD
    by_default = apart if limits.step_isolation == "WORKLOAD" else 0
    for step in spec.steps:
        own = json_format.ParseDict(settings.get(step.id, {}), step_settings_pb2.StepSettings())
        if (own.isolation or step.isolation or by_default) == apart:
            said = own.resources if own.HasField("resources") else step.resources
            pod = own.pod if own.HasField("pod") else step.pod
            yield (
                step.id,
                {
                    "cpu_millis": said.cpu_millis,
                    "memory_bytes": said.memory_bytes,
                    "gpu_count": said.gpu_count,
                },
                json_format.MessageToDict(pod, preserving_proto_field_name=True),
            )


def _workload(
    new: NewRun,
    limits: Limits,
    wanted: Mapping[str, int],
    pod: Mapping[str, Any] | None = None,
) -> workloads_pb2.Workload:
    return workloads_pb2.Workload(
        kind=workloads_pb2.WORKLOAD_KIND_RUNNER,
        args=("-m", "weft.runner"),
        # Its project says where it would go.
        run=f"projects/{new.project}/runs/checked",
        resources=limits.resources(wanted),
        pod=pod_of(limits.pod, pod),
    )
