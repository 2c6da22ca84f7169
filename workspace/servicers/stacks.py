"""StackService; its components and flavors stand in files of their own."""

from typing import Any

from google.protobuf.empty_pb2 import Empty

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.idempotency import once
from weftapi.workspace.v1 import components_pb2, stacks_pb2, stacks_pb2_grpc
from workspace import names
from workspace.operations import stacks as operations
from workspace.operations.refusals import absent
from workspace.servicers.components import Components, component_to_proto, report_to_proto
from workspace.servicers.converting import caller, masked, stamp
from workspace.servicers.flavors import Flavors
from workspace.servicers.listing import Lists
from workspace.stacks.trying import Trials
from workspace.store import stacks as store
from workspace.store.schema_stacks import Stack


class StackServicer(Components, Flavors, stacks_pb2_grpc.StackServiceServicer):
    def __init__(self, database: Database, lists: Lists, trials: Trials) -> None:
        self._database = database
        self._lists = lists
        self._trials = trials

    async def GetStack(
        self, request: stacks_pb2.GetStackRequest, _context: Context
    ) -> stacks_pb2.Stack:
        row = await self._database.read(store.get, names.last(request.name))
        if row is None:
            raise absent(request.name)
        return stack_to_proto(row)

    async def ListStacks(
        self, request: stacks_pb2.ListStacksRequest, _context: Context
    ) -> stacks_pb2.ListStacksResponse:
        window = self._lists.window("ListStacks", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        page = await self._lists.page(window, stack_to_proto, store.list_page, window, filter_)
        return stacks_pb2.ListStacksResponse(
            stacks=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateStack(
        self, request: stacks_pb2.CreateStackRequest, _context: Context
    ) -> stacks_pb2.Stack:
        stack = request.stack
        new = operations.NewStack(
            id=request.stack_id,
            creator=caller().subject,
            workspace_default=stack.workspace_default,
            display_name=stack.display_name,
            description=stack.description,
            labels=dict(stack.labels),
            **_parts(stack),
        )
        return await self._database.write(
            operations.create,
            new,
            once=once(request, stacks_pb2.Stack),
            trial=request.validate_only,
            reply=stack_to_proto,
        )

    async def UpdateStack(
        self, request: stacks_pb2.UpdateStackRequest, _context: Context
    ) -> stacks_pb2.Stack:
        stack = request.stack
        values = masked(stack, request.update_mask)
        values.update((path, plain) for path, plain in _parts(stack).items() if path in values)
        return await self._database.write(
            operations.change,
            names.last(stack.name),
            values,
            etag=stack.etag,
            once=once(request, stacks_pb2.Stack),
            trial=request.validate_only,
            reply=stack_to_proto,
        )

    async def DeleteStack(self, request: stacks_pb2.DeleteStackRequest, _context: Context) -> Empty:
        await self._database.write(operations.delete, names.last(request.name), etag=request.etag)
        return Empty()

    async def ValidateStack(
        self, request: stacks_pb2.ValidateStackRequest, _context: Context
    ) -> components_pb2.ValidationReport:
        resolved = await self._database.read(store.resolved, names.last(request.name))
        if resolved is None:
            raise absent(request.name)
        return report_to_proto(await self._trials.stack(resolved))


def _parts(stack: stacks_pb2.Stack) -> dict[str, Any]:
    """What a stack is made of, by id."""
    return {
        "components": {type_: names.last(name) for type_, name in stack.components.items()},
        "additional_components": [names.last(name) for name in stack.additional_components],
    }


def stack_to_proto(row: Stack) -> stacks_pb2.Stack:
    return stacks_pb2.Stack(
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
        components={type_: f"components/{id_}" for type_, id_ in row.components.items()},
        additional_components=[f"components/{id_}" for id_ in row.additional_components],
        workspace_default=row.workspace_default,
    )


def run_stack_to_proto(resolved: store.Resolved | None) -> stacks_pb2.RunStack:
    """A stack as runs are given it; None stands for the workspace itself."""
    if resolved is None:
        return stacks_pb2.RunStack()
    shown = stacks_pb2.RunStack(stack=resolved.stack.name)
    defaults = set(resolved.stack.components.values())
    for row in resolved.components:
        component = component_to_proto(row)
        shown.components.add(
            component=component.name,
            type=row.type,
            flavor=component.flavor,
            config=component.config,
            connector=component.connector,
            connector_resource=row.connector_resource,
            type_default=row.id in defaults,
        )
    return shown
