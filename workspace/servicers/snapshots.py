"""SnapshotService."""

from google.protobuf import json_format

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.idempotency import once
from weftapi.workspace.v1 import run_types_pb2, snapshots_pb2, snapshots_pb2_grpc
from workspace import names
from workspace.launching.ports import WorkloadManagers
from workspace.launching.reconciler import Reconciler
from workspace.operations import runs as run_operations
from workspace.operations import snapshots as operations
from workspace.operations import starts
from workspace.operations.refusals import absent
from workspace.servicers.converting import (
    caller,
    environment_to_dict,
    environment_to_proto,
    message_to_dict,
    stamp,
    struct_to_dict,
)
from workspace.servicers.listing import Lists
from workspace.servicers.runs import run_to_proto
from workspace.store import snapshots as store
from workspace.store.schema import Snapshot

MAX_SPEC_BYTES = 1 << 20


class SnapshotServicer(snapshots_pb2_grpc.SnapshotServiceServicer):
    def __init__(
        self,
        database: Database,
        lists: Lists,
        managers: WorkloadManagers,
        reconciler: Reconciler,
    ) -> None:
        self._database = database
        self._lists = lists
        self._managers = managers
        self._reconciler = reconciler

    async def GetSnapshot(
        self, request: snapshots_pb2.GetSnapshotRequest, _context: Context
    ) -> snapshots_pb2.Snapshot:
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
    ) -> snapshots_pb2.Snapshot:
        return await self._database.write(
            operations.create,
            _new_snapshot(request),
            once=once(request, snapshots_pb2.Snapshot),
            reply=snapshot_in_full,
        )

    async def RunSnapshot(
        self, request: snapshots_pb2.RunSnapshotRequest, _context: Context
    ) -> run_types_pb2.Run:
        self._managers.require()
        project, snapshot = names.ids(request.name)
        new = run_operations.NewRun(
            project=project,
            id=request.run_id,
            creator=caller().subject,
            trigger="SNAPSHOT",
            snapshot=snapshot,
            labels=dict(request.labels),
            parameters=struct_to_dict(request.parameters),
            cache_disabled=request.cache_disabled,
        )
        run = await self._database.write(
            starts.start,
            new,
            once=once(request, run_types_pb2.Run),
            reply=run_to_proto,
        )
        self._reconciler.wake()
        return run


def _new_snapshot(request: snapshots_pb2.CreateSnapshotRequest) -> operations.NewSnapshot:
    snapshot = request.snapshot
    size = snapshot.spec.ByteSize()
    if size > MAX_SPEC_BYTES:
        problem = FieldViolation("snapshot.spec", f"has {size} bytes, at most 1 MiB is stored")
        raise InvalidArgument("INVALID_FIELDS", "The graph is too large.", violations=[problem])
    project = names.project_of(request.parent)
    if names.project_of(snapshot.pipeline) != project:
        problem = FieldViolation("snapshot.pipeline", "must lie in the snapshot's project")
        raise InvalidArgument("INVALID_FIELDS", problem.description, violations=[problem])
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
    )


def snapshot_to_proto(row: Snapshot) -> snapshots_pb2.Snapshot:
    """A snapshot as lists and events show it, without its graph."""
    code = row.code
    return snapshots_pb2.Snapshot(
        name=row.name,
        uid=str(row.uid),
        creator=row.creator,
        create_time=stamp(row.create_time),
        revision=row.revision,
        pipeline=names.child(names.project(row.project), "pipelines", row.pipeline),
        code=json_format.ParseDict(code, snapshots_pb2.CodeArchive()) if code else None,
        environment=environment_to_proto(row.environment),
    )


def snapshot_in_full(row: Snapshot) -> snapshots_pb2.Snapshot:
    snapshot = snapshot_to_proto(row)
    json_format.ParseDict(row.spec, snapshot.spec)
    if row.parameters_schema is not None:
        snapshot.parameters_schema.update(row.parameters_schema)
    return snapshot
