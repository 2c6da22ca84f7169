"""ModelService: models, their versions and what these link; stages stand in model_stages.py."""

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from meshkit.authentication import Context
from meshkit.caller import Caller, CallerKind
from meshkit.database import Database
from meshkit.errors import PermissionDenied
from meshkit.idempotency import once
from meshkit.rules import resolve_update_mask
from meshkit.scopes import ExtraCheck
from weftapi.workspace.v1 import model_types_pb2, models_pb2
from workspace import names
from workspace.access import Access
from workspace.operations import model_versions as version_operations
from workspace.operations import models as operations
from workspace.operations.model_versions import NewVersion, Targets, VersionKey
from workspace.operations.refusals import absent, invalid
from workspace.servicers.converting import caller
from workspace.servicers.listing import Lists
from workspace.servicers.model_messages import (
    link_to_proto,
    model_to_proto,
    values_of,
    version_to_proto,
)
from workspace.servicers.model_stages import StageMethods, model_of
from workspace.store import model_versions as version_store
from workspace.store import models as store
from workspace.store.schema_models import ModelVersionLink

_Links = models_pb2.LinkModelVersionResponse


class ModelServicer(StageMethods):
    def __init__(self, database: Database, lists: Lists) -> None:
        super().__init__(database, lists)
        self._database = database
        self._lists = lists

    async def GetModel(
        self, request: models_pb2.GetModelRequest, _context: Context
    ) -> model_types_pb2.Model:
        row = await self._database.read(store.get, *names.ids(request.name))
        if row is None:
            raise absent(request.name)
        return model_to_proto(row)

    async def ListModels(
        self, request: models_pb2.ListModelsRequest, _context: Context
    ) -> models_pb2.ListModelsResponse:
        window = self._lists.window("ListModels", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        project = names.project_of(request.parent)
        page = await self._lists.page(
            window, model_to_proto, store.list_page, project, window, filter_
        )
        return models_pb2.ListModelsResponse(
            models=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateModel(
        self, request: models_pb2.CreateModelRequest, _context: Context
    ) -> model_types_pb2.Model:
        fields = ("display_name", "description", "labels", "annotations", "approval_stages")
        return await self._database.write(
            operations.create,
            names.last(request.parent),
            request.model_id,
            values_of(request.model, fields),
            creator=caller().subject,
            once=once(request, model_types_pb2.Model),
            reply=model_to_proto,
        )

    async def UpdateModel(
        self, request: models_pb2.UpdateModelRequest, _context: Context
    ) -> model_types_pb2.Model:
        model = request.model
        paths = resolve_update_mask(model, request.update_mask)
        return await self._database.write(
            operations.change,
            *names.ids(model.name),
            values_of(model, paths),
            etag=model.etag,
            once=once(request, model_types_pb2.Model),
            reply=model_to_proto,
        )

    async def DeleteModel(self, request: models_pb2.DeleteModelRequest, _context: Context) -> Empty:
        await self._database.write(operations.delete, *names.ids(request.name), etag=request.etag)
        return Empty()

    async def GetModelVersion(
        self, request: models_pb2.GetModelVersionRequest, _context: Context
    ) -> model_types_pb2.ModelVersion:
        row = await self._database.read(version_store.find, *names.ids(request.name))
        if row is None:
            raise absent(request.name)
        return version_to_proto(row)

    async def ListModelVersions(
        self, request: models_pb2.ListModelVersionsRequest, _context: Context
    ) -> models_pb2.ListModelVersionsResponse:
        window = self._lists.window("ListModelVersions", request, version_store.ORDERS)
        filter_ = self._lists.filter(version_store.FIELDS, request.filter)
        page = await self._lists.page(
            window,
            version_to_proto,
            version_store.list_page,
            *model_of(request.parent),
            window,
            filter_,
        )
        return models_pb2.ListModelVersionsResponse(
            model_versions=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateModelVersion(
        self, request: models_pb2.CreateModelVersionRequest, _context: Context
    ) -> model_types_pb2.ModelVersion:
        project, model = names.ids(request.parent)
        version = request.model_version
        if version.run and names.outside(project, [version.run]):
            raise absent(version.run)
        new = NewVersion(
            project,
            model,
            caller().subject,
            version_id=request.version_id,
            run=names.last(version.run),
            values=values_of(version, ("description", "labels", "metadata")),
        )
        return await self._database.write(
            version_operations.create,
            new,
            once=once(request, model_types_pb2.ModelVersion),
            reply=version_to_proto,
        )

    async def UpdateModelVersion(
        self, request: models_pb2.UpdateModelVersionRequest, _context: Context
    ) -> model_types_pb2.ModelVersion:
        version = request.model_version
        paths = resolve_update_mask(version, request.update_mask)
        return await self._database.write(
            version_operations.change,
            VersionKey.of(version.name),
            values_of(version, paths),
            etag=version.etag,
            once=once(request, model_types_pb2.ModelVersion),
            reply=version_to_proto,
        )

    async def DeleteModelVersion(
        self, request: models_pb2.DeleteModelVersionRequest, _context: Context
    ) -> Empty:
        key = VersionKey.of(request.name)
        await self._database.write(version_operations.delete, key, etag=request.etag)
        return Empty()

    async def LinkModelVersion(
        self, request: models_pb2.LinkModelVersionRequest, _context: Context
    ) -> _Links:
        return await self._database.write(
            version_operations.link,
            VersionKey.of(request.name),
            _targets(request),
            creator=caller().subject,
            reply=_links_to_proto,
        )

    async def UnlinkModelVersion(
        self, request: models_pb2.UnlinkModelVersionRequest, _context: Context
    ) -> Empty:
        key = VersionKey.of(request.name)
        await self._database.write(version_operations.unlink, key, _targets(request))
        return Empty()

    async def ListModelVersionLinks(
        self, request: models_pb2.ListModelVersionLinksRequest, _context: Context
    ) -> models_pb2.ListModelVersionLinksResponse:
        window = self._lists.window("ListModelVersionLinks", request, version_store.LINK_ORDERS)
        filter_ = self._lists.filter(version_store.LINK_FIELDS, request.filter)
        project, _, version = key = names.ids(request.parent)
        one = None
        if version != names.WILDCARD:
            row = await self._database.read(version_store.find, *key)
            if row is None:
                raise absent(request.parent)
            one = row.uid
        page = await self._lists.page(
            window, link_to_proto, version_store.list_links, project, one, window, filter_
        )
        return models_pb2.ListModelVersionLinksResponse(
            links=page.items, next_page_token=page.next_page_token, revision=page.revision
        )


def _targets(
    request: models_pb2.LinkModelVersionRequest | models_pb2.UnlinkModelVersionRequest,
) -> Targets:
    """What a request names, all of it in the version's project."""
    targets = Targets(request.artifact_versions, request.runs)
    if not targets.names:
        raise invalid("artifact_versions", "must not be empty where `runs` is")
    outside = names.outside(names.project_of(request.name), targets.names)
    if outside:
        raise absent(outside)
    return targets


def _links_to_proto(rows: list[ModelVersionLink]) -> _Links:
    return _Links(links=[link_to_proto(row) for row in rows])


def run_of_new_version(request: Message) -> list[str]:
    """The run that a request says makes a version: what `model_version_of_own_run` looks at."""
    assert isinstance(request, models_pb2.CreateModelVersionRequest)
    return [request.model_version.run]


def linking_own_model_version(database: Database) -> ExtraCheck:
    """The extra check of that name: a run token links to the version that its run makes."""

    async def check(caller: Caller, request: Message) -> None:
        if caller.kind is not CallerKind.RUN:
            return
        assert isinstance(request, models_pb2.LinkModelVersionRequest)
        project, run, _attempt = names.ids(caller.subject)
        row = await database.read(version_store.find, *names.ids(request.name))
        if row is None:
            raise absent(request.name)
        if (row.project, row.run) != (project, run):
            raise PermissionDenied("NOT_PERMITTED", "A run token reaches its own run only.")

    return check


def approval_rule(access: Access) -> ExtraCheck:
    """The extra check of that name: whoever could not approve cannot do away with approvals."""

    allowed = access.require("models.approve")

    async def check(caller: Caller, request: Message) -> None:
        assert isinstance(request, models_pb2.UpdateModelRequest)
        paths = request.update_mask.paths
        is_named = "*" in paths or "approval_stages" in paths
        if is_named or (not paths and request.model.approval_stages):
            await allowed(caller, request.model.name)

    return check
