"""The half of ModelService that moves versions between stages."""

from uuid import UUID

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.idempotency import once
from weftapi.workspace.v1 import model_stages_pb2, model_types_pb2, models_pb2_grpc
from workspace import names
from workspace.operations import model_stages as operations
from workspace.operations.model_stages import Decision, Move, RequestKey
from workspace.operations.model_versions import VersionKey
from workspace.operations.refusals import absent
from workspace.servicers.converting import caller
from workspace.servicers.listing import Lists
from workspace.servicers.model_messages import (
    request_to_proto,
    stage_name,
    transition_to_proto,
    version_to_proto,
)
from workspace.store import model_versions as store

_Resolving = (
    model_stages_pb2.ApproveStageRequestRequest
    | model_stages_pb2.DenyStageRequestRequest
    | model_stages_pb2.WithdrawStageRequestRequest
)


class StageMethods(models_pb2_grpc.ModelServiceServicer):
    """TransitionModelVersionStage, its requests, and the history of both."""

    def __init__(self, database: Database, lists: Lists) -> None:
        self._database = database
        self._lists = lists

    async def TransitionModelVersionStage(
        self, request: model_stages_pb2.TransitionModelVersionStageRequest, _context: Context
    ) -> model_types_pb2.ModelVersion:
        return await self._database.write(
            operations.transition,
            VersionKey.of(request.name),
            _move(request),
            etag=request.etag,
            once=once(request, model_types_pb2.ModelVersion),
            reply=version_to_proto,
        )

    async def ListStageTransitions(
        self, request: model_stages_pb2.ListStageTransitionsRequest, _context: Context
    ) -> model_stages_pb2.ListStageTransitionsResponse:
        window = self._lists.window("ListStageTransitions", request, store.TRANSITION_ORDERS)
        filter_ = self._lists.filter(store.TRANSITION_FIELDS, request.filter)
        page = await self._lists.page(
            window,
            transition_to_proto,
            store.list_transitions,
            *model_of(request.parent),
            window,
            filter_,
        )
        return model_stages_pb2.ListStageTransitionsResponse(
            stage_transitions=page.items,
            next_page_token=page.next_page_token,
            revision=page.revision,
        )

    async def RequestStageTransition(
        self, request: model_stages_pb2.RequestStageTransitionRequest, _context: Context
    ) -> model_types_pb2.StageRequest:
        return await self._database.write(
            operations.request,
            VersionKey.of(request.parent),
            _move(request),
            once=once(request, model_types_pb2.StageRequest),
            reply=request_to_proto,
        )

    async def GetStageRequest(
        self, request: model_stages_pb2.GetStageRequestRequest, _context: Context
    ) -> model_types_pb2.StageRequest:
        key = _key(request.name)
        row = None
        if key.uid:
            row = await self._database.read(store.request, key.project, key.model, key.uid)
        if row is None:
            raise absent(request.name)
        return request_to_proto(row)

    async def ListStageRequests(
        self, request: model_stages_pb2.ListStageRequestsRequest, _context: Context
    ) -> model_stages_pb2.ListStageRequestsResponse:
        window = self._lists.window("ListStageRequests", request, store.REQUEST_ORDERS)
        filter_ = self._lists.filter(store.REQUEST_FIELDS, request.filter)
        page = await self._lists.page(
            window,
            request_to_proto,
            store.list_requests,
            *model_of(request.parent),
            window,
            filter_,
        )
        return model_stages_pb2.ListStageRequestsResponse(
            stage_requests=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def ApproveStageRequest(
        self, request: model_stages_pb2.ApproveStageRequestRequest, _context: Context
    ) -> model_types_pb2.StageRequest:
        return await self._resolve(operations.approve, request)

    async def DenyStageRequest(
        self, request: model_stages_pb2.DenyStageRequestRequest, _context: Context
    ) -> model_types_pb2.StageRequest:
        return await self._resolve(operations.deny, request)

    async def WithdrawStageRequest(
        self, request: model_stages_pb2.WithdrawStageRequestRequest, _context: Context
    ) -> model_types_pb2.StageRequest:
        return await self._resolve(operations.withdraw, request)

    async def _resolve(
        self, operation: operations.Resolution, request: _Resolving
    ) -> model_types_pb2.StageRequest:
        return await self._database.write(
            operation,
            _key(request.name),
            Decision(caller().subject, request.comment),
            once=once(request, model_types_pb2.StageRequest),
            reply=request_to_proto,
        )


def _move(
    request: model_stages_pb2.TransitionModelVersionStageRequest
    | model_stages_pb2.RequestStageTransitionRequest,
) -> Move:
    return Move(
        stage_name(request.stage), request.demote_existing, request.comment, caller().subject
    )


def model_of(parent: str) -> tuple[str, str | None]:
    """The project, and the model unless all are meant."""
    project, model = names.ids(parent)
    return project, None if model == names.WILDCARD else model


def _key(name: str) -> RequestKey:
    project, model, request = names.ids(name)
    try:
        uid = UUID(request)
    except ValueError:
        uid = None
    return RequestKey(project, model, uid, name)
