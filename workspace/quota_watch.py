"""What `/metrics` and the server's log say of quotas: looked at now and then, on no call's path."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from meshkit.database import Database
from meshkit.errors import MeshError
from meshkit.session import Session
from meshkit.telemetry import Metrics
from workspace.quotas import WORKSPACE, Limits, Quota, QuotaState, scope_name, state_of
from workspace.store import quotas as store

log = structlog.get_logger()

_LABELS = ("scope", "quota")


@dataclass(frozen=True, slots=True)
class Level:
    """How much of something there is, and may be; 0 for any amount."""

    use: int
    limit: int


Levels = dict[store.Key, Level]


class QuotaWatch:
    """Looks at all uses of the workspace, and at those of projects that have a limit."""

    def __init__(self, database: Database, of_workspace: Limits, metrics: Metrics) -> None:
        self._database = database
        self._of_workspace = of_workspace
        self._states: dict[store.Key, QuotaState] = {}
        # Replaced whole: scrapes come from another thread.
        self.levels: Levels = {}
        metrics.registry.register(_Levels(self))

    async def keep_looking(self, interval_s: float) -> None:
        """Looks until it is cancelled."""
        while True:
            try:
                await self.look()
            except (MeshError, OSError) as error:
                log.warning("quotas_not_read", error=str(error))
            await asyncio.sleep(interval_s)

    async def look(self) -> None:
        """Reads the counters, and warns of what came near its limit since the last look."""
        self.levels = await self._database.read(self._read)
        states = {key: state_of(level.use, level.limit) for key, level in self.levels.items()}
        for key, state in states.items():
            if state is not self._states.get(key, QuotaState.FREE):
                _tell(*key, state, self.levels[key])
        self._states = states

    def _read(self, session: Session) -> Levels:
        limited = store.limited(session)
        used = store.used(session, WORKSPACE, *limited)
        keys = [((WORKSPACE, quota), self._of_workspace.get(quota, 0)) for quota in Quota]
        keys += [
            ((project, quota), limit)
            for project, limits in sorted(limited.items())
            for quota, limit in limits.items()
            if limit
        ]
        return {key: Level(used.get(key, 0), limit) for key, limit in keys}


def _tell(project: str, quota: Quota, state: QuotaState, level: Level) -> None:
    told = {"scope": scope_name(project), "quota": str(quota)}
    if state is QuotaState.FREE:
        log.info("quota_has_room_again", use=level.use, limit=level.limit, **told)
    else:
        event = "quota_reached" if state is QuotaState.REACHED else "quota_nearly_reached"
        log.warning(event, use=level.use, limit=level.limit, **told)


class _Levels(Collector):
    def __init__(self, watch: QuotaWatch) -> None:
        self._watch = watch

    def collect(self) -> Iterator[GaugeMetricFamily]:
        levels = self._watch.levels
        used = {key: level.use for key, level in levels.items()}
        limits = {key: level.limit for key, level in levels.items() if level.limit}
        yield _family("weft_quota_use", "How much of what can be limited there is.", used.items())
        yield _family("weft_quota_limit", "How much of it there may be.", limits.items())


def _family(name: str, text: str, values: Iterable[tuple[store.Key, int]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=_LABELS)
    for (project, quota), value in values:
        family.add_metric((scope_name(project), str(quota)), value)
    return family
