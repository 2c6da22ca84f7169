"""How a workspace is, as its callers are told, and the signs of life of its servers."""

import asyncio
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from meshkit.backup.last import LastBackup, noted
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import MeshError
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace.courier import AuditCourier
from workspace.store import health as store
from workspace.store import replicas
from workspace.store.health import Facts
from workspace.store.schema_replicas import Replica

log = structlog.get_logger()

BEAT_S = 15.0
# Four beats: one that came late is no death.
ALIVE = timedelta(seconds=60)
# Who is silent for so long does not come back.
_FORGOTTEN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Disk:
    """Where a server keeps its data, in bytes."""

    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Health:
    """How a workspace is; `unshipped` is None where the control plane was not heard yet."""

    facts: Facts
    feed_revision: int
    unshipped: int | None
    last_backup: LastBackup | None
    disk: Disk


class HealthDesk:
    """Says that this process is alive, and reads how the workspace is."""

    def __init__(
        self,
        database: Database,
        courier: AuditCourier,
        data_dir: Path,
        *,
        version: str,
        clock: Clock,
    ) -> None:
        self._database = database
        self.courier = courier
        self._data_dir = data_dir
        self._clock = clock
        now = clock.now()
        self._self = Replica(new_uid(), version, now, now)

    async def keep_beating(self) -> None:
        """Gives signs of life until it is cancelled."""
        while True:
            try:
                await self.beat()
            except (MeshError, OSError) as error:
                log.warning("sign_of_life_not_written", error=str(error))
            await asyncio.sleep(BEAT_S)

    async def beat(self) -> None:
        """Gives one."""
        await self._database.write(self._put)

    async def leave(self) -> None:
        """Who stops is gone at once; who is killed, when its time is over."""
        try:
            await self._database.write(replicas.remove, self._self.uid)
        except (MeshError, OSError) as error:
            log.warning("not_signed_off", error=str(error))

    async def read(self) -> Health:
        """How it is now; raises what reading the database raises."""
        facts = await self._database.read(store.facts, self._clock.now() - ALIVE)
        arrived = self.courier.arrived
        return Health(
            facts,
            feed_revision=self._database.feed.head,
            unshipped=None if arrived is None else max(facts.audit_end - arrived, 0),
            last_backup=await asyncio.to_thread(noted, self._data_dir),
            disk=await asyncio.to_thread(_disk, self._data_dir),
        )

    def _put(self, session: Session) -> None:
        self._self.seen_time = session.now
        replicas.put(session, self._self)
        replicas.remove_silent(session, session.now - _FORGOTTEN)


def _disk(directory: Path) -> Disk:
    usage = shutil.disk_usage(directory)
    return Disk(usage.free, usage.total)
