"""BuildService."""

from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.idempotency import once
from weftapi.workspace.v1 import builds_pb2, builds_pb2_grpc
from workspace import names
from workspace.operations import builds as operations
from workspace.operations.refusals import absent, invalid
from workspace.servicers.converting import caller, message_to_dict, stamp
from workspace.servicers.listing import Lists
from workspace.store import builds as store
from workspace.store.schema_snapshots import Build


class BuildServicer(builds_pb2_grpc.BuildServiceServicer):
    def __init__(self, database: Database, lists: Lists) -> None:
        self._database = database
        self._lists = lists

    async def GetBuild(
        self, request: builds_pb2.GetBuildRequest, _context: Context
    ) -> builds_pb2.Build:
        row = await self._database.read(store.get, *names.ids(request.name))
        if row is None:
            raise absent(request.name)
        return build_to_proto(row)

    async def ListBuilds(
        self, request: builds_pb2.ListBuildsRequest, _context: Context
    ) -> builds_pb2.ListBuildsResponse:
        window = self._lists.window("ListBuilds", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        project = names.project_of(request.parent)
        page = await self._lists.page(
            window, build_to_proto, store.list_page, project, window, filter_
        )
        return builds_pb2.ListBuildsResponse(
            builds=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateBuild(
        self, request: builds_pb2.CreateBuildRequest, _context: Context
    ) -> builds_pb2.Build:
        return await self._database.write(
            operations.create,
            _new_build(request),
            once=once(request, builds_pb2.Build),
            reply=build_to_proto,
        )

    async def DeleteBuild(self, request: builds_pb2.DeleteBuildRequest, _context: Context) -> Empty:
        await self._database.write(operations.delete, *names.ids(request.name))
        return Empty()


def _new_build(request: builds_pb2.CreateBuildRequest) -> operations.NewBuild:
    build, project = request.build, names.project_of(request.parent)
    if names.project_of(build.pipeline) != project:
        raise invalid("build.pipeline", "must lie in the build's project")
    if not build.HasField("image") and not build.step_images:
        raise invalid("build.image", "is required where no step has an image of its own")
    return operations.NewBuild(
        project=project,
        id=request.build_id,
        pipeline=names.last(build.pipeline),
        checksum=build.checksum,
        creator=caller().subject,
        image=message_to_dict(build.image) if build.HasField("image") else {},
        step_images={step: message_to_dict(own) for step, own in build.step_images.items()},
        labels=dict(build.labels),
    )


def build_to_proto(row: Build) -> builds_pb2.Build:
    build = builds_pb2.Build(
        name=row.name,
        uid=str(row.uid),
        labels=row.labels or None,
        creator=row.creator,
        create_time=stamp(row.create_time),
        revision=row.revision,
        pipeline=names.child(names.project(row.project), "pipelines", row.pipeline),
        checksum=row.checksum,
    )
    if row.image:
        json_format.ParseDict(row.image, build.image)
    for step, image in row.step_images.items():
        json_format.ParseDict(image, build.step_images[step])
    return build
