"""CapacityService: what workspaces ask of the room that their workloads have."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from google.protobuf import timestamp_pb2

from meshkit.clock import Clock
from meshkit.errors import NotFound
from meshkit.paging import ListQuery, OrderKey, Orders, PageTokens
from weftapi.common.v1 import capacity_pb2 as common_pb2
from weftapi.workloads.v1 import capacity_pb2, capacity_pb2_grpc
from workloads.launchers import Room
from workloads.pools import Cordon, Fit, Limit, Pool, Resource
from workloads.servicers.workloads import spec_from_proto

_ORDERS = Orders(
    keys=(OrderKey("id", value=lambda pool: pool.id),),
    uid=OrderKey("uid", value=lambda pool: pool.id),
    default="id",
)


class CapacityServicer(capacity_pb2_grpc.CapacityServiceServicer):
    """Serves every workspace the same pools."""

    def __init__(self, room: Room, tokens: PageTokens, clock: Clock) -> None:
        self._room = room
        self._tokens = tokens
        self._clock = clock

    async def ListPools(
        self, request: capacity_pb2.ListPoolsRequest, _context: Any
    ) -> capacity_pb2.ListPoolsResponse:
        window = self._tokens.window(
            ListQuery("ListPools"), _ORDERS, size=request.page_size, token=request.page_token
        )
        found = window.pick(await self._room.pools())
        page = window.page(found, pool_to_proto, revision=0)
        return capacity_pb2.ListPoolsResponse(
            pools=page.items, next_page_token=page.next_page_token
        )

    async def GetPool(
        self, request: capacity_pb2.GetPoolRequest, _context: Any
    ) -> capacity_pb2.Pool:
        return pool_to_proto(await self._find(request.name))

    async def CordonPool(
        self, request: capacity_pb2.CordonPoolRequest, _context: Any
    ) -> capacity_pb2.Pool:
        cordon = Cordon(request.creator, request.reason, self._clock.now())
        return await self._cordon(request.name, cordon)

    async def UncordonPool(
        self, request: capacity_pb2.UncordonPoolRequest, _context: Any
    ) -> capacity_pb2.Pool:
        return await self._cordon(request.name, None)

    async def CheckResources(
        self, request: capacity_pb2.CheckResourcesRequest, _context: Any
    ) -> capacity_pb2.CheckResourcesResponse:
        fits = await self._room.fits([spec_from_proto(each) for each in request.workloads])
        return capacity_pb2.CheckResourcesResponse(
            problems=[_problem(index, fit) for index, fit in enumerate(fits) if fit]
        )

    async def _cordon(self, name: str, cordon: Cordon | None) -> capacity_pb2.Pool:
        pool = await self._find(name)
        await self._room.cordon(pool.id, cordon)
        return pool_to_proto(replace(pool, cordon=cordon))

    async def _find(self, name: str) -> Pool:
        found = (pool for pool in await self._room.pools() if f"pools/{pool.id}" == name)
        pool = next(found, None)
        if pool is None:
            raise NotFound("RESOURCE_NOT_FOUND", f"there is no {name}", metadata={"resource": name})
        return pool


def pool_to_proto(pool: Pool) -> capacity_pb2.Pool:
    """A pool as its users see it."""
    return capacity_pb2.Pool(
        name=f"pools/{pool.id}",
        capacity=common_pb2.Capacity(
            engine=pool.engine,
            place=pool.place,
            queue=pool.queue,
            projects=pool.projects,
            can_grow=pool.can_grow,
            running_workload_count=pool.running,
            queued_workload_count=pool.queued,
            resources=map(_resource_to_proto, pool.resources),
            limits=map(_limit_to_proto, pool.limits),
            unseen=pool.unseen,
        ),
        cordon=_cordon_to_proto(pool.cordon),
    )


def _cordon_to_proto(cordon: Cordon | None) -> common_pb2.Cordon | None:
    if cordon is None:
        return None
    return common_pb2.Cordon(
        creator=cordon.creator, reason=cordon.reason, create_time=_timestamp(cordon.create_time)
    )


def _resource_to_proto(resource: Resource) -> common_pb2.ResourceCapacity:
    return common_pb2.ResourceCapacity(
        resource=resource.name,
        allocatable=resource.allocatable,
        used=resource.used,
        own_used=resource.own_used,
        queued=resource.queued,
        largest=resource.largest,
    )


def _limit_to_proto(limit: Limit) -> common_pb2.ResourceLimit:
    return common_pb2.ResourceLimit(
        source=limit.source, resource=limit.resource, limit=limit.limit, used=limit.used
    )


def _problem(index: int, fit: Fit) -> capacity_pb2.ResourceProblem:
    return capacity_pb2.ResourceProblem(index=index, message=fit.problem, is_warning=fit.is_warning)


def _timestamp(moment: datetime) -> timestamp_pb2.Timestamp:
    timestamp = timestamp_pb2.Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
