"""ArtifactService."""

from typing import Any

from google.protobuf.message import Message

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.ids import new_uid
from weftapi.workspace.v1 import artifacts_pb2, artifacts_pb2_grpc
from workspace import names
from workspace.operations import artifacts as operations
from workspace.operations.refusals import absent
from workspace.servicers.converting import (
    caller,
    numbers,
    short_names,
    stamp,
    struct_to_dict,
    uuid_or,
)
from workspace.servicers.listing import Lists
from workspace.store import artifacts as store
from workspace.store.schema import Artifact, ArtifactVersion, LineageEdge

_TYPES = numbers(artifacts_pb2.ArtifactType)
_TYPE_NAMES = short_names(artifacts_pb2.ArtifactType)
_Versions = artifacts_pb2.BatchCreateArtifactVersionsResponse


class ArtifactServicer(artifacts_pb2_grpc.ArtifactServiceServicer):
    def __init__(self, database: Database, lists: Lists) -> None:
        self._database = database
        self._lists = lists

    async def GetArtifact(
        self, request: artifacts_pb2.GetArtifactRequest, _context: Context
    ) -> artifacts_pb2.Artifact:
        row = await self._database.read(store.get, *names.ids(request.name))
        if row is None:
            raise absent(request.name)
        return artifact_to_proto(row)

    async def ListArtifacts(
        self, request: artifacts_pb2.ListArtifactsRequest, _context: Context
    ) -> artifacts_pb2.ListArtifactsResponse:
        window = self._lists.window("ListArtifacts", request, store.ORDERS)
        project = names.project_of(request.parent)
        page = await self._lists.page(window, artifact_to_proto, store.list_page, project, window)
        return artifacts_pb2.ListArtifactsResponse(
            artifacts=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def GetArtifactVersion(
        self, request: artifacts_pb2.GetArtifactVersionRequest, _context: Context
    ) -> artifacts_pb2.ArtifactVersion:
        row = await self._database.read(store.version, *_version_key(request.name))
        if row is None:
            raise absent(request.name)
        return version_to_proto(row)

    async def ListArtifactVersions(
        self, request: artifacts_pb2.ListArtifactVersionsRequest, _context: Context
    ) -> artifacts_pb2.ListArtifactVersionsResponse:
        window = self._lists.window("ListArtifactVersions", request, store.VERSION_ORDERS)
        filter_ = self._lists.filter(store.VERSION_FIELDS, request.filter)
        project, artifact = names.ids(request.parent)
        one = None if artifact == names.WILDCARD else artifact
        page = await self._lists.page(
            window, version_to_proto, store.list_versions, project, one, window, filter_
        )
        return artifacts_pb2.ListArtifactVersionsResponse(
            artifact_versions=page.items,
            next_page_token=page.next_page_token,
            revision=page.revision,
        )

    async def BatchCreateArtifactVersions(
        self, request: artifacts_pb2.BatchCreateArtifactVersionsRequest, _context: Context
    ) -> _Versions:
        project = names.last(request.parent)
        producers = [r.artifact_version.producer_step for r in request.requests]
        outside = names.outside(project, filter(None, producers))
        if outside:
            raise absent(outside)
        versions = [_new_version(new) for new in request.requests]
        item = operations.NewVersions(project, caller().subject, versions)
        return await self._database.write_grouped(operations.create, item, reply=_versions_to_proto)

    async def GetLineage(
        self, request: artifacts_pb2.GetLineageRequest, _context: Context
    ) -> artifacts_pb2.Lineage:
        is_upstream = request.direction != artifacts_pb2.LINEAGE_DIRECTION_DOWNSTREAM
        found = await self._database.read(
            operations.lineage,
            *_version_key(request.name),
            is_upstream=is_upstream,
            depth=request.depth,
        )
        if found is None:
            raise absent(request.name)
        name_of = {row.uid: row.name for row in found.versions}
        return artifacts_pb2.Lineage(
            artifact_versions=[version_to_proto(row) for row in found.versions],
            edges=[
                _edge_to_proto(edge, step, name_of[edge.version_uid]) for edge, step in found.edges
            ],
            truncated=found.truncated,
        )


def producers_of(request: Message) -> list[str]:
    """The steps that a request says made something: what `producers_of_own_run` looks at."""
    assert isinstance(request, artifacts_pb2.BatchCreateArtifactVersionsRequest)
    return [new.artifact_version.producer_step for new in request.requests]


def _version_key(name: str) -> tuple[str, str, int]:
    project, artifact, version = names.ids(name)
    return project, artifact, int(version) if version.isdigit() else 0


def _new_version(new: artifacts_pb2.NewArtifactVersion) -> operations.NewVersion:
    version = new.artifact_version
    producer = names.ids(version.producer_step)
    return operations.NewVersion(
        uid=uuid_or(version.uid, new_uid),
        artifact=new.artifact_id,
        type=_TYPE_NAMES.get(version.type) or "DATA",
        uri=version.uri,
        data_type=version.data_type,
        materializer=version.materializer,
        content_hash=version.content_hash,
        size_bytes=version.size_bytes,
        producer_run=producer[1] if producer else "",
        producer_step=producer[2] if producer else "",
        producer_output=version.producer_output,
        schema=struct_to_dict(version.schema),
        unsafe=version.unsafe,
        written_with=dict(version.written_with),
    )


def _versions_to_proto(rows: list[ArtifactVersion]) -> _Versions:
    return _Versions(artifact_versions=[version_to_proto(row) for row in rows])


def artifact_to_proto(row: Artifact) -> artifacts_pb2.Artifact:
    return artifacts_pb2.Artifact(
        name=row.name,
        uid=str(row.uid),
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        latest_version=row.latest_version,
    )


def version_to_proto(row: ArtifactVersion) -> artifacts_pb2.ArtifactVersion:
    type_: Any = _TYPES[row.type]
    is_produced = bool(row.producer_step)
    producer = names.step(row.project, row.producer_run, row.producer_step) if is_produced else ""
    version = artifacts_pb2.ArtifactVersion(
        name=row.name,
        uid=str(row.uid),
        creator=row.creator,
        create_time=stamp(row.create_time),
        revision=row.revision,
        version=row.version,
        type=type_,
        uri=row.uri,
        data_type=row.data_type,
        materializer=row.materializer,
        content_hash=row.content_hash,
        size_bytes=row.size_bytes,
        producer_step=producer,
        producer_output=row.producer_output,
        unsafe=row.unsafe,
        written_with=row.written_with,
    )
    if row.schema:
        version.schema.update(row.schema)
    return version


def _edge_to_proto(edge: LineageEdge, step: str, version: str) -> artifacts_pb2.LineageEdge:
    is_output = edge.is_output
    return artifacts_pb2.LineageEdge(
        step=step,
        artifact_version=version,
        input="" if is_output else edge.slot,
        output=edge.slot if is_output else "",
    )
