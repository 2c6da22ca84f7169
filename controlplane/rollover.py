"""The certificate authority of this replica, kept in step with the database."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import structlog
from google.protobuf.message import Message

from controlplane import store
from controlplane.ca import CertificateAuthority, Issued, RootKeys
from controlplane.operations import rollover
from controlplane.operations.enrollments import Member, RootReplacedError
from controlplane.operations.rollover import Standing
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.idempotency import Once

log = structlog.get_logger()

M = TypeVar("M", bound=Message)


class Rollover:
    """Makes the first root, and replaces it on demand."""

    def __init__(
        self,
        database: Database,
        directory: Path,
        *,
        trust_domain: str,
        clock: Clock,
        lifetime: timedelta,
    ) -> None:
        self._database = database
        keys = RootKeys(directory, trust_domain=trust_domain, clock=clock)
        self.authority = CertificateAuthority(directory, keys, clock=clock, lifetime=lifetime)

    async def open(self) -> None:
        """Loads the roots; makes the first where there is none."""
        if not await self._database.read(store.roots.all_roots):
            made = self.authority.keys.make()
            if not await self._database.write(rollover.ensure_root, made):
                self.authority.keys.remove(made.fingerprint)
        await self.reload()
        self.authority.keys.sweep(await self._known())

    async def reload(self) -> None:
        """Takes over what the database says."""
        self.authority.load(await self._database.read(store.roots.all_roots))

    async def issue(
        self,
        request_pem: str,
        member: Member,
        keep: Callable[[Issued], Awaitable[None]],
    ) -> Issued:
        """Signs a member's key and keeps that, with the root that signs by then.

        Another replica may have replaced the one that this replica knows: then once more.
        """
        for is_last in (False, True):
            issued = self.authority.issue(request_pem, member.identity, member.host_names)
            try:
                await keep(issued)
            except RootReplacedError:
                if is_last:
                    raise
                await self.reload()
            else:
                break
        return issued

    async def standing(self) -> Standing:
        return await self._database.read(rollover.standing)

    async def start(self, *, once: Once | None, reply: Callable[[Standing], M]) -> M:
        """Publishes a new root; keywords as of `Database.write`."""
        made = self.authority.keys.make()
        try:
            return await self._database.write(rollover.start, made, once=once, reply=reply)
        finally:
            await self._settle({made.fingerprint})

    async def advance(
        self, *, is_forced: bool, once: Once | None, reply: Callable[[Standing], M]
    ) -> M:
        """Enters the next phase; keywords as of `Database.write`."""
        known = await self._known()
        answer = await self._database.write(
            rollover.advance, is_forced=is_forced, once=once, reply=reply
        )
        await self._settle(known)
        return answer

    async def revert(self, *, once: Once | None, reply: Callable[[Standing], M]) -> M:
        """Takes the last phase back; keywords as of `Database.write`."""
        known = await self._known()
        answer = await self._database.write(rollover.revert, once=once, reply=reply)
        await self._settle(known)
        return answer

    async def _known(self) -> set[str]:
        return {root.fingerprint for root in await self._database.read(store.roots.all_roots)}

    async def _settle(self, candidates: set[str]) -> None:
        """Loads the outcome; of these roots, those that are no more leave no key behind."""
        await self.reload()
        for fingerprint in candidates - await self._known():
            self.authority.keys.remove(fingerprint)
