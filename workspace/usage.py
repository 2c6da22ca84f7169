"""How much there is in a workspace, as its link and its callers are told."""

from dataclasses import dataclass

from meshkit.database import Database
from meshkit.session import Session
from weftapi.controlplane.v1 import workspace_types_pb2
from workspace.quotas import OF_PROJECTS, WORKSPACE, Limits, Quota
from workspace.store import quotas as store
from workspace.store import usage as run_store


@dataclass(frozen=True, slots=True)
class Usage:
    """What a project or the workspace holds, and may hold: by quota, all of them of its kind."""

    used: Limits
    limits: Limits
    active_runs: int


class UsageMeter:
    """Reads counters, and counts nothing: it costs the same whatever there is."""

    def __init__(self, database: Database, of_workspace: Limits) -> None:
        self._database = database
        self._of_workspace = of_workspace

    async def of(self, project: str) -> Usage | None:
        """The usage of a project, or of the workspace for an empty one; None where it is absent."""
        return await self._database.read(self._read, project)

    async def read(self) -> workspace_types_pb2.WorkspaceUsage:
        """What the control plane is told; raises what reading the database raises."""
        usage = await self._database.read(self._read, WORKSPACE)
        assert usage, "a workspace is always there"
        return workspace_types_pb2.WorkspaceUsage(
            project_count=usage.used[Quota.PROJECTS],
            pipeline_count=usage.used[Quota.PIPELINES],
            run_count=usage.used[Quota.RUNS],
            active_run_count=usage.active_runs,
            artifact_bytes=usage.used[Quota.ARTIFACT_BYTES],
        )

    def _read(self, session: Session, project: str) -> Usage | None:
        limits = store.limits(session, project) if project else self._of_workspace
        if limits is None:
            return None
        used = store.used(session, project)
        named = OF_PROJECTS if project else tuple(Quota)
        return Usage(
            {quota: used.get((project, quota), 0) for quota in named},
            {quota: limits.get(quota, 0) for quota in named},
            run_store.active_runs(session, project),
        )
