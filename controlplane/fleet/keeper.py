"""The leased job: one replica carries all operations, and keeps all servers running."""

import asyncio
import contextlib
from uuid import UUID

import structlog

from controlplane import store
from controlplane.fleet import hands
from controlplane.fleet.carrier import Carrier
from controlplane.fleet.hands import Tools
from controlplane.fleet.situation import Standing, standing_of
from controlplane.lifecycle import Kind, Phase, UpgradePolicy
from controlplane.operations import fleet
from controlplane.operations.fleet import Wanted
from controlplane.provisioners import Presence, Provisioner, ProvisionError
from controlplane.store.schema import Workspace
from controlplane.store.schema_fleet import Operation
from meshkit.errors import MeshError
from meshkit.jobs import Lease
from meshkit.session import Session

log = structlog.get_logger()

_LOOK_S = 5.0
# Between two starts of a server that keeps ending.
_FIRST_DELAY_S, _LAST_DELAY_S = 1.0, 60.0


class FleetKeeper:
    """Runs for as long as its lease is held; see `run`."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._carried: dict[UUID, asyncio.Task[None]] = {}
        # When a server that ended may be started again, and how long after that the next time.
        self._patience: dict[UUID, tuple[float, float]] = {}

    async def run(self, lease: Lease) -> None:
        """Takes up every operation as soon as it is committed; looks after servers in between."""
        feed, loop = self._tools.database.feed, asyncio.get_running_loop()
        next_look = loop.time()
        try:
            while True:
                head = feed.head
                await self._take_up(lease)
                if loop.time() >= next_look:
                    next_look = loop.time() + _LOOK_S
                    await self._look_after(lease)
                await feed.wait(head, max(next_look - loop.time(), 0.0))
        finally:
            for task in self._carried.values():
                task.cancel()
            await asyncio.gather(*self._carried.values(), return_exceptions=True)
            self._carried.clear()

    async def _take_up(self, lease: Lease) -> None:
        for row in await self._tools.database.read(store.operations.live):
            if row.uid not in self._carried:
                carrier = Carrier(self._tools, lease, row.uid)
                task = asyncio.create_task(carrier.carry(), name=f"operation {row.uid}")
                self._carried[row.uid] = task
                task.add_done_callback(lambda _, uid=row.uid: self._carried.pop(uid, None))  # type: ignore[misc]

    async def _look_after(self, lease: Lease) -> None:
        """Starts what should run and does not, stops what should not and does."""
        fleet_, busy = await self._tools.database.read(_fleet)
        idle = {row.uid: row for row in fleet_ if row.uid not in busy}
        try:
            for uid in await self._tools.provisioner.placed():
                is_wanted = uid in busy or (uid in idle and idle[uid].phase == Phase.RUNNING)
                if not is_wanted:
                    log.warning("server_without_workspace_stopped", workspace=str(uid))
                    await self._tools.provisioner.stop(uid)
        except ProvisionError as error:
            log.warning("servers_not_looked_at", error=str(error))
        for row in idle.values():
            if row.phase == Phase.RUNNING:
                await self._look_at(lease, row)

    async def _look_at(self, lease: Lease, row: Workspace) -> None:
        try:
            await self._restart(lease, row)
            await self._upgrade(row)
        except (ProvisionError, MeshError) as error:
            log.warning("server_not_looked_after", workspace=row.name, error=str(error))

    async def _restart(self, lease: Lease, row: Workspace) -> None:
        """Starts a server again that ended unasked, ever more slowly."""
        observed = await self._tools.provisioner.observe(row.uid)
        now = asyncio.get_running_loop().time()
        due, delay = self._patience.get(row.uid, (0.0, _FIRST_DELAY_S))
        if observed.presence is not Presence.STOPPED:
            if now > due + _LAST_DELAY_S:
                self._patience.pop(row.uid, None)
        elif now >= due:
            log.warning("server_ended", workspace=row.name, last_words=observed.trouble)
            self._patience[row.uid] = (now + delay, min(2 * delay, _LAST_DELAY_S))
            standing = await self._tools.database.read(self._standing, row.uid)
            await hands.start(self._tools, lease, standing, row.target_version)

    async def _upgrade(self, row: Workspace) -> None:
        """Begins the upgrade that a workspace's policy asks for; one that failed not again."""
        offered = self._tools.provisioner.versions
        is_wanted = row.upgrade_policy == UpgradePolicy.AUTOMATIC and offered
        if not is_wanted or row.target_version == offered[-1]:
            return
        if await self._tools.database.read(store.operations.has_failed, row.uid, offered[-1]):
            return
        # Somebody else's operation may have begun since: then theirs goes first.
        with contextlib.suppress(MeshError):
            await self._begin(row, Wanted(Kind.UPGRADE, "", offered[-1], offered))

    async def _begin(self, row: Workspace, wanted: Wanted) -> Operation:
        return await self._tools.database.write(
            fleet.begin,
            row.organization,
            row.id,
            wanted,
            creator="",
            patience=self._tools.patience,
        )

    def _standing(self, session: Session, uid: UUID) -> Standing:
        tools = self._tools
        return standing_of(session, uid, tools.registry, trust_domain=tools.trust_domain)


def _fleet(session: Session) -> tuple[list[Workspace], set[UUID]]:
    """The workspaces that are run here, and those on which an operation works."""
    rows = list(store.workspaces.provisioned(session))
    return rows, {row.workspace_uid for row in store.operations.live(session)}


async def end_servers(provisioner: Provisioner) -> None:
    """Stops all servers at once; the next control plane starts them again."""
    try:
        stopping = [provisioner.stop(uid) for uid in await provisioner.placed()]
        await asyncio.gather(*stopping)
    except ProvisionError as error:
        log.warning("servers_not_ended", error=str(error))
