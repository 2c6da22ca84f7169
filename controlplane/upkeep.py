"""What the control plane does unasked: follows changes, renews, rotates, forgets."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from controlplane import store
from controlplane.identity.tokens import Lifetimes
from controlplane.membership import MeshMembers
from controlplane.operations import api_keys, expired_grants
from controlplane.rollover import Rollover
from controlplane.signing import Signing
from controlplane.store.schema import Base
from meshkit import idempotency
from meshkit.clock import Clock
from meshkit.compaction import compact
from meshkit.credentials import Credentials
from meshkit.database import Database
from meshkit.errors import MeshError
from meshkit.jobs import Job, JobRunner, Lease
from meshkit.session import Session

log = structlog.get_logger()

_RENEWAL_CHECK_S = 60.0
_ROTATION_CHECK_S = 600.0
_REPLACED_CHECK_S = 15.0
_PURGE_S = 3600.0
# An expired grant counts no more anyhow; streams that it opened end when it is removed.
_GRANTS_CHECK_S = 5.0
_RETRY_S = 1.0
# Ended sessions stay for questions of "who was it"; nothing decides on them any more.
_KEPT = timedelta(days=30)
# A sign-in that nobody finished is of no use to anybody; its code outlives it by a minute.
_KEPT_LOGINS = timedelta(hours=1)


class Upkeep:
    """Owns the tasks; `close` ends them."""

    def __init__(
        self,
        database: Database,
        *,
        signing: Signing,
        lifetimes: Lifetimes,
        members: MeshMembers,
        rollover: Rollover,
        credentials: Credentials,
        host_names: tuple[str, ...],
        clock: Clock,
        jobs: Sequence[Job] = (),
    ) -> None:
        self._database = database
        self._signing = signing
        self._lifetimes = lifetimes
        self._members = members
        self._rollover = rollover
        self._credentials = credentials
        self._host_names = host_names
        self._clock = clock
        self._jobs = JobRunner(
            database,
            [
                Job("rotate signing keys", self._rotate, _ROTATION_CHECK_S),
                Job("end replaced keys", self._end_replaced, _REPLACED_CHECK_S),
                Job("end grants", self._end_grants, _GRANTS_CHECK_S),
                Job("forget", self._forget, _PURGE_S),
                *jobs,
            ],
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        await self._jobs.__aenter__()
        self._tasks = [
            asyncio.create_task(self._follow(), name="follow-changes"),
            asyncio.create_task(self._stay_certified(), name="renew-own-certificate"),
        ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._jobs.__aexit__()

    async def _follow(self) -> None:
        """Takes over what this replica or another one changed."""
        seen = 0
        while True:
            seen = await self._database.feed.wait(seen)
            try:
                await self._signing.reload()
                await self._members.reload()
                await self._rollover.reload()
                self._renew_own()
            except (MeshError, OSError, ValueError) as error:
                log.warning("changes_not_followed", error=repr(error))
                await asyncio.sleep(_RETRY_S)
                seen = 0

    async def _stay_certified(self) -> None:
        """Every replica looks after its own certificate."""
        while True:
            try:
                self._renew_own()
            except (OSError, ValueError) as error:
                log.warning("certificate_not_renewed", error=repr(error))
            remaining = (self._credentials.half_life - self._clock.now()).total_seconds()
            await asyncio.sleep(min(max(remaining, _RETRY_S), _RENEWAL_CHECK_S))

    def _renew_own(self) -> None:
        if self._rollover.authority.renew_own(self._credentials, self._host_names):
            log.info("certificate_renewed", serial=f"{self._credentials.serial:x}")

    async def _rotate(self, _lease: Lease) -> None:
        await self._signing.rotate_by_age()

    async def _end_replaced(self, _lease: Lease) -> None:
        await self._database.write(api_keys.end_replaced, lifetimes=self._lifetimes)

    async def _end_grants(self, _lease: Lease) -> None:
        if await self._database.read(store.bindings.expired):
            await self._database.write(expired_grants.remove_all)

    async def _forget(self, _lease: Lease) -> None:
        await self._database.write(purge)
        await self._database.write(idempotency.purge, Base.metadata)
        await compact(self._database)


def purge(session: Session) -> None:
    """An operation: deletes what ended so long ago that nobody asks for it."""
    store.sessions.purge(session, session.now - _KEPT)
    store.identities.purge_logins(session, session.now - _KEPT_LOGINS)
    store.devices.purge(session, session.now - _KEPT)
    store.operations.purge(session, session.now - _KEPT)
    store.invitations.purge(session, session.now - _KEPT)
    store.users.purge_one_time_tokens(session)
    store.service_accounts.purge_keys(session, session.now - _KEPT)
    store.federated_credentials.purge_used(session)
    store.enrollments.purge_certificates(session, session.now - _KEPT)
