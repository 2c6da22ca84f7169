"""What each transaction adds to the uses of its projects, and what has no room.

Use is counted from the events that the transaction emits anyway, so that nothing which comes or
goes can be forgotten, and written down at its very end, under the lock of the feed's head: no
counter is held while operations run, and no two replicas can both take the last place.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from meshkit.feed import Change, ChangeKind
from meshkit.session import Session
from workspace.quotas import WORKSPACE, Limits, Quota, QuotaReachedError, reached
from workspace.store import quotas as store
from workspace.store.base import Row
from workspace.store.quotas import Key
from workspace.store.schema_artifacts import ArtifactVersion
from workspace.store.schema_models import ModelVersion

_SIGNS = {ChangeKind.CREATED: 1, ChangeKind.DELETED: -1}
# A run begins only where there is room for what it may make.
_TO_BEGIN = {Quota.ARTIFACT_VERSIONS: 1, Quota.ARTIFACT_BYTES: 1}


class QuotaBook:
    """The uses of one transaction; as `meshkit.session.Book`."""

    def __init__(self, session: Session, of_workspace: Limits) -> None:
        self._session = session
        self._limits: dict[str, Limits] = {WORKSPACE: of_workspace}
        self._used: dict[str, Mapping[Key, int]] = {}
        self._deltas: Counter[Key] = Counter()
        self._asked: set[Key] = set()

    def operated(self, changes: Sequence[Change]) -> None:
        """Counts what came and went; QuotaReachedError where something came without room."""
        self._settle(
            (change.row, _SIGNS[change.kind]) for change in changes if change.kind in _SIGNS
        )

    def made(self, row: Row) -> None:
        """Counts a row that no event tells of."""
        self._settle([(row, 1)])

    def gone(self, row: Row) -> None:
        """Counts that such a row is deleted."""
        self._settle([(row, -1)])

    def add(self, project: str, quota: Quota, amount: int) -> None:
        """Counts what has its room already, or needs none."""
        self._deltas[project, quota] += amount
        if project != WORKSPACE:
            self._deltas[WORKSPACE, quota] += amount

    def refusal_of_runs(self, project: str, count: int) -> QuotaReachedError | None:
        """Why a project cannot have so many further runs."""
        return self._refusal(project, {Quota.RUNS: count, **_TO_BEGIN})

    def room(self, project: str, quota: Quota) -> list[tuple[int, int]]:
        """The limits of the project and of the workspace that there are, each with its use."""
        scopes = (project, WORKSPACE)
        bounds = [(self._limit(scope, quota), scope) for scope in scopes]
        return [(limit, self._use(scope, quota)) for limit, scope in bounds if limit]

    def close(self) -> None:
        """Writes down what was counted; raises where another replica took the last place."""
        if not any(self._deltas.values()):
            return
        store.add(self._session, self._deltas)
        if not self._asked:
            return
        used = store.used(self._session, *sorted({scope for scope, _ in self._asked}))
        for key in self._asked:
            use, limit = used.get(key, 0), self._limit(*key)
            if use > limit:
                raise reached(*key, use=use - self._deltas[key], limit=limit)

    def _settle(self, rows: Iterable[tuple[Row, int]]) -> None:
        deltas: dict[str, Counter[Quota]] = defaultdict(Counter)
        wanted: dict[str, Counter[Quota]] = defaultdict(Counter)
        for row, sign in rows:
            is_asked = sign > 0 and not _is_of_run(row)
            for (project, quota), amount in store.amounts(row):
                deltas[project][quota] += sign * amount
                if is_asked:
                    wanted[project][quota] += amount
        for project, grown in deltas.items():
            if refusal := self._refusal(project, wanted[project]):
                raise refusal
            self._ask(project, wanted[project])
            for quota, amount in grown.items():
                self.add(project, quota, amount)

    def _refusal(self, project: str, wanted: Mapping[Quota, int]) -> QuotaReachedError | None:
        """The first limit that leaves no room for so much more."""
        for scope in dict.fromkeys((project, WORKSPACE)):
            for quota, amount in wanted.items():
                limit = self._limit(scope, quota)
                if limit and amount and (use := self._use(scope, quota)) + amount > limit:
                    return reached(scope, quota, use=use, limit=limit)
        return None

    def _ask(self, project: str, wanted: Mapping[Quota, int]) -> None:
        """Keeps in mind which limits must hold at the end too."""
        keys = [(scope, quota) for scope in (project, WORKSPACE) for quota in wanted]
        self._asked.update(key for key in keys if wanted[key[1]] and self._limit(*key))

    def _limit(self, scope: str, quota: Quota) -> int:
        limits = self._limits.get(scope)
        if limits is None:
            limits = self._limits[scope] = store.limits(self._session, scope) or {}
        return limits.get(quota, 0)

    def _use(self, scope: str, quota: Quota) -> int:
        """What there is, with what this transaction has counted."""
        used = self._used.get(scope)
        if used is None:
            used = self._used[scope] = store.used(self._session, scope)
        return used.get((scope, quota), 0) + self._deltas[scope, quota]


def book_of(session: Session) -> QuotaBook:
    """The book of a session of writes."""
    book = session.book
    assert isinstance(book, QuotaBook), "a workspace's database is opened with its quotas"
    return book


def _is_of_run(row: Row) -> bool:
    """Whether a run made it: its work is never lost for want of room. New runs are refused."""
    if isinstance(row, ArtifactVersion):
        return bool(row.producer_step)
    return isinstance(row, ModelVersion) and bool(row.run)
