"""Which workload manager has a launch, or gets it.

It is written down before the manager is asked for anything: whoever goes on after a crash asks the
same one, and what another one says of a workload of that name counts for nothing.
"""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

import grpc

from meshkit.database import Database
from meshkit.jobs import Lease
from meshkit.session import Session
from weftapi.workloads.v1 import workloads_pb2
from workspace.launching import calls
from workspace.launching.ports import Manager, WorkloadManagers, why_none
from workspace.names import manager as name_of
from workspace.operations import launches as operations
from workspace.operations.launches import INTENDED, Observed
from workspace.stacks.orchestrators import limits_of, orchestrator_of
from workspace.store.schema import Launch, Run
from workspace.store.schema_build_launches import BuildLaunch
from workspace.store.schema_step_launches import StepLaunch

Placeable = Launch | StepLaunch
Write = Callable[..., Awaitable[Any]]


class Placing:
    """Chooses managers for launches, and finds those that have them."""

    def __init__(
        self,
        database: Database,
        managers: WorkloadManagers,
        *,
        write: Write,
        look_for: Callable[[Lease, Manager, str], Awaitable[Any]],
    ) -> None:
        self._database = database
        self._managers = managers
        self._write = write
        self._look_for = look_for

    def of(self, launch: Placeable) -> Manager | None:
        """The manager that has a launch, or gets it; None where it does not serve us."""
        return self._managers.all().get(launch.manager)

    async def choose(self, lease: Lease, launches: Iterable[tuple[Placeable, Run]]) -> None:
        """Gives managers to what is but intended: as the stack of its run says, else the first."""
        # What somebody was asked for is sought where it is: a guess would find it lost.
        bare = [each for each in launches if each[0].state == INTENDED and not self.of(each[0])]
        wanted = await self._database.read(_wanted, {run.stack for _, run in bare}) if bare else {}
        chosen: dict[str, tuple[Manager, list[Placeable]]] = {}
        for launch, run in bare:
            if manager := self._managers.choose(wanted[run.stack]):
                chosen.setdefault(manager.uid, (manager, []))[1].append(launch)
        for manager, found in chosen.values():
            await self._place(lease, manager, found)

    async def why_none(self, run: Run) -> str:
        """Why nobody was chosen for a run, in words."""
        wanted = await self._database.read(_wanted, {run.stack})
        return why_none(wanted[run.stack])

    async def adopt(self, lease: Lease, launch: Placeable) -> bool:
        """Looks for a workload whose manager is gone, or unknown, at those that are there.

        One that was enrolled anew has the workloads of before, and what was submitted before
        managers were written down is at any of them. Raises AioRpcError where nobody
        has it who answered, and somebody did not.
        """
        silent = None
        for manager in self._managers.all().values():
            try:
                is_there = await _has(manager, launch.workload)
            except grpc.aio.AioRpcError as error:
                silent = error
                continue
            if is_there:
                await self._place(lease, manager, [launch])
                return True
        if silent:
            raise silent
        return False

    async def _place(self, lease: Lease, manager: Manager, launches: list[Placeable]) -> None:
        await self._write(lease, operations.place, launches, manager.uid)
        for launch in launches:
            launch.manager = manager.uid
            if launch.state != INTENDED:
                # What the manager said of it before was not heard. One that does not answer now
                # lists it when it does.
                with suppress(grpc.aio.AioRpcError):
                    await self._look_for(lease, manager, f"workloads/{launch.workload}")


def _wanted(session: Session, stacks: Iterable[str]) -> dict[str, str]:
    """Which managers stacks name for their runs; empty where they name none."""
    return {stack: limits_of(orchestrator_of(session, stack)).manager for stack in stacks}


async def _has(manager: Manager, workload: str) -> bool:
    request = workloads_pb2.GetWorkloadRequest(name=f"workloads/{workload}")
    try:
        await manager.calls().GetWorkload(request, timeout=calls.CALL_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        return False
    return True


def unstarted(launch: Placeable) -> Observed:
    """A launch that nobody needs any more, and that no manager has."""
    words = "It was stopped before it started."
    return Observed(launch.workload, "CANCELLED", words, manager=launch.manager)


def gone(launch: Placeable | BuildLaunch) -> str:
    """What there is to say of a launch whose manager no longer serves the workspace."""
    if not launch.manager:
        return (
            "No workload manager of this workspace has it, and which one had it was not written "
            "down: nobody can say whether anything still executes it."
        )
    return (
        f"Its workload manager, {name_of(launch.manager)}, no longer serves this workspace: "
        "nobody can say whether anything still executes it."
    )
