"""The pools of all workload managers, asked for when somebody looks."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from meshkit.database import Database
from meshkit.errors import MeshError, NotFound, Unavailable
from meshkit.status import from_rpc_error
from weftapi.workloads.v1 import capacity_pb2
from workspace import names
from workspace.launching.ports import Manager, WorkloadManagers
from workspace.operations.refusals import absent
from workspace.stacks.orchestrators import orchestrators_by_manager

_PATIENCE_S = 5.0
# As many as a manager answers at once; nobody has more.
_MOST = 500
_PASSED_ON = frozenset({"CORDON_NOT_KEPT"})


@dataclass(frozen=True, slots=True)
class Found:
    """A pool of one manager (its uid and name), as that answered it, and whose runs go there."""

    manager: str
    manager_name: str
    pool: capacity_pb2.Pool
    takes_new_runs: bool
    orchestrators: Sequence[str] = ()

    @property
    def name(self) -> str:
        return f"{names.manager(self.manager)}/{self.pool.name}"


class Pools:
    """Asks the workload managers, which know."""

    def __init__(self, database: Database, managers: WorkloadManagers) -> None:
        self._database = database
        self._managers = managers

    async def all(self) -> tuple[list[Found], list[str]]:
        """Every pool by its name, and the uids of the managers that did not answer."""
        managers = self._managers.all()
        named = await self._database.read(orchestrators_by_manager)
        answers = await asyncio.gather(*(_list(manager) for manager in managers.values()))
        found, silent = [], []
        for manager, pools in zip(managers.values(), answers, strict=True):
            if pools is None:
                silent.append(manager.uid)
            else:
                found += [self._found(manager, pool, named) for pool in pools]
        return sorted(found, key=lambda each: each.name), sorted(silent)

    async def get(self, name: str) -> Found:
        """Raises NotFound, Unavailable."""
        return await self._ask(
            name, lambda stub: stub.GetPool, lambda pool: capacity_pb2.GetPoolRequest(name=pool)
        )

    async def cordon(self, name: str, *, creator: str, reason: str) -> Found:
        """Raises NotFound, FailedPrecondition, Unavailable."""
        return await self._ask(
            name,
            lambda stub: stub.CordonPool,
            lambda pool: capacity_pb2.CordonPoolRequest(name=pool, creator=creator, reason=reason),
        )

    async def uncordon(self, name: str) -> Found:
        """Raises NotFound, FailedPrecondition, Unavailable."""
        return await self._ask(
            name,
            lambda stub: stub.UncordonPool,
            lambda pool: capacity_pb2.UncordonPoolRequest(name=pool),
        )

    async def _ask(
        self,
        name: str,
        method: Callable[[Any], Callable[..., Awaitable[capacity_pb2.Pool]]],
        request: Callable[[str], Any],
    ) -> Found:
        uid, pool = names.ids(name)
        manager = self._managers.all().get(uid)
        if manager is None:
            raise absent(name)
        call = method(manager.capacity())
        try:
            answer = await call(request(f"pools/{pool}"), timeout=_PATIENCE_S)
        except grpc.aio.AioRpcError as error:
            raise _refusal(name, from_rpc_error(error)) from error
        return self._found(manager, answer, await self._database.read(orchestrators_by_manager))

    def _found(
        self, manager: Manager, pool: capacity_pb2.Pool, named: Mapping[str, Sequence[str]]
    ) -> Found:
        first = self._managers.choose("")
        return Found(
            manager.uid,
            manager.display_name,
            pool,
            takes_new_runs=first is not None and first.uid == manager.uid,
            orchestrators=named.get(manager.uid, ()),
        )


async def _list(manager: Manager) -> list[capacity_pb2.Pool] | None:
    """The pools of a manager; None where it does not answer."""
    request = capacity_pb2.ListPoolsRequest(page_size=_MOST)
    try:
        answer = await manager.capacity().ListPools(request, timeout=_PATIENCE_S)
    except grpc.aio.AioRpcError:
        return None
    return list(answer.pools)


def _refusal(name: str, said: MeshError) -> MeshError:
    """What a manager's refusal means to people: its own words where they are for them."""
    if isinstance(said, NotFound):
        return absent(name)
    if said.reason in _PASSED_ON:
        return said
    return Unavailable(
        "UPSTREAM_UNAVAILABLE",
        "The workload manager of the pool does not answer: try again.",
        metadata={"service": "workload manager"},
        retry_after_s=_PATIENCE_S,
    )
