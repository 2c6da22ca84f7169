"""One link: listens to a service, and tells it each change as soon as it is committed."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

from controlplane.linking import statements
from controlplane.linking.health import LinkRegistry, OpenLink
from controlplane.linking.statements import Statements
from controlplane.operations import audit
from controlplane.operations.audit import Shipped
from controlplane.operations.links import Report
from controlplane.store.schema import Enrollment, Link, Revocation, SigningKey, Workspace
from controlplane.store.schema_access import CustomRole, RoleBinding, TeamMember
from controlplane.store.schema_authority import Root
from meshkit.chain import Position
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import DeadlineExceeded, OutOfRange
from meshkit.feed import StoredEvent
from meshkit.sleepers import Sleeper, Sleepers
from meshkit.spiffe import Role, SpiffeId

# A policy is stated anew well before workspaces would call it old, though nothing changed.
_RESTATED_PER_AGE = 24
# The types of rows that statements are made of; nothing else costs a link a query.
_STATED = frozenset(
    row.__name__
    for row in (
        CustomRole,
        Enrollment,
        Link,
        Revocation,
        RoleBinding,
        Root,
        SigningKey,
        TeamMember,
        Workspace,
    )
)


_STATEMENTS = ("statements",)


def wakes(event: StoredEvent) -> tuple[str, ...]:
    """For the sleepers of all links: whether an event may change what they are told."""
    return _STATEMENTS if event.resource_type in _STATED else ()


@dataclass(frozen=True, slots=True)
class News:
    """What to tell: the newest statements, and which of them changed. Nothing: a heartbeat."""

    statements: Statements
    policy: bool = False
    keys: bool = False
    trust: bool = False
    directory: bool = False
    heartbeat: bool = False


@dataclass(frozen=True, slots=True)
class LinkTimes:
    """Seconds between heartbeats, of silence, and how long policies hold."""

    heartbeat_s: float
    silence_s: float
    policy_max_age: timedelta


class Conversation:
    """The control plane's side of one open link."""

    def __init__(
        self,
        service: SpiffeId,
        link: OpenLink,
        *,
        database: Database,
        registry: LinkRegistry,
        clock: Clock,
        times: LinkTimes,
        sleepers: Sleepers,
    ) -> None:
        self._service = service
        self._link = link
        self._database = database
        self._registry = registry
        self._clock = clock
        self._times = times
        self._sleeper = Sleeper(sleepers, _STATEMENTS)
        self._policy_time = clock.now()
        # How far a workspace's audit rows have arrived: said at the beginning and after a batch.
        self.positions: asyncio.Queue[Position] = asyncio.Queue()

    async def listen(self, heard: AsyncIterator[Report | Shipped]) -> None:
        """Takes note of what the service says until it hangs up; raises on silence."""
        if self._service.role is Role.WORKSPACE:
            self.positions.put_nowait(await self._database.read(audit.position, self._service.uid))
        while True:
            try:
                async with asyncio.timeout(self._times.silence_s):
                    said = await anext(heard, None)
            except TimeoutError as error:
                raise silent() from error
            if said is None:
                return
            if isinstance(said, Shipped):
                # Read on only when the rows are durable: nothing piles up here.
                receive = self._database.write(audit.receive, self._service.uid, said)
                self.positions.put_nowait(await receive)
            else:
                await self._registry.heard(self._link, said)

    async def speak(self) -> AsyncGenerator[News]:
        """All statements, then each change, and a heartbeat where nothing else was said."""
        told = await self._database.read(statements.read, self._service)
        self._note_policy(told)
        yield News(told, policy=True, keys=True, trust=True, directory=True)
        self._policy_time, said_at = told.time, self._clock.monotonic()
        while True:
            position = await self._sleeper.sleep(told.revision)
            told = replace(told, revision=position)
            newest = await self._newest(told, self._database.feed.head)
            news = self._differences(told, newest)
            if not news and self._clock.monotonic() >= said_at + self._times.heartbeat_s:
                news = [News(newest, heartbeat=True)]
            for each in news:
                if each.policy:
                    self._note_policy(newest)
                yield each
                said_at = self._clock.monotonic()
            told = newest

    async def _newest(self, told: Statements, head: int) -> Statements:
        """The statements as of now; read again only where something in them may have changed."""
        if self._is_policy_due() or await self._is_concerned(told.revision, head):
            return await self._database.read(statements.read, self._service)
        return replace(told, revision=max(head, told.revision))

    async def _is_concerned(self, after: int, head: int) -> bool:
        if head <= after:
            return False
        try:
            events = await self._database.feed.read(after)
        except OutOfRange:
            return True
        is_whole = bool(events) and events[-1].revision >= head
        return not is_whole or any(event.resource_type in _STATED for event in events)

    def _differences(self, told: Statements, newest: Statements) -> list[News]:
        policy = newest.policy != told.policy or self._is_policy_due()
        if policy:
            self._policy_time = newest.time
        news = News(
            newest,
            policy=policy,
            keys=newest.keys != told.keys,
            trust=newest.trust != told.trust,
            directory=newest.directory != told.directory,
        )
        return [news] if policy or news.keys or news.trust or news.directory else []

    def _note_policy(self, told: Statements) -> None:
        if told.policy:
            self._link.policy_told = told.revision

    def _is_policy_due(self) -> bool:
        age: timedelta = self._clock.now() - self._policy_time
        return age >= self._times.policy_max_age / _RESTATED_PER_AGE


def silent() -> DeadlineExceeded:
    """What a service hears that said nothing for too long."""
    return DeadlineExceeded("DEADLINE", "The link was silent for too long.")
