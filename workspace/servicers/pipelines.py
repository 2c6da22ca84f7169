"""PipelineService."""

from google.protobuf.empty_pb2 import Empty

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.idempotency import once
from weftapi.workspace.v1 import pipelines_pb2, pipelines_pb2_grpc
from workspace import names
from workspace.operations import pipelines as operations
from workspace.operations.refusals import absent
from workspace.servicers.converting import masked, stamp
from workspace.servicers.listing import Lists
from workspace.servicers.runs import run_to_proto
from workspace.store import pipelines as store
from workspace.store.schema_snapshots import Pipeline

# Runs of each pipeline where the request names no number.
_LATEST_RUNS = 5


class PipelineServicer(pipelines_pb2_grpc.PipelineServiceServicer):
    def __init__(self, database: Database, lists: Lists) -> None:
        self._database = database
        self._lists = lists

    async def GetPipeline(
        self, request: pipelines_pb2.GetPipelineRequest, _context: Context
    ) -> pipelines_pb2.Pipeline:
        row = await self._database.read(store.get, *names.ids(request.name))
        if row is None:
            raise absent(request.name)
        return pipeline_to_proto(row)

    async def ListPipelines(
        self, request: pipelines_pb2.ListPipelinesRequest, _context: Context
    ) -> pipelines_pb2.ListPipelinesResponse:
        window = self._lists.window("ListPipelines", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        project = names.project_of(request.parent)
        page = await self._lists.page(
            window, pipeline_to_proto, store.list_page, project, window, filter_
        )
        return pipelines_pb2.ListPipelinesResponse(
            pipelines=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def GetLatestRuns(
        self, request: pipelines_pb2.GetLatestRunsRequest, _context: Context
    ) -> pipelines_pb2.GetLatestRunsResponse:
        project = names.project_of(request.parent)
        limit = request.limit or _LATEST_RUNS
        found = await self._database.read(store.latest_runs, project, request.pipelines, limit)
        if not found.rows:
            await self._lists.require_project(request.parent)
        return pipelines_pb2.GetLatestRunsResponse(
            runs=map(run_to_proto, found.rows), revision=found.revision
        )

    async def UpdatePipeline(
        self, request: pipelines_pb2.UpdatePipelineRequest, _context: Context
    ) -> pipelines_pb2.Pipeline:
        return await self._database.write(
            operations.change,
            *names.ids(request.pipeline.name),
            masked(request.pipeline, request.update_mask),
            etag=request.pipeline.etag,
            once=once(request, pipelines_pb2.Pipeline),
            reply=pipeline_to_proto,
        )

    async def DeletePipeline(
        self, request: pipelines_pb2.DeletePipelineRequest, _context: Context
    ) -> Empty:
        ids = names.ids(request.name)
        await self._database.write(operations.delete, *ids, etag=request.etag)
        return Empty()


def pipeline_to_proto(row: Pipeline) -> pipelines_pb2.Pipeline:
    return pipelines_pb2.Pipeline(
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
    )
