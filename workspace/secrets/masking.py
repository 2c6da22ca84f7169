"""What is hidden in the logs and reports of each run: the secrets that it was given.

Values are in memory only. Which secrets a run was given is written down before it gets them, so
that a server that was restarted, or another replica, fetches them again and hides them too.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import MeshError, Unavailable
from meshkit.session import Session
from workspace.secrets.keeper import SecretKeeper
from workspace.secrets.masks import Mask, Withheld
from workspace.store import secrets as store
from workspace.store.schema_secrets import Secret, SecretLeftover

# How old what a replica knows may be, where a connection stays open.
_FRESH_S = 1.0
# Runs whose values stay in memory; those of others are fetched again.
_MOST_RUNS = 10_000
_Key = tuple[str, str]
G = TypeVar("G", Secret, SecretLeftover)


@dataclass(slots=True)
class _Known:
    """What this server knows of a run; of `generations` of its secrets it has seen the values."""

    generations: set[UUID] = field(default_factory=set)
    values: set[str] = field(default_factory=set)
    mask: Mask | None = None
    look_again_at: float = 0.0

    def learn(self, generation: UUID, values: Iterable[str]) -> None:
        self.generations.add(generation)
        fresh = set(values) - self.values
        if fresh:
            self.values |= fresh
            self.mask = Mask(self.values)


class Masking:
    """Masks of runs; belongs to one event loop."""

    def __init__(self, database: Database, keeper: SecretKeeper, clock: Clock) -> None:
        self._database = database
        self._keeper = keeper
        self._clock = clock
        self._runs: OrderedDict[_Key, _Known] = OrderedDict()

    def learn(self, project: str, run: str, generation: UUID, values: Mapping[str, str]) -> None:
        """A run is about to be given these values of a secret."""
        self._known(project, run).learn(generation, values.values())

    async def fresh(self, project: str, run: str) -> Mask | None:
        """What is hidden for a run, as any replica knew it a second ago; None for nothing.

        Unavailable `LOG_MASKING_UNAVAILABLE` where values cannot be fetched now.
        """
        known = self._runs.get((project, run))
        if known and self._clock.monotonic() < known.look_again_at:
            return known.mask
        return await self.now(project, run)

    async def or_withheld(self, project: str, run: str) -> Mask | None:
        """As `now`; what cannot be masked is not shown at all, and keeps nobody waiting."""
        try:
            return await self.now(project, run)
        except Unavailable:
            return Withheld()

    async def now(self, project: str, run: str) -> Mask | None:
        """What is hidden for a run; raises as `fresh`."""
        known = self._known(project, run)
        looked_at = self._clock.monotonic()
        rows, replaced = await self._database.read(_given, project, run)
        # Also one that was changed since: the run may have been given it anew by another replica,
        # and before that by a server that is no more.
        for row in rows:
            await self._fetch(known, row, self._keeper.read)
        for earlier in replaced:
            await self._fetch(known, earlier, self._keeper.read_replaced)
        known.look_again_at = looked_at + _FRESH_S
        return known.mask

    def _known(self, project: str, run: str) -> _Known:
        known = self._runs.setdefault((project, run), _Known())
        self._runs.move_to_end((project, run))
        while len(self._runs) > _MOST_RUNS:
            self._runs.popitem(last=False)
        return known

    async def _fetch(
        self, known: _Known, row: G, read: Callable[[G], Awaitable[Mapping[str, str]]]
    ) -> None:
        if row.generation in known.generations:
            return
        try:
            known.learn(row.generation, (await read(row)).values())
        except MeshError as error:
            raise Unavailable(
                "LOG_MASKING_UNAVAILABLE",
                "The secrets that the run was given cannot be read now, to keep them out of "
                "its logs; keep the lines and try again.",
                metadata={"secret": row.name.removeprefix("secrets/")},
                retry_after_s=5,
            ) from error


def _given(session: Session, project: str, run: str) -> tuple[list[Secret], list[SecretLeftover]]:
    """The secrets that a run was given, and what is left of their earlier values."""
    rows = store.given_to_run(session, project, run)
    return rows, store.replaced(session, [row.id for row in rows]) if rows else []
