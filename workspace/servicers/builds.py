"""BuildService."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.idempotency import once
from weftapi.workspace.v1 import builds_pb2, builds_pb2_grpc
from workspace import names
from workspace.building.desk import BuildDesk
from workspace.launching.build_logs import BuildLogs
from workspace.operations import builds as operations
from workspace.operations.builds import BUILDING
from workspace.operations.refusals import absent, invalid
from workspace.servicers.converting import caller, stamp
from workspace.servicers.listing import Lists
from workspace.store import builds as store
from workspace.store.schema_snapshots import Build


class BuildServicer(builds_pb2_grpc.BuildServiceServicer):
    def __init__(
        self,
        database: Database,
        lists: Lists,
        desk: BuildDesk,
        logs: BuildLogs,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._lists = lists
        self._desk = desk
        self._logs = logs
        self._wake = wake

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
        new = _new_build(request)
        if new.recipes:
            await self._desk.judge(new, caller().scope)
        build = await self._database.write(
            operations.create,
            new,
            once=once(request, builds_pb2.Build),
            reply=build_to_proto,
        )
        self._wake()
        return build

    async def CancelBuild(
        self, request: builds_pb2.CancelBuildRequest, _context: Context
    ) -> builds_pb2.Build:
        build = await self._database.write(
            operations.cancel,
            *names.ids(request.name),
            once=once(request, builds_pb2.Build),
            reply=build_to_proto,
        )
        self._wake()
        return build

    async def TailBuildLog(
        self, request: builds_pb2.TailBuildLogRequest, context: Context
    ) -> AsyncIterator[builds_pb2.TailBuildLogResponse]:
        tail = self._logs.tail(request.name, request.step, request.offset_bytes)
        async with aclosing(tail):
            is_first = True
            async for part in tail:
                if is_first:
                    has_ended = part.is_end and not part.text and request.offset_bytes
                    told = [("x-weft-ended", "true")] if has_ended else []
                    await context.send_initial_metadata(told)
                is_first = False
                yield builds_pb2.TailBuildLogResponse(
                    text=part.text, next_offset_bytes=part.next_offset, end_of_stream=part.is_end
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
    images = _images(build)
    recipes, fields = _recipes(images)
    if recipes and not build.stack:
        raise invalid("build.stack", "is required where a workload is to build an image")
    return operations.NewBuild(
        project=project,
        id=request.build_id,
        pipeline=names.last(build.pipeline),
        checksum=build.checksum,
        creator=caller().subject,
        image=_image(build.image) if build.HasField("image") else {},
        step_images={step: _image(own) for step, own in build.step_images.items()},
        labels=dict(build.labels),
        stack=names.last(build.stack),
        recipes=recipes,
        fields=fields,
    )


def _images(build: builds_pb2.Build) -> dict[str, builds_pb2.BuildImage]:
    """The images of a build, by where the request names them."""
    own = {"build.image": build.image} if build.HasField("image") else {}
    return own | {f"build.step_images[{step}]": each for step, each in build.step_images.items()}


def _recipes(
    images: Mapping[str, builds_pb2.BuildImage],
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The recipes of those that are to be built, by URI, and where each is named first."""
    fields: dict[str, str] = {}
    for field, image in images.items():
        if bool(image.digest) is image.HasField("recipe"):
            raise invalid(field, "has either a digest or a recipe")
        # What is built under a URI is one image: it would be chance which of two recipes counts.
        first = fields.setdefault(image.uri, field)
        is_built = image.HasField("recipe") or images[first].HasField("recipe")
        if is_built and images[first] != image:
            raise invalid(field, f"has the URI of {first}, and is another image")
    found = {image.uri: _recipe(image.recipe) for image in images.values() if not image.digest}
    return found, fields


def _image(image: builds_pb2.BuildImage) -> dict[str, Any]:
    """What everybody may see of an image."""
    return {"uri": image.uri} | ({"digest": image.digest} if image.digest else {})


def _recipe(recipe: builds_pb2.ImageRecipe) -> dict[str, Any]:
    return {
        "base": recipe.base,
        "requirements": list(recipe.requirements),
        "build_arguments": dict(recipe.build_arguments),
        "python": recipe.python,
    }


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
        stack=names.stack(row.stack) if row.stack else "",
        state=builds_pb2.BuildState.Value(f"BUILD_STATE_{row.state}"),
        state_reason=row.state_reason,
        # Of those that were there before ends were taken down, it is their beginning.
        end_time=stamp(row.end_time or row.create_time) if row.state != BUILDING else None,
    )
    if row.image:
        json_format.ParseDict(row.image, build.image)
    for step, image in row.step_images.items():
        json_format.ParseDict(image, build.step_images[step])
    return build
