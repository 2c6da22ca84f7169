"""PoolService."""

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.paging import OrderKey, Orders
from weftapi.workspace.v1 import pools_pb2, pools_pb2_grpc
from workspace.launching.pools import Found, Pools
from workspace.operations import pools as operations
from workspace.servicers.converting import caller
from workspace.servicers.listing import Lists

_MOST_CREATOR = 128
_ORDERS = Orders(
    keys=(OrderKey("name", value=lambda found: found.name),),
    uid=OrderKey("uid", value=lambda found: found.name),
    default="name",
)


class PoolServicer(pools_pb2_grpc.PoolServiceServicer):
    def __init__(self, database: Database, lists: Lists, pools: Pools) -> None:
        self._database = database
        self._lists = lists
        self._pools = pools

    async def ListPools(
        self, request: pools_pb2.ListPoolsRequest, _context: Context
    ) -> pools_pb2.ListPoolsResponse:
        window = self._lists.window("ListPools", request, _ORDERS)
        found, silent = await self._pools.all()
        page = window.page(window.pick(found), pool_to_proto, revision=0)
        return pools_pb2.ListPoolsResponse(
            pools=page.items,
            next_page_token=page.next_page_token,
            unreachable=[f"workloadManagers/{uid}" for uid in silent],
        )

    async def GetPool(self, request: pools_pb2.GetPoolRequest, _context: Context) -> pools_pb2.Pool:
        return pool_to_proto(await self._pools.get(request.name))

    async def CordonPool(
        self, request: pools_pb2.CordonPoolRequest, _context: Context
    ) -> pools_pb2.Pool:
        await self._record(request.name)
        who = caller()
        creator = (who.display_name or who.subject)[:_MOST_CREATOR]
        found = await self._pools.cordon(request.name, creator=creator, reason=request.reason)
        return pool_to_proto(found)

    async def UncordonPool(
        self, request: pools_pb2.UncordonPoolRequest, _context: Context
    ) -> pools_pb2.Pool:
        await self._record(request.name)
        return pool_to_proto(await self._pools.uncordon(request.name))

    async def _record(self, name: str) -> None:
        """Written down before the manager does it: no pool is closed by nobody.

        If it does not then, the refusal stands in the log as well.
        """
        found = await self._pools.get(name)
        await self._database.write(operations.record, found.name)


def pool_to_proto(found: Found) -> pools_pb2.Pool:
    """A pool as people see it."""
    pool = found.pool
    return pools_pb2.Pool(
        name=found.name,
        capacity=pool.capacity,
        cordon=pool.cordon if pool.HasField("cordon") else None,
        takes_new_runs=found.takes_new_runs,
        orchestrators=found.orchestrators,
        workload_manager_display_name=found.manager_name,
    )
