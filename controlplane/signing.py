"""The signing keys of this replica, kept in step with the database."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog
from google.protobuf.message import Message

from controlplane import store
from controlplane.identity.keys import ACTIVE, NEXT, KeyRing
from controlplane.operations import keys, setup
from controlplane.operations.keys import KeyTimes
from controlplane.store.schema import SigningKey
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.idempotency import Once

log = structlog.get_logger()

M = TypeVar("M", bound=Message)


class Signing:
    """Makes the first keys, replaces them by age or on demand, retires old ones."""

    def __init__(self, ring: KeyRing, database: Database, clock: Clock, *, times: KeyTimes) -> None:
        self.ring = ring
        self._database = database
        self._clock = clock
        self._times = times

    async def open(self) -> None:
        """Loads the keys; makes the first two where there are none."""
        if not await self._database.read(store.keys.all_keys):
            made = (self.ring.files.make(), self.ring.files.make())
            if not await self._database.write(setup.ensure_keys, *made):
                for key in made:
                    self.ring.files.remove(key.kid)
        await self._settle()

    async def reload(self) -> None:
        """Takes over what the database says."""
        self.ring.load(await self._database.read(store.keys.all_keys))

    async def rotate(
        self,
        *,
        compromised: bool,
        once: Once | None,
        reply: Callable[[Sequence[SigningKey]], M],
    ) -> M:
        """Changes to the next key; keywords as of `Database.write`."""
        upcoming = self.ring.files.make()
        try:
            return await self._database.write(
                keys.rotate,
                upcoming,
                times=self._times,
                compromised=compromised,
                once=once,
                reply=reply,
            )
        finally:
            await self._settle()

    async def rotate_by_age(self) -> None:
        """Rotates where the active key is old enough, and forgets keys that nobody needs."""
        rows = self.ring.rows
        if self._times.is_due(rows[ACTIVE], rows[NEXT], self._clock.now()):
            upcoming = self.ring.files.make()
            await self._database.write(keys.rotate_by_age, upcoming, times=self._times)
        for kid in await self._database.write(keys.retire):
            log.info("signing_key_retired", kid=kid)
        await self._settle()

    async def _settle(self) -> None:
        """Loads the outcome, and removes the files of keys that are gone for good.

        Those that the database never named (made for nothing, or left by a process that was
        killed) go later: while a commit's outcome is unknown, it may yet name them.
        """
        before = set(self.ring.trusted.keys)
        await self.reload()
        named = self.ring.trusted.keys
        for kid in before - named.keys():
            self.ring.files.remove(kid)
        self.ring.files.sweep(named)
