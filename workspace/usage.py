"""What a workspace says of its size on its link: counts that are cheap, now; bytes, at times."""

from meshkit.clock import Clock
from meshkit.database import Database
from weftapi.controlplane.v1 import workspace_types_pb2
from workspace.store import usage as store

_WEIGHED_EVERY_S = 600.0


class UsageMeter:
    """Counts with every look; weighs what is stored every ten minutes, as it reads every row."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._stored_bytes = 0
        self._weighed_at: float | None = None

    async def read(self) -> workspace_types_pb2.WorkspaceUsage:
        """The usage now; raises what reading the database raises."""
        now = self._clock.monotonic()
        if self._weighed_at is None or now - self._weighed_at >= _WEIGHED_EVERY_S:
            self._stored_bytes = await self._database.read(store.stored_bytes)
            self._weighed_at = now
        counts = await self._database.read(store.counts)
        return workspace_types_pb2.WorkspaceUsage(
            project_count=counts.projects,
            pipeline_count=counts.pipelines,
            run_count=counts.runs,
            active_run_count=counts.active_runs,
            artifact_bytes=self._stored_bytes,
        )
