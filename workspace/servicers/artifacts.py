"""ArtifactService."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from google.api import httpbody_pb2
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from meshkit.authentication import Context
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.idempotency import once
from meshkit.paging import MAX_PAGE_SIZE, ListQuery, OrderKey, Orders
from weftapi.workspace.v1 import artifact_types_pb2, artifacts_pb2, artifacts_pb2_grpc
from workspace import names
from workspace.contents import Contents
from workspace.operations import artifact_upkeep as upkeep
from workspace.operations import artifacts as operations
from workspace.operations import lineage
from workspace.operations.refusals import absent
from workspace.servicers.artifact_messages import (
    Versions,
    artifact_to_proto,
    basic_version,
    changes,
    edge_to_proto,
    link_to_proto,
    new_version,
    version_to_proto,
    versions_to_proto,
)
from workspace.servicers.converting import caller, stamp
from workspace.servicers.listing import Lists
from workspace.store import artifact_use as use
from workspace.store import artifacts as store
from workspace.store.schema_artifacts import ArtifactVersion

_BYTES = "application/octet-stream"
_UP, _DOWN = lineage.Direction.UPSTREAM, lineage.Direction.DOWNSTREAM
_DIRECTIONS = {0: (_UP,), 1: (_UP,), 2: (_DOWN,), 3: (_UP, _DOWN)}
# A walk has its own order: a page token says which version came last.
_AS_FOUND = Orders((OrderKey("uid"),), OrderKey("uid"), "uid")

_DEFAULT_LIFETIME = timedelta(minutes=5)
_DEFAULT_AGE = timedelta(days=1)


class ArtifactServicer(artifacts_pb2_grpc.ArtifactServiceServicer):
    def __init__(self, database: Database, lists: Lists, contents: Contents, clock: Clock) -> None:
        self._database = database
        self._lists = lists
        self._contents = contents
        self._clock = clock

    async def GetArtifact(
        self, request: artifacts_pb2.GetArtifactRequest, _context: Context
    ) -> artifact_types_pb2.Artifact:
        row = await self._database.read(store.get, *names.ids(request.name))
        if row is None:
            raise absent(request.name)
        return artifact_to_proto(row)

    async def ListArtifacts(
        self, request: artifacts_pb2.ListArtifactsRequest, _context: Context
    ) -> artifacts_pb2.ListArtifactsResponse:
        window = self._lists.window("ListArtifacts", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        project = names.project_of(request.parent)
        page = await self._lists.page(
            window, artifact_to_proto, store.list_page, project, window, filter_
        )
        return artifacts_pb2.ListArtifactsResponse(
            artifacts=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def UpdateArtifact(
        self, request: artifacts_pb2.UpdateArtifactRequest, _context: Context
    ) -> artifact_types_pb2.Artifact:
        artifact = request.artifact
        return await self._database.write(
            upkeep.change_artifact,
            *_ids(artifact.name, "projects", "artifacts"),
            changes(artifact, request.update_mask),
            etag=artifact.etag,
            once=once(request, artifact_types_pb2.Artifact),
            reply=artifact_to_proto,
        )

    async def DeleteArtifact(
        self, request: artifacts_pb2.DeleteArtifactRequest, _context: Context
    ) -> Empty:
        await self._database.write(
            upkeep.delete_artifact,
            *names.ids(request.name),
            etag=request.etag,
            with_content=request.delete_content,
        )
        return Empty()

    async def GetArtifactVersion(
        self, request: artifacts_pb2.GetArtifactVersionRequest, _context: Context
    ) -> artifact_types_pb2.ArtifactVersion:
        return version_to_proto(await self._version(request.name))

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

    async def CreateArtifactVersion(
        self, request: artifacts_pb2.CreateArtifactVersionRequest, _context: Context
    ) -> artifact_types_pb2.ArtifactVersion:
        project, artifact = names.ids(request.parent)
        version = request.artifact_version
        outside = names.outside(project, filter(None, [version.producer_step]))
        if outside:
            raise absent(outside)
        return await self._database.write(
            operations.create_one,
            operations.NewVersions(project, caller().subject, [new_version(artifact, version)]),
            once=once(request, artifact_types_pb2.ArtifactVersion),
            reply=version_to_proto,
        )

    async def UpdateArtifactVersion(
        self, request: artifacts_pb2.UpdateArtifactVersionRequest, _context: Context
    ) -> artifact_types_pb2.ArtifactVersion:
        version = request.artifact_version
        return await self._database.write(
            upkeep.change_version,
            *_ids(version.name, "projects", "artifacts", "versions"),
            changes(version, request.update_mask),
            etag=version.etag,
            once=once(request, artifact_types_pb2.ArtifactVersion),
            reply=version_to_proto,
        )

    async def DeleteArtifactVersion(
        self, request: artifacts_pb2.DeleteArtifactVersionRequest, _context: Context
    ) -> Empty:
        await self._database.write(
            upkeep.delete_version,
            *names.ids(request.name),
            etag=request.etag,
            with_content=request.delete_content,
        )
        return Empty()

    async def PruneArtifactVersions(
        self, request: artifacts_pb2.PruneArtifactVersionsRequest, _context: Context
    ) -> artifacts_pb2.PruneArtifactVersionsResponse:
        window = self._lists.window("PruneArtifactVersions", request, use.ORDERS)
        is_set = request.HasField("minimum_age")
        age = request.minimum_age.ToTimedelta() if is_set else _DEFAULT_AGE
        what = (names.last(request.parent), window, self._clock.now() - age)
        if request.validate_only:
            pruned = await self._database.read(upkeep.unused, *what)
        else:
            content = request.delete_content
            pruned = await self._database.write(upkeep.prune, *what, with_content=content)
        page = window.page(pruned.page.rows, basic_version, revision=pruned.page.revision)
        return artifacts_pb2.PruneArtifactVersionsResponse(
            artifact_versions=[basic_version(row) for row in pruned.unused],
            next_page_token=page.next_page_token,
            size_bytes=sum(row.size_bytes for row in pruned.unused),
        )

    async def GetVisualization(
        self, request: artifacts_pb2.GetVisualizationRequest, _context: Context
    ) -> httpbody_pb2.HttpBody:
        version = await self._version(request.name)
        shown = await self._contents.visualization(version, request.file)
        return httpbody_pb2.HttpBody(content_type=shown.content_type, data=shown.data)

    async def CreateDownloadUrl(
        self, request: artifacts_pb2.CreateDownloadUrlRequest, _context: Context
    ) -> artifacts_pb2.DownloadUrl:
        version = await self._version(request.name)
        is_set = request.HasField("lifetime")
        lifetime = request.lifetime.ToTimedelta() if is_set else _DEFAULT_LIFETIME
        expire_time = self._clock.now() + lifetime
        links = await self._contents.links(version, expire_time)
        return artifacts_pb2.DownloadUrl(
            expire_time=stamp(expire_time), files=[link_to_proto(link) for link in links]
        )

    async def DownloadFile(
        self, request: artifacts_pb2.DownloadFileRequest, _context: Context
    ) -> AsyncIterator[httpbody_pb2.HttpBody]:
        version, file = await self._contents.linked(request.token)
        async for piece in self._contents.stream(version, file):
            yield httpbody_pb2.HttpBody(content_type=_BYTES, data=piece)

    async def BatchCreateArtifactVersions(
        self, request: artifacts_pb2.BatchCreateArtifactVersionsRequest, _context: Context
    ) -> Versions:
        project = names.last(request.parent)
        producers = [r.artifact_version.producer_step for r in request.requests]
        outside = names.outside(project, filter(None, producers))
        if outside:
            raise absent(outside)
        versions = [new_version(new.artifact_id, new.artifact_version) for new in request.requests]
        item = operations.NewVersions(project, caller().subject, versions)
        return await self._database.write_grouped(operations.create, item, reply=versions_to_proto)

    async def GetLineage(
        self, request: artifacts_pb2.GetLineageRequest, _context: Context
    ) -> artifacts_pb2.Lineage:
        query = ListQuery("GetLineage", request.name, f"{request.direction} {request.depth}")
        size = request.page_size or MAX_PAGE_SIZE
        window = self._lists.tokens.window(query, _AS_FOUND, size=size, token=request.page_token)
        after: Any = window.cursor.uid if window.cursor else None
        found = await self._database.read(
            lineage.follow,
            *names.ids(request.name),
            directions=_DIRECTIONS.get(request.direction, _DIRECTIONS[0]),
            depth=request.depth,
            part=lineage.Part(window.size, after),
        )
        if found is None:
            raise absent(request.name)
        page = window.page(found.versions, version_to_proto, revision=0)
        name_of = {row.uid: row.name for row in found.versions[: len(page.items)]}
        return artifacts_pb2.Lineage(
            artifact_versions=page.items,
            edges=[
                edge_to_proto(edge, step, name_of[edge.version_uid])
                for edge, step in found.edges
                if edge.version_uid in name_of
            ],
            truncated=found.truncated,
            next_page_token=page.next_page_token,
        )

    async def _version(self, name: str) -> ArtifactVersion:
        row = await self._database.read(store.find, *names.ids(name))
        if row is None:
            raise absent(name)
        return row


def _ids(name: str, *collections: str) -> tuple[str, ...]:
    """The ids in a name inside a resource, which no rule has looked at; NotFound for another."""
    ids = names.ids_in(name, *collections)
    if not ids:
        raise absent(name)
    return ids


def producers_of(request: Message) -> list[str]:
    """The steps that a request says made something: what `producers_of_own_run` looks at."""
    assert isinstance(request, artifacts_pb2.BatchCreateArtifactVersionsRequest)
    return [new.artifact_version.producer_step for new in request.requests]
