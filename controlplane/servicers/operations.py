"""OperationsService: what happens to workspaces, as google.longrunning has it."""

import asyncio
from typing import Any

from google.longrunning import operations_pb2 as longrunning
from google.protobuf import empty_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2

from controlplane import names, store
from controlplane.lifecycle import Kind
from controlplane.linking import views
from controlplane.linking.views import WorkspaceView
from controlplane.operations import fleet
from controlplane.servicers.conversions import timestamp
from controlplane.servicers.workspace_messages import WorkspaceMessages
from controlplane.store.schema_fleet import Operation
from meshkit.authentication import Context
from meshkit.database import Database, Session
from meshkit.errors import DOMAIN
from meshkit.paging import ListQuery, PageTokens
from weftapi.controlplane.v1 import operations_pb2, operations_pb2_grpc

_DEFAULT_WAIT_S = 30.0
_Shown = tuple[Operation, WorkspaceView]


class OperationsServicer(operations_pb2_grpc.OperationsServiceServicer):
    """Shows operations, waits for them, and asks them to end early."""

    def __init__(
        self, database: Database, *, pages: PageTokens, messages: WorkspaceMessages
    ) -> None:
        self._database = database
        self._pages = pages
        self._messages = messages

    async def GetOperation(
        self, request: operations_pb2.GetOperationRequest, _context: Context
    ) -> longrunning.Operation:
        return self._to_proto(await self._database.read(self._read, request.name))

    async def ListOperations(
        self, request: operations_pb2.ListOperationsRequest, _context: Context
    ) -> operations_pb2.ListOperationsResponse:
        window = self._pages.window(
            ListQuery("ListOperations", request.parent),
            store.operations.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        found = await self._database.read(self._read_page, request.parent, window)
        shown = {row.uid: view for row, view in found}
        page = window.page(
            [row for row, _ in found],
            lambda row: self._to_proto((row, shown[row.uid])),
            revision=self._database.feed.head,
        )
        return operations_pb2.ListOperationsResponse(
            operations=page.items, next_page_token=page.next_page_token
        )

    async def CancelOperation(
        self, request: operations_pb2.CancelOperationRequest, _context: Context
    ) -> empty_pb2.Empty:
        organization, workspace = names.place_of(request.name)
        uid = names.uid_of(request.name)
        await self._database.write(fleet.cancel, organization, workspace, uid)
        return empty_pb2.Empty()

    async def WaitOperation(
        self, request: operations_pb2.WaitOperationRequest, _context: Context
    ) -> longrunning.Operation:
        loop = asyncio.get_running_loop()
        wait = request.timeout.ToTimedelta().total_seconds()
        until = loop.time() + (wait if request.HasField("timeout") else _DEFAULT_WAIT_S)
        while True:
            # Taken first: what changes while this reads is not missed.
            head = self._database.feed.head
            shown = await self._database.read(self._read, request.name)
            if shown[0].end_time is not None or loop.time() >= until:
                return self._to_proto(shown)
            await self._database.feed.wait(head, until - loop.time())

    def _read(self, session: Session, name: str) -> _Shown:
        organization, workspace = names.place_of(name)
        row = fleet.require(session, organization, workspace, names.uid_of(name))
        return row, self._views(session, [row])[0]

    def _read_page(self, session: Session, parent: str, window: Any) -> list[_Shown]:
        organization, workspace = names.place_of(parent)
        rows = store.operations.list_page(session, organization, workspace, window)
        return list(zip(rows, self._views(session, rows), strict=True))

    def _views(self, session: Session, rows: Any) -> list[WorkspaceView]:
        """The workspace of each operation, as it is now, or was in the end."""
        workspaces = [store.workspaces.get_any(session, row.workspace_uid) for row in rows]
        organization = rows[0].organization if rows else ""
        trust_domain = self._messages.trust_domain
        return views.of_rows(session, organization, workspaces, trust_domain) if rows else []

    def _to_proto(self, shown: _Shown) -> longrunning.Operation:
        return operation_to_proto(*shown, self._messages)


def operation_to_proto(
    row: Operation, view: WorkspaceView, messages: WorkspaceMessages
) -> longrunning.Operation:
    answer = longrunning.Operation(name=row.name, done=row.end_time is not None)
    answer.metadata.Pack(metadata_to_proto(row))
    if answer.done and row.error_code:
        _fail(answer, row)
    elif answer.done:
        is_gone = row.kind == Kind.DELETE
        response: Message = empty_pb2.Empty() if is_gone else messages.workspace(view)
        answer.response.Pack(response)
    return answer


def metadata_to_proto(row: Operation) -> operations_pb2.WorkspaceOperation:
    return operations_pb2.WorkspaceOperation(
        name=row.name,
        workspace=row.workspace_name,
        kind=operations_pb2.OperationKind.Value(f"OPERATION_KIND_{row.kind}"),
        progress=row.progress,
        creator=row.creator,
        create_time=timestamp(row.create_time),
        end_time=timestamp(row.end_time),
        expire_time=timestamp(row.expire_time),
        cancel_requested=row.cancel_requested,
        target_version=row.target_version,
    )


def _fail(answer: longrunning.Operation, row: Operation) -> None:
    answer.error.code, answer.error.message = row.error_code, row.error_message
    info = error_details_pb2.ErrorInfo(reason=row.error_reason, domain=DOMAIN)
    info.metadata["resource"] = row.workspace_name
    answer.error.details.add().Pack(info)
