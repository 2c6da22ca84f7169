"""The components of StackService."""

from datetime import timedelta

from google.protobuf.empty_pb2 import Empty

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.idempotency import once
from weftapi.workspace.v1 import components_pb2
from workspace import names
from workspace.operations import components as operations
from workspace.operations.refusals import absent
from workspace.servicers.converting import caller, masked, stamp, struct_to_dict
from workspace.servicers.listing import Lists
from workspace.stacks.checks import Check
from workspace.stacks.trying import Trials
from workspace.store import components as store
from workspace.store.schema_stacks import Component


class Components:
    """Serves them from the database, and tries them."""

    _database: Database
    _lists: Lists
    _trials: Trials

    async def GetComponent(
        self, request: components_pb2.GetComponentRequest, _context: Context
    ) -> components_pb2.Component:
        row = await self._database.read(store.get, names.last(request.name))
        if row is None:
            raise absent(request.name)
        return component_to_proto(row)

    async def ListComponents(
        self, request: components_pb2.ListComponentsRequest, _context: Context
    ) -> components_pb2.ListComponentsResponse:
        window = self._lists.window("ListComponents", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        page = await self._lists.page(window, component_to_proto, store.list_page, window, filter_)
        return components_pb2.ListComponentsResponse(
            components=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateComponent(
        self, request: components_pb2.CreateComponentRequest, _context: Context
    ) -> components_pb2.Component:
        component = request.component
        new = operations.NewComponent(
            id=request.component_id,
            flavor=names.last(component.flavor),
            config=struct_to_dict(component.config),
            creator=caller().subject,
            connector=names.last(component.connector),
            connector_resource=component.connector_resource,
            display_name=component.display_name,
            description=component.description,
            labels=dict(component.labels),
        )
        return await self._database.write(
            operations.create,
            new,
            once=once(request, components_pb2.Component),
            trial=request.validate_only,
            reply=component_to_proto,
        )

    async def UpdateComponent(
        self, request: components_pb2.UpdateComponentRequest, _context: Context
    ) -> components_pb2.Component:
        component = request.component
        values = masked(component, request.update_mask)
        if "config" in values:
            values["config"] = struct_to_dict(component.config)
        if "connector" in values:
            values["connector"] = names.last(component.connector)
        return await self._database.write(
            operations.change,
            names.last(component.name),
            values,
            etag=component.etag,
            once=once(request, components_pb2.Component),
            trial=request.validate_only,
            reply=component_to_proto,
        )

    async def DeleteComponent(
        self, request: components_pb2.DeleteComponentRequest, _context: Context
    ) -> Empty:
        await self._database.write(operations.delete, names.last(request.name), etag=request.etag)
        return Empty()

    async def ValidateComponent(
        self, request: components_pb2.ValidateComponentRequest, _context: Context
    ) -> components_pb2.ValidationReport:
        row = await self._database.read(store.get, names.last(request.name))
        if row is None:
            raise absent(request.name)
        return report_to_proto(await self._trials.component(row))


def component_to_proto(row: Component) -> components_pb2.Component:
    component = components_pb2.Component(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        labels=row.labels,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        type=row.type,
        flavor=f"flavors/{row.flavor}",
        connector=f"serviceConnectors/{row.connector}" if row.connector else "",
        connector_resource=row.connector_resource,
    )
    component.config.update(row.config)
    return component


def report_to_proto(checks: list[Check]) -> components_pb2.ValidationReport:
    report = components_pb2.ValidationReport(ok=all(check.ok for check in checks))
    for check in checks:
        told = report.checks.add(
            component=check.component,
            check=check.check,
            ok=check.ok,
            reason=check.reason,
            remedy=check.remedy,
        )
        told.duration.FromTimedelta(timedelta(seconds=check.duration_s))
    return report
