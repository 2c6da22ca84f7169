"""The job that archives runs, and the reading of what it wrote.

A run is written into its store, read back and compared, and deleted by a transaction that looks
once more whether it is still as it was written, and may go. A kill before that leaves an object
that the next pass writes again, under the same key; after it, everything has happened.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import FailedPrecondition, Unavailable
from meshkit.jobs import Lease
from meshkit.objects import open_store
from meshkit.objects.port import ObjectMissingError, ObjectStore, ObjectStoreError
from weftapi.workspace.v1 import run_archives_pb2
from workspace.config import WorkspaceSettings
from workspace.operations import retention as operations
from workspace.operations.retention import Policy
from workspace.retention.archives import Archive, decode, encode
from workspace.store import retention as store
from workspace.store.schema import Run
from workspace.store.schema_retention import ArchivedRun

log = structlog.get_logger()

# How soon a rule that was changed counts.
LOOK_S = 10.0
# Archives that stay decoded: reading the pages of one decodes it once.
_RECENT = 4


@dataclass(frozen=True, slots=True)
class _Passed:
    """The last pass over a project; while its policy stays, the next one comes at `again_at`."""

    policy: Policy
    again_at: float
    wait_s: float
    has_failed: bool


class RunArchive:
    """Writes and reads archives; its job is `run`."""

    def __init__(self, database: Database, settings: WorkspaceSettings, clock: Clock) -> None:
        self._database = database
        self._uri = settings.archive_store.rstrip("/")
        self._interval_s = settings.retention_interval_s
        self._clock = clock
        self._opened: ObjectStore | None = None
        self._recent: OrderedDict[UUID, Archive] = OrderedDict()
        # By project.
        self._passed: dict[str, _Passed] = {}

    async def run(self, lease: Lease) -> None:
        """Passes over the projects that have rules, each once an interval, or when they change.

        After a pass that left runs behind the next one comes sooner, but ever later while the
        store is in trouble.
        """
        for project in await self._database.read(store.with_rules):
            policy = Policy(project.keep_run_days, project.keep_last_runs)
            now = self._clock.monotonic()
            last = self._passed.get(project.id)
            if last and last.policy == policy and now < last.again_at:
                continue
            problems = await self._pass(lease, project.id, policy)
            wait_s = self._interval_s
            if problems:
                told = {"count": len(problems), "first": problems[0]}
                log.warning("runs_not_archived", project=project.name, **told)
                wait_s = min(last.wait_s * 2 if last and last.has_failed else LOOK_S, wait_s)
            self._passed[project.id] = _Passed(policy, now + wait_s, wait_s, bool(problems))

    async def _pass(self, lease: Lease, project: str, policy: Policy) -> list[str]:
        """Archives what may go; what was in the way of the others, which nothing stopped."""
        problems: list[str] = []
        count = 0
        try:
            for pipeline in await self._database.read(store.pipelines, project):
                async for run in self._due(project, pipeline, policy):
                    try:
                        count += await self._archive(lease, run)
                    except ObjectStoreError as error:
                        problems.append(f"{run.name}: {error}")
        finally:
            if count:
                await self._database.write(operations.note_pass, lease, project, count)
        return problems

    async def read(self, row: ArchivedRun) -> Archive:
        """What an archive says; FailedPrecondition where it is not what was written."""
        try:
            data = await self._store.get(row.key)
            if hashlib.sha256(data).hexdigest() != row.sha256:
                raise _damaged(row, "its hash differs")
            # Thousands of steps take longer than others may wait.
            return await asyncio.to_thread(decode, data)
        except ObjectMissingError as error:
            raise _damaged(row, "it is gone") from error
        except ObjectStoreError as error:
            raise _unavailable(row, error) from error
        except ValueError as error:
            raise _damaged(row, str(error)) from error

    async def steps(self, row: ArchivedRun) -> Sequence[run_archives_pb2.ArchivedStep]:
        """What an archive says of steps, for pages of it that are asked for one after another."""
        known = self._recent.pop(row.uid, None) or await self.read(row)
        self._recent[row.uid] = known
        while len(self._recent) > _RECENT:
            self._recent.popitem(last=False)
        return known.steps

    async def delete(self, row: ArchivedRun) -> None:
        """Deletes a run for good: its archive first, so that nothing is left that nobody knows."""
        try:
            await self._store.delete([row.key])
        except ObjectStoreError as error:
            raise _unavailable(row, error) from error
        await self._database.write(operations.delete, row.project, row.uid)

    def uri(self, row: ArchivedRun) -> str:
        """Where an archive is."""
        return f"{self._uri}/{row.key}"

    async def _due(self, project: str, pipeline: str, policy: Policy) -> AsyncIterator[Run]:
        """The runs of a pipeline that may go, the oldest first."""
        after = None
        while page := await self._database.read(operations.page, project, pipeline, policy, after):
            for run, reason in page:
                if not reason:
                    yield run
            last = page[-1][0]
            after = (last.create_time, last.uid)

    async def _archive(self, lease: Lease, run: Run) -> bool:
        """Whether the run is in the archive now, and nowhere else."""
        whole = await self._database.read(operations.read, run.project, run.id)
        if whole is None or whole.run.end_time is None:
            return False
        data = await asyncio.to_thread(encode, whole)
        key = f"{run.project}/{run.uid}.jsonl.zst"
        await self._store.put(key, data)
        if await self._store.get(key) != data:
            raise ObjectStoreError(f"{key} is not what was written a moment ago")
        row = ArchivedRun(
            uid=run.uid,
            project=run.project,
            run=run.id,
            pipeline=run.pipeline,
            state=whole.run.state,
            creator=run.creator,
            create_time=run.create_time,
            end_time=whole.run.end_time,
            archive_time=whole.run.end_time,
            key=key,
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        return await self._database.write(operations.put_away, lease, whole, row)

    @property
    def _store(self) -> ObjectStore:
        """Opened when first used: a server whose store is misnamed serves all else."""
        if self._opened is None:
            self._opened = open_store(self._uri)
        return self._opened


def _unavailable(row: ArchivedRun, error: ObjectStoreError) -> Unavailable:
    return Unavailable(
        "ARCHIVE_STORE_UNAVAILABLE",
        f"The archive of runs cannot be reached now: {error}",
        metadata={"resource": row.name},
    )


def _damaged(row: ArchivedRun, why: str) -> FailedPrecondition:
    return FailedPrecondition(
        "ARCHIVE_DAMAGED",
        f"The archive of {row.name} is not what was written: {why}.",
        metadata={"resource": row.name},
    )
