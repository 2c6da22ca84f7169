"""SavedViewService."""

from collections.abc import Iterable
from typing import Any

from google.protobuf.empty_pb2 import Empty

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.idempotency import once
from meshkit.rules import resolve_update_mask
from weftapi.workspace.v1 import saved_views_pb2, saved_views_pb2_grpc
from workspace import names
from workspace.access import Policies
from workspace.operations import saved_views as operations
from workspace.operations.refusals import absent
from workspace.servicers.converting import caller, numbers, short_names, stamp
from workspace.servicers.listing import Lists
from workspace.store import saved_views as store
from workspace.store.schema_saved_views import SavedView, SavedViewScope

_SCOPES = short_names(saved_views_pb2.SavedViewScope)
_SCOPE_NUMBERS = numbers(saved_views_pb2.SavedViewScope)
_FIELDS = (
    "display_name",
    "description",
    "scope",
    "collection",
    "filter",
    "order_by",
    "columns",
)


class SavedViewServicer(saved_views_pb2_grpc.SavedViewServiceServicer):
    def __init__(self, database: Database, lists: Lists, policies: Policies) -> None:
        self._database = database
        self._lists = lists
        self._policies = policies

    async def GetSavedView(
        self, request: saved_views_pb2.GetSavedViewRequest, _context: Context
    ) -> saved_views_pb2.SavedView:
        row = await self._database.read(store.get, *names.ids(request.name))
        if row is None or not row.is_visible_to(caller().subject):
            raise absent(request.name)
        return saved_view_to_proto(row)

    async def ListSavedViews(
        self, request: saved_views_pb2.ListSavedViewsRequest, _context: Context
    ) -> saved_views_pb2.ListSavedViewsResponse:
        window = self._lists.window("ListSavedViews", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        project, subject = names.project_of(request.parent), caller().subject
        page = await self._lists.page(
            window, saved_view_to_proto, store.list_page, project, subject, window, filter_
        )
        return saved_views_pb2.ListSavedViewsResponse(
            saved_views=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateSavedView(
        self, request: saved_views_pb2.CreateSavedViewRequest, _context: Context
    ) -> saved_views_pb2.SavedView:
        return await self._database.write(
            operations.create,
            names.last(request.parent),
            request.saved_view_id,
            _values(request.saved_view, _FIELDS),
            keeper=self._keeper(request.parent),
            once=once(request, saved_views_pb2.SavedView),
            trial=request.validate_only,
            reply=saved_view_to_proto,
        )

    async def UpdateSavedView(
        self, request: saved_views_pb2.UpdateSavedViewRequest, _context: Context
    ) -> saved_views_pb2.SavedView:
        wanted = request.saved_view
        return await self._database.write(
            operations.change,
            *names.ids(wanted.name),
            _values(wanted, resolve_update_mask(wanted, request.update_mask)),
            etag=wanted.etag,
            keeper=self._keeper(wanted.name),
            once=once(request, saved_views_pb2.SavedView),
            trial=request.validate_only,
            reply=saved_view_to_proto,
        )

    async def ShareSavedView(
        self, request: saved_views_pb2.ShareSavedViewRequest, _context: Context
    ) -> saved_views_pb2.SavedView:
        return await self._database.write(
            operations.share,
            *names.ids(request.name),
            etag=request.etag,
            keeper=self._keeper(request.name),
            reply=saved_view_to_proto,
        )

    async def DeleteSavedView(
        self, request: saved_views_pb2.DeleteSavedViewRequest, _context: Context
    ) -> Empty:
        await self._database.write(
            operations.delete,
            *names.ids(request.name),
            etag=request.etag,
            keeper=self._keeper(request.name),
        )
        return Empty()

    def _keeper(self, resource: str) -> operations.Keeper:
        me = caller()
        may_share = self._policies.allows(me, operations.SHARE_PERMISSION, resource)
        return operations.Keeper(me.subject, may_share)


def saved_view_to_proto(row: SavedView) -> saved_views_pb2.SavedView:
    scope: Any = _SCOPE_NUMBERS[row.scope]
    return saved_views_pb2.SavedView(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        scope=scope,
        collection=row.collection,
        filter=row.filter,
        order_by=row.order_by,
        columns=row.columns,
    )


def _values(wanted: saved_views_pb2.SavedView, paths: Iterable[str]) -> dict[str, Any]:
    """The named fields as plain values."""
    values = {path: getattr(wanted, path) for path in paths}
    if "scope" in values:
        values["scope"] = _SCOPES[values["scope"]] or SavedViewScope.PRIVATE.value
    if "columns" in values:
        values["columns"] = list(values["columns"])
    return values
