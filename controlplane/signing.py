"""The signing keys of this replica, kept in step with the database."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import structlog
from google.protobuf.message import Message

from controlplane import store
from controlplane.identity.keys import KeyRing
from controlplane.operations import keys, setup
from controlplane.store.schema import SigningKey
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.idempotency import Once

log = structlog.get_logger()

M = TypeVar("M", bound=Message)


class Signing:
    """Makes the first keys, replaces them by age or on demand, retires old ones."""

    def __init__(
        self,
        ring: KeyRing,
        database: Database,
        clock: Clock,
        *,
        max_age: timedelta,
        longest_token: timedelta,
    ) -> None:
        self.ring = ring
        self._database = database
        self._clock = clock
        self._max_age = max_age
        self._longest_token = longest_token

    async def open(self) -> None:
        """Loads the keys; makes the first two where there are none."""
        if not await self._database.read(store.keys.all_keys):
            made = (self.ring.files.make(), self.ring.files.make())
            if not await self._database.write(setup.ensure_keys, *made):
                for key in made:
                    self.ring.files.remove(key.kid)
        await self.reload()

    async def reload(self) -> None:
        """Takes over what the database says."""
        self.ring.load(await self._database.read(store.keys.all_keys))

    async def rotate(self, *, once: Once | None, reply: Callable[[Sequence[SigningKey]], M]) -> M:
        """Starts the change to the next key; keywords as of `Database.write`."""
        upcoming = self.ring.files.make()
        try:
            return await self._database.write(
                keys.rotate, upcoming, longest_token=self._longest_token, once=once, reply=reply
            )
        finally:
            await self._settle(upcoming.kid)

    async def rotate_by_age(self) -> None:
        """Rotates where the active key is old enough, and forgets keys that nobody needs."""
        if self.ring.is_due(self._clock.now(), self._max_age):
            upcoming = self.ring.files.make()
            await self._database.write(
                keys.rotate,
                upcoming,
                longest_token=self._longest_token,
                if_older_than=self._max_age,
            )
            await self._settle(upcoming.kid)
        for kid in await self._database.write(keys.retire):
            self.ring.files.remove(kid)
            log.info("signing_key_retired", kid=kid)

    async def _settle(self, upcoming: str) -> None:
        """Loads the outcome; a key that was made for nothing leaves no file behind."""
        await self.reload()
        if upcoming not in self.ring.trusted.keys:
            self.ring.files.remove(upcoming)
