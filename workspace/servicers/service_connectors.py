"""ServiceConnectorService."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from google.protobuf.empty_pb2 import Empty

from meshkit.authentication import Context
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.idempotency import once
from meshkit.paging import OrderKey, Orders
from meshkit.rules import resolve_update_mask
from weftapi.workspace.v1 import service_connectors_pb2, service_connectors_pb2_grpc
from workspace import names
from workspace.access import Policies
from workspace.connectors import types
from workspace.connectors.desk import ConnectorDesk
from workspace.connectors.model import MAX_TTL, Access, Wanted
from workspace.operations import service_connectors as operations
from workspace.operations.authors import SECRETS_PERMISSION, Author
from workspace.operations.refusals import absent
from workspace.secrets.sealer import Sealer
from workspace.servicers.converting import caller, struct_to_dict, time_of
from workspace.servicers.issued_credentials import issued_to_proto
from workspace.servicers.listing import Lists
from workspace.servicers.service_connector_messages import connector_to_proto, type_to_proto
from workspace.store import service_connectors as store
from workspace.store.schema_connectors import ServiceConnector

_TYPE_ORDER = Orders((OrderKey("id"),), OrderKey("id"), default="id")
_ACCESS = {
    service_connectors_pb2.CREDENTIAL_ACCESS_UNSPECIFIED: Access.READ,
    service_connectors_pb2.CREDENTIAL_ACCESS_READ: Access.READ,
    service_connectors_pb2.CREDENTIAL_ACCESS_WRITE: Access.WRITE,
}


class ServiceConnectorServicer(service_connectors_pb2_grpc.ServiceConnectorServiceServicer):
    def __init__(
        self,
        database: Database,
        lists: Lists,
        policies: Policies,
        *,
        sealer: Sealer,
        desk: ConnectorDesk,
        clock: Clock,
    ) -> None:
        self._database = database
        self._policies = policies
        self._lists = lists
        self._sealer = sealer
        self._desk = desk
        self._clock = clock

    async def ListConnectorTypes(
        self, request: service_connectors_pb2.ListConnectorTypesRequest, _context: Context
    ) -> service_connectors_pb2.ListConnectorTypesResponse:
        window = self._lists.window("ListConnectorTypes", request, _TYPE_ORDER)
        page = window.page(window.pick(types.every()), type_to_proto, revision=0)
        return service_connectors_pb2.ListConnectorTypesResponse(
            connector_types=page.items, next_page_token=page.next_page_token
        )

    async def GetConnectorType(
        self, request: service_connectors_pb2.GetConnectorTypeRequest, _context: Context
    ) -> service_connectors_pb2.ConnectorType:
        found = types.get(names.last(request.name))
        if found is None:
            raise absent(request.name)
        return type_to_proto(found)

    async def GetServiceConnector(
        self, request: service_connectors_pb2.GetServiceConnectorRequest, _context: Context
    ) -> service_connectors_pb2.ServiceConnector:
        row = await self._database.read(store.get, names.last(request.name))
        if row is None:
            raise absent(request.name)
        return connector_to_proto(row)

    async def ListServiceConnectors(
        self, request: service_connectors_pb2.ListServiceConnectorsRequest, _context: Context
    ) -> service_connectors_pb2.ListServiceConnectorsResponse:
        window = self._lists.window("ListServiceConnectors", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        page = await self._lists.page(window, connector_to_proto, store.list_page, window, filter_)
        return service_connectors_pb2.ListServiceConnectorsResponse(
            service_connectors=page.items,
            next_page_token=page.next_page_token,
            revision=page.revision,
        )

    async def CreateServiceConnector(
        self, request: service_connectors_pb2.CreateServiceConnectorRequest, _context: Context
    ) -> service_connectors_pb2.ServiceConnector:
        wanted = request.service_connector
        return await self._database.write(
            operations.create,
            self._sealer,
            request.service_connector_id,
            {"type": names.last(wanted.type), **_values(wanted, _SETTABLE)},
            author=self._author(),
            once=once(request, service_connectors_pb2.ServiceConnector),
            trial=request.validate_only,
            reply=connector_to_proto,
        )

    async def UpdateServiceConnector(
        self, request: service_connectors_pb2.UpdateServiceConnectorRequest, _context: Context
    ) -> service_connectors_pb2.ServiceConnector:
        wanted = request.service_connector
        return await self._database.write(
            operations.change,
            self._sealer,
            names.last(wanted.name),
            _values(wanted, resolve_update_mask(wanted, request.update_mask)),
            etag=wanted.etag,
            author=self._author(),
            once=once(request, service_connectors_pb2.ServiceConnector),
            trial=request.validate_only,
            reply=connector_to_proto,
        )

    async def DeleteServiceConnector(
        self, request: service_connectors_pb2.DeleteServiceConnectorRequest, _context: Context
    ) -> Empty:
        await self._database.write(operations.delete, names.last(request.name), etag=request.etag)
        return Empty()

    async def VerifyServiceConnector(
        self, request: service_connectors_pb2.VerifyServiceConnectorRequest, _context: Context
    ) -> service_connectors_pb2.VerifyServiceConnectorResponse:
        row = await self._require(request.name)
        identity = await self._desk.identify(row)
        if request.resource_type:
            await self._desk.try_out(row, Wanted(request.resource_type, request.resource_id))
        await self._database.write(operations.record_use, row.name, request.resource_type)
        return service_connectors_pb2.VerifyServiceConnectorResponse(identity=identity)

    async def ListConnectorResources(
        self, request: service_connectors_pb2.ListConnectorResourcesRequest, _context: Context
    ) -> service_connectors_pb2.ListConnectorResourcesResponse:
        method = f"ListConnectorResources:{request.resource_type}"
        window = self._lists.window(method, request, _TYPE_ORDER)
        row = await self._require(request.parent)
        found = await self._desk.resources(row, request.resource_type)
        page = window.page(window.pick(found), _resource_to_proto, revision=0)
        return service_connectors_pb2.ListConnectorResourcesResponse(
            resources=page.items, next_page_token=page.next_page_token
        )

    async def IssueCredentials(
        self, request: service_connectors_pb2.IssueCredentialsRequest, _context: Context
    ) -> service_connectors_pb2.IssueCredentialsResponse:
        row = await self._require(request.name)
        wanted = Wanted(
            request.resource_type,
            request.resource_id,
            _ACCESS.get(request.access, Access.READ),
            _ttl(request),
        )
        issued = await self._desk.issue(row, wanted)
        # Written down before anybody has them.
        await self._database.write(operations.record_use, row.name, request.resource_type)
        return issued_to_proto(issued, request.resource_type)

    def _author(self) -> Author:
        me = caller()
        return Author(me.subject, self._policies.allows(me, SECRETS_PERMISSION, ""))

    async def _require(self, name: str) -> ServiceConnector:
        """The connector, if anything may be asked of it."""
        now = self._clock.now()
        return await self._database.read(operations.require, names.last(name), now)


_SETTABLE = (
    "display_name",
    "description",
    "labels",
    "annotations",
    "auth_method",
    "resource_types",
    "resource_id",
    "config",
    "secret_config",
    "secret_name",
    "expire_time",
)


def _values(
    wanted: service_connectors_pb2.ServiceConnector, paths: Iterable[str]
) -> dict[str, Any]:
    """The named fields as plain values."""
    values = {path: _plain(wanted, path) for path in paths}
    if "secret_name" in values:
        values["secret"] = names.last(values.pop("secret_name"))
    return values


def _plain(wanted: service_connectors_pb2.ServiceConnector, path: str) -> Any:
    match path:
        case "config":
            return struct_to_dict(wanted.config)
        case "labels" | "annotations" | "secret_config":
            return dict(getattr(wanted, path))
        case "resource_types":
            return list(wanted.resource_types)
        case "expire_time":
            return time_of(wanted, path)
        case _:
            return getattr(wanted, path)


def _ttl(request: service_connectors_pb2.IssueCredentialsRequest) -> timedelta:
    return request.ttl.ToTimedelta() if request.HasField("ttl") else MAX_TTL


def _resource_to_proto(resource: Any) -> service_connectors_pb2.ConnectorResource:
    return service_connectors_pb2.ConnectorResource(
        resource_id=resource.id, location=resource.location
    )
