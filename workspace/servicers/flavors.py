"""The flavors of StackService."""

from typing import Any

from google.protobuf.empty_pb2 import Empty

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.filters import Field, Fields, Kind
from meshkit.idempotency import once
from meshkit.paging import OrderKey, Orders
from weftapi.workspace.v1 import components_pb2
from workspace import names
from workspace.operations import flavors as operations
from workspace.operations.refusals import absent
from workspace.servicers.converting import caller, numbers, stamp, struct_to_dict
from workspace.servicers.listing import Lists
from workspace.stacks.flavors import BUILT_IN, RECORDED
from workspace.store import flavors as store
from workspace.store.schema_stacks import Flavor

_USES = numbers(components_pb2.FlavorUse)
# Those of the code and those of the database make one list, in memory.
_ORDERS = Orders(
    (OrderKey("name", value=lambda row: row.id),),
    OrderKey("uid", value=lambda row: str(row.uid)),
    default="name",
)
_FIELDS = Fields(
    Field("built_in", Kind.BOOL, getter=lambda row: row.id in BUILT_IN),
    Field("type", Kind.STRING),
)


class Flavors:
    """Reads those that come with Weft from the code, the others from the database."""

    _database: Database
    _lists: Lists

    async def GetFlavor(
        self, request: components_pb2.GetFlavorRequest, _context: Context
    ) -> components_pb2.Flavor:
        id_ = names.last(request.name)
        built_in = BUILT_IN.get(id_)
        row = built_in.flavor if built_in else await self._database.read(store.get, id_)
        if row is None:
            raise absent(request.name)
        return flavor_to_proto(row)

    async def ListFlavors(
        self, request: components_pb2.ListFlavorsRequest, _context: Context
    ) -> components_pb2.ListFlavorsResponse:
        window = self._lists.window("ListFlavors", request, _ORDERS)
        filter_ = self._lists.filter(_FIELDS, request.filter)
        made = await self._database.read(store.list_all)
        rows = [*(each.flavor for each in BUILT_IN.values()), *made.rows]
        if filter_:
            rows = list(filter(filter_.predicate(), rows))
        page = window.page(window.pick(rows), flavor_to_proto, revision=made.revision)
        return components_pb2.ListFlavorsResponse(
            flavors=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateFlavor(
        self, request: components_pb2.CreateFlavorRequest, _context: Context
    ) -> components_pb2.Flavor:
        flavor = request.flavor
        new = operations.NewFlavor(
            id=request.flavor_id,
            type=flavor.type,
            config_schema=struct_to_dict(flavor.config_schema),
            creator=caller().subject,
            display_name=flavor.display_name,
            description=flavor.description,
            labels=dict(flavor.labels),
        )
        return await self._database.write(
            operations.create,
            new,
            once=once(request, components_pb2.Flavor),
            reply=flavor_to_proto,
        )

    async def DeleteFlavor(
        self, request: components_pb2.DeleteFlavorRequest, _context: Context
    ) -> Empty:
        await self._database.write(operations.delete, names.last(request.name), etag=request.etag)
        return Empty()


def flavor_to_proto(row: Flavor) -> components_pb2.Flavor:
    built_in = BUILT_IN.get(row.id)
    use: Any = _USES[built_in.use if built_in else RECORDED]
    flavor = components_pb2.Flavor(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        labels=row.labels,
        creator=row.creator,
        create_time=stamp(row.create_time),
        revision=row.revision,
        etag=names.etag(row.uid, 1),
        type=row.type,
        use=use,
        built_in=built_in is not None,
    )
    flavor.config_schema.update(row.config_schema)
    return flavor
