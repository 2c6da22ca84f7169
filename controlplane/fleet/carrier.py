"""Carries one operation through.

Each turn looks at what is so, and does the next thing that is missing. Nothing is remembered
between turns that could not be seen again, so a carrier that is killed anywhere is replaced by
the next one, which goes on from the truth.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog

from controlplane.fleet import hands
from controlplane.fleet.hands import Tools
from controlplane.fleet.situation import Situation, look
from controlplane.lifecycle import CANCELLABLE, Kind, Phase
from controlplane.operations import fleet
from controlplane.operations.fleet import Failure
from controlplane.provisioners import Placement, Presence, ProvisionError
from meshkit.errors import MeshError
from meshkit.jobs import Lease

log = structlog.get_logger()

_TURN_S = 1.0
_BACKOFF_S = (0.5, 15.0)
_GRACE_S = 30.0
_UNAVAILABLE = 14


class Carrier:
    """One operation under way."""

    def __init__(self, tools: Tools, lease: Lease, operation: UUID) -> None:
        self._tools = tools
        self._lease = lease
        self._uid = operation
        self._delay_s = _BACKOFF_S[0]
        # The version that this carrier had placed, what it noted last, and what went wrong last.
        self._placed = self._noted = self._trouble = ""
        # Until when an operation has time all the same that was late already when its carrier
        # began, because no control plane ran; None before the first look.
        self._grace_until: float | None = None

    async def carry(self) -> None:
        """Returns once the operation has ended, or the lease is lost."""
        while True:
            try:
                if await self._turn():
                    return
            except MeshError as error:
                if error.reason == "LEASE_LOST":
                    return
                await self._stumble(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again until late
                await self._stumble(error)

    async def _turn(self) -> bool:
        """Whether the operation has ended."""
        now = await self._look()
        if now.operation.end_time is not None:
            return True
        if self._is_late(now) and now.kind in (Kind.DELETE, Kind.SUSPEND) and self._trouble:
            failure = Failure(_UNAVAILABLE, "WORKSPACE_NOT_READY", self._trouble)
            return await self._finish(Phase.FAILED, failure)
        if now.kind is Kind.DELETE or (now.kind is Kind.CREATE and now.is_back):
            return await self._remove(now)
        if now.kind is Kind.SUSPEND:
            await self._tools.provisioner.stop(now.standing.uid)
            return await self._finish(Phase.SUSPENDED)
        return await self._run(now)

    async def _run(self, now: Situation) -> bool:
        """Has the wanted version run, and waits until it is ready."""
        wants_back = now.operation.cancel_requested and now.kind in CANCELLABLE
        if wants_back and not now.is_back:
            return await self._turn_back(now, fleet.cancelled(now.operation))
        if self._is_late(now):
            return await self._give_up(now)
        if self._placed != now.version:
            await self._note("starting its server")
            await hands.start(self._tools, self._lease, now.standing, now.version)
            self._placed = now.version
            if now.kind is Kind.CREATE and now.standing.view.row.phase == Phase.CREATING:
                await self._write(fleet.enter, now.standing.uid, Phase.RUNNING)
            now = await self._look()
        lacking = now.standing.lacks(now.version)
        if not lacking:
            await self._tools.provisioner.forget_token(now.standing.uid)
            return await self._finish(Phase.RUNNING)
        await self._attend(now, lacking)
        return False

    async def _attend(self, now: Situation, lacking: str) -> None:
        """Waits for news of a server that is not ready, and starts it again where it ended."""
        observed = await self._tools.provisioner.observe(now.standing.uid)
        if observed.presence is not Presence.PRESENT:
            # With the same token and key: an answer to joining may have been lost.
            placement = Placement(now.standing.uid, now.operation.workspace_name, now.version)
            await self._tools.provisioner.place(placement)
            raise ProvisionError(f"its server ended: {observed.trouble}")
        await self._note("; ".join(filter(None, [lacking, observed.trouble])))
        await self._tools.database.feed.wait(now.head, _TURN_S)

    async def _remove(self, now: Situation) -> bool:
        workspace = now.standing.view.row
        await self._note("denying its certificates")
        await hands.deny(self._tools, self._lease, workspace)
        await self._note("removing its server")
        # What was never finished has nothing in it that somebody could miss.
        remove_data = now.operation.remove_data or now.kind is Kind.CREATE
        await self._tools.provisioner.remove(workspace.uid, remove_data=remove_data)
        await self._write(fleet.finish_removal, self._uid)
        return True

    async def _give_up(self, now: Situation) -> bool:
        """It took too long: an upgrade goes back, anything else has failed."""
        observed = await self._tools.provisioner.observe(now.standing.uid)
        lacking = now.standing.lacks(now.version)
        trouble = "; ".join(filter(None, [lacking, observed.trouble]))
        failure = Failure(_UNAVAILABLE, "WORKSPACE_NOT_READY", f"It took too long: {trouble}.")
        if now.kind is Kind.UPGRADE and not now.is_back:
            back = f"{failure.message} Version {now.operation.previous_version} runs again."
            return await self._turn_back(now, replace(failure, message=back))
        await self._tools.provisioner.stop(now.standing.uid)
        return await self._finish(Phase.FAILED, failure)

    async def _turn_back(self, now: Situation, failure: Failure) -> bool:
        until = now.now + self._tools.patience
        await self._write(fleet.turn_back, self._uid, failure, until)
        return False

    def _is_late(self, now: Situation) -> bool:
        loop_time = asyncio.get_running_loop().time()
        if self._grace_until is None:
            self._grace_until = loop_time + _GRACE_S if now.is_late else 0.0
        return now.is_late and loop_time >= self._grace_until

    async def _finish(self, phase: Phase, failure: Failure | None = None) -> bool:
        await self._write(fleet.finish, self._uid, phase, failure=failure)
        return True

    async def _note(self, progress: str) -> None:
        if progress != self._noted:
            await self._write(fleet.note, self._uid, progress)
            self._noted = progress

    async def _stumble(self, error: Exception) -> None:
        """Says what went wrong, and waits before the next turn."""
        self._trouble = str(error)
        if not isinstance(error, ProvisionError | MeshError):
            log.error("operation_stumbled", operation=str(self._uid), exc_info=error)
        try:
            await self._note(f"{error}; trying again")
        except MeshError as unwritten:
            log.warning("operation_stumbled", operation=str(self._uid), error=repr(unwritten))
        await asyncio.sleep(self._delay_s)
        self._delay_s = min(self._delay_s * 2, _BACKOFF_S[1])

    async def _look(self) -> Situation:
        tools = self._tools
        # Taken first: what changes after it is waited for, never missed.
        head = tools.database.feed.head
        return await tools.database.read(
            look, self._uid, tools.registry, trust_domain=tools.trust_domain, head=head
        )

    async def _write(self, operation: Callable[..., None], *arguments: Any, **options: Any) -> None:
        await self._tools.database.write(operation, self._lease, *arguments, **options)
