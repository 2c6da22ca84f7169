"""SnapshotService."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty

from meshkit.authentication import Context
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import FieldViolation, MeshError
from meshkit.idempotency import once
from weftapi.workspace.v1 import (
    run_types_pb2,
    snapshot_types_pb2,
    snapshots_pb2,
    snapshots_pb2_grpc,
)
from workspace import names
from workspace.launching.fits import Fits
from workspace.launching.ports import WorkloadManagers
from workspace.launching.reconciler import Reconciler
from workspace.operations import code_repositories, starts
from workspace.operations import runs as run_operations
from workspace.operations import snapshot_upkeep as upkeep
from workspace.operations import snapshots as operations
from workspace.operations.refusals import absent, invalid
from workspace.repositories.desk import RepositoryDesk
from workspace.repositories.revisions import is_commit_id
from workspace.servicers.converting import (
    caller,
    environment_to_dict,
    environment_to_proto,
    masked,
    message_to_dict,
    settings_to_dict,
    stamp,
    struct_to_dict,
)
from workspace.servicers.listing import Lists
from workspace.servicers.runs import run_to_proto
from workspace.store import snapshots as store
from workspace.store.schema_snapshots import Snapshot

MAX_SPEC_BYTES = 1 << 20
_DEFAULT_AGE = timedelta(days=1)


class SnapshotServicer(snapshots_pb2_grpc.SnapshotServiceServicer):
    def __init__(
        self,
        database: Database,
        lists: Lists,
        managers: WorkloadManagers,
        reconciler: Reconciler,
        *,
        repositories: RepositoryDesk,
        fits: Fits,
        clock: Clock,
    ) -> None:
        self._database = database
        self._lists = lists
        self._managers = managers
        self._reconciler = reconciler
        self._repositories = repositories
        self._fits = fits
        self._clock = clock

    async def GetSnapshot(
        self, request: snapshots_pb2.GetSnapshotRequest, _context: Context
    ) -> snapshot_types_pb2.Snapshot:
        row = await self._database.read(store.get, *names.ids(request.name))
        if row is None:
            raise absent(request.name)
        return snapshot_in_full(row)

    async def ListSnapshots(
        self, request: snapshots_pb2.ListSnapshotsRequest, _context: Context
    ) -> snapshots_pb2.ListSnapshotsResponse:
        window = self._lists.window("ListSnapshots", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        project = names.project_of(request.parent)
        page = await self._lists.page(
            window, snapshot_to_proto, store.list_page, project, window, filter_
        )
        return snapshots_pb2.ListSnapshotsResponse(
            snapshots=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateSnapshot(
        self, request: snapshots_pb2.CreateSnapshotRequest, _context: Context
    ) -> snapshot_types_pb2.Snapshot:
        new = _new_snapshot(request)
        if new.code_repository:
            new = replace(new, code=await self._fetched(new, request.snapshot.code))
        return await self._database.write(
            operations.create,
            new,
            once=once(request, snapshot_types_pb2.Snapshot),
            reply=snapshot_in_full,
        )

    async def _fetched(
        self, new: operations.NewSnapshot, code: snapshot_types_pb2.CodeArchive
    ) -> dict[str, Any]:
        """The code of a commit, which from now on is in the artifact store."""
        where = (new.project, new.code_repository)
        row = await self._database.read(code_repositories.require, *where)
        found = await self._repositories.archive(row, code.commit, code.directory)
        # Beside the request, which is compared whole where it is repeated.
        stored = snapshot_types_pb2.CodeArchive(
            uri=self._repositories.uri(found), sha256=found.sha256, size_bytes=found.size_bytes
        )
        stored.MergeFrom(code)
        return message_to_dict(stored)

    async def UpdateSnapshot(
        self, request: snapshots_pb2.UpdateSnapshotRequest, _context: Context
    ) -> snapshot_types_pb2.Snapshot:
        return await self._database.write(
            operations.change,
            *names.ids(request.snapshot.name),
            masked(request.snapshot, request.update_mask),
            etag=request.snapshot.etag,
            once=once(request, snapshot_types_pb2.Snapshot),
            reply=snapshot_in_full,
        )

    async def DeleteSnapshot(
        self, request: snapshots_pb2.DeleteSnapshotRequest, _context: Context
    ) -> Empty:
        ids = names.ids(request.name)
        await self._database.write(operations.delete, *ids, etag=request.etag)
        return Empty()

    async def PruneSnapshots(
        self, request: snapshots_pb2.PruneSnapshotsRequest, _context: Context
    ) -> snapshots_pb2.PruneSnapshotsResponse:
        window = self._lists.window("PruneSnapshots", request, store.OLDEST_FIRST)
        is_set = request.HasField("minimum_age")
        age = request.minimum_age.ToTimedelta() if is_set else _DEFAULT_AGE
        what = (names.last(request.parent), window, self._clock.now() - age)
        work = upkeep.unused if request.validate_only else upkeep.prune
        act = self._database.read if request.validate_only else self._database.write
        pruned = await act(work, *what)
        page = window.page(pruned.page.rows, snapshot_to_proto, revision=pruned.page.revision)
        return snapshots_pb2.PruneSnapshotsResponse(
            snapshots=[snapshot_to_proto(row) for row in pruned.unused],
            next_page_token=page.next_page_token,
        )

    async def PublishSnapshot(
        self, request: snapshots_pb2.PublishSnapshotRequest, _context: Context
    ) -> snapshot_types_pb2.Snapshot:
        return await self._database.write(
            operations.publish,
            *names.ids(request.name),
            request.template,
            move=request.move,
            etag=request.etag,
            once=once(request, snapshot_types_pb2.Snapshot),
            reply=snapshot_in_full,
        )

    async def UnpublishSnapshot(
        self, request: snapshots_pb2.UnpublishSnapshotRequest, _context: Context
    ) -> snapshot_types_pb2.Snapshot:
        return await self._database.write(
            operations.unpublish,
            *names.ids(request.name),
            etag=request.etag,
            once=once(request, snapshot_types_pb2.Snapshot),
            reply=snapshot_in_full,
        )

    async def GetSnapshotParameterSchema(
        self, request: snapshots_pb2.GetSnapshotParameterSchemaRequest, _context: Context
    ) -> snapshot_types_pb2.SnapshotParameterSchema:
        row = await self._database.read(store.get, *names.ids(request.name))
        if row is None:
            raise absent(request.name)
        answer = snapshot_types_pb2.SnapshotParameterSchema()
        answer.schema.update(operations.parameter_schema(row))
        return answer

    async def ValidateSnapshotRun(
        self, request: snapshots_pb2.ValidateSnapshotRunRequest, _context: Context
    ) -> snapshots_pb2.ValidateSnapshotRunResponse:
        new = _new_run(request)
        refusals = await self._database.read(starts.problems, new)
        try:
            self._managers.require()
        except MeshError as refusal:
            refusals.append(refusal)
        misfits = await self._fits.of(new)
        refusals += [misfits.refusal] if misfits.refusal else []
        problems = [problem for refusal in refusals for problem in _problems(refusal)]
        return snapshots_pb2.ValidateSnapshotRunResponse(
            problems=problems, warnings=misfits.warnings
        )

    async def RunSnapshot(
        self, request: snapshots_pb2.RunSnapshotRequest, _context: Context
    ) -> run_types_pb2.Run:
        self._managers.require()
        new = replace(
            _new_run(request),
            id=request.run_id,
            labels=dict(request.labels),
            cache_disabled=request.cache_disabled,
            display_name=request.display_name,
        )
        misfits = await self._fits.of(new)
        run = await self._database.write(
            starts.start,
            new,
            misfit=misfits.refusal,
            once=once(request, run_types_pb2.Run),
            reply=run_to_proto,
        )
        self._reconciler.wake()
        return run


def _new_run(
    request: snapshots_pb2.RunSnapshotRequest | snapshots_pb2.ValidateSnapshotRunRequest,
) -> run_operations.NewRun:
    project, snapshot = names.ids(request.name)
    return run_operations.NewRun(
        project=project,
        id="",
        creator=caller().subject,
        trigger="SNAPSHOT",
        snapshot=snapshot,
        parameters=struct_to_dict(request.parameters),
        step_settings=settings_to_dict(request.step_settings),
        stack=names.last(request.stack),
    )


def _problems(refusal: MeshError) -> list[snapshot_types_pb2.RunProblem]:
    """One for each field that a refusal is about; one where it is about none."""
    violations = refusal.violations or [FieldViolation("", refusal.message)]
    return [
        snapshot_types_pb2.RunProblem(reason=refusal.reason, field=v.field, message=v.description)
        for v in violations
    ]


def _new_snapshot(request: snapshots_pb2.CreateSnapshotRequest) -> operations.NewSnapshot:
    snapshot = request.snapshot
    size = snapshot.spec.ByteSize()
    if size > MAX_SPEC_BYTES:
        raise invalid("snapshot.spec", f"has {size} bytes, at most 1 MiB is stored")
    project = names.project_of(request.parent)
    if not snapshot.spec.steps:
        raise invalid("snapshot.spec", "must have steps")
    if names.project_of(snapshot.pipeline) != project:
        raise invalid("snapshot.pipeline", "must lie in the snapshot's project")
    if snapshot.HasField("code"):
        _check_code(snapshot.code)
    own = [name for name in (snapshot.build, snapshot.code.code_repository) if name]
    outside = names.outside(project, own)
    if outside:
        raise absent(outside)
    has_schema = snapshot.HasField("parameters_schema")
    return operations.NewSnapshot(
        project=project,
        id=request.snapshot_id,
        pipeline=names.last(snapshot.pipeline),
        creator=caller().subject,
        graph=[(step.id, list(step.upstream)) for step in snapshot.spec.steps],
        spec=message_to_dict(snapshot.spec),
        code=message_to_dict(snapshot.code) if snapshot.HasField("code") else None,
        parameters_schema=struct_to_dict(snapshot.parameters_schema) if has_schema else None,
        environment=environment_to_dict(snapshot),
        build=names.last(snapshot.build),
        display_name=snapshot.display_name,
        description=snapshot.description,
        labels=dict(snapshot.labels),
        stack=names.last(snapshot.stack),
        code_repository=names.last(snapshot.code.code_repository),
    )


def _check_code(code: snapshot_types_pb2.CodeArchive) -> None:
    """Code is brought along, or is a commit that the server fetches: never half of both."""
    is_brought = bool(code.uri and code.sha256 and code.size_bytes)
    if not code.code_repository:
        if not is_brought or code.directory:
            raise invalid("snapshot.code", "must say where it is, its hash and its size")
        return
    if code.uri or code.sha256 or code.size_bytes or code.dirty:
        raise invalid("snapshot.code", "of a code repository is fetched: give the commit alone")
    if not is_commit_id(code.commit):
        raise invalid("snapshot.code.commit", "must be the whole id of a commit: resolve it first")
    parts = code.directory.split("/") if code.directory else []
    if any(part in ("", ".", "..") or not part.isprintable() for part in parts):
        raise invalid("snapshot.code.directory", "must be a path in the repository: 'a/b'")


def snapshot_to_proto(row: Snapshot) -> snapshot_types_pb2.Snapshot:
    """A snapshot as lists and events show it, without its graph."""
    code = row.code
    return snapshot_types_pb2.Snapshot(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        labels=row.labels or None,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        pipeline=names.child(names.project(row.project), "pipelines", row.pipeline),
        code=json_format.ParseDict(code, snapshot_types_pb2.CodeArchive()) if code else None,
        environment=environment_to_proto(row.environment),
        template=row.template or "",
        build=names.child(names.project(row.project), "builds", row.build),
        stack=names.stack(row.stack),
    )


def snapshot_in_full(row: Snapshot) -> snapshot_types_pb2.Snapshot:
    snapshot = snapshot_to_proto(row)
    json_format.ParseDict(row.spec, snapshot.spec)
    if row.parameters_schema is not None:
        snapshot.parameters_schema.update(row.parameters_schema)
    return snapshot
