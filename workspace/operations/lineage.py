"""Where versions of artifacts come from, and what was made of them."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from meshkit.errors import InvalidArgument
from meshkit.session import Session
from workspace.store import artifacts as store
from workspace.store.schema_artifacts import ArtifactVersion, LineageEdge

MAX_DEPTH = 10
# What one walk follows at most. Each page walks from the start again, over ids alone, as far as
# it has to: nothing has to be kept between pages.
MOST = 10_000
_MOST_EDGES = 4 * MOST

Edge = tuple[LineageEdge, str]


class Direction(enum.Enum):
    """Which way edges are followed."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"


@dataclass(frozen=True, slots=True)
class Lineage:
    """The versions of a page and the one behind it; edges with the names of their steps."""

    versions: list[ArtifactVersion]
    edges: list[Edge]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Part:
    """The part that one page shows: so many versions behind the last one of the page before."""

    size: int
    after: UUID | None = None


def follow(
    session: Session,
    project: str,
    artifact: str,
    key: str,
    *,
    directions: Sequence[Direction],
    depth: int,
    part: Part,
) -> Lineage | None:
    """Follows edges step by step, nearest first; None where there is no such version."""
    start = store.find(session, project, artifact, key)
    if start is None:
        return None
    walks = [_Walk(session, start.uid, is_upstream=way is Direction.UPSTREAM) for way in directions]
    found = {start.uid: None}
    is_enough = False
    for _ in range(depth or MAX_DEPTH):
        if is_enough:
            break
        # One step beyond what the page needs: it has the edges of the last versions.
        is_enough = _reaches(list(found), part)
        # Both ways in turn, so that a long past does not hide what was made of a thing.
        for walk in walks:
            found |= dict.fromkeys(walk.go())
    uids = list(found)
    shown = _shown(uids[:MOST], part)
    rows = store.versions_by_uid(session, shown)
    edges = [edge for walk in walks for edge in walk.edges_of(shown)]
    is_cut = len(uids) > MOST or any(walk.is_cut for walk in walks)
    return Lineage([rows[uid] for uid in shown], list(dict(edges).values()), is_cut)


def _reaches(uids: Sequence[UUID], part: Part) -> bool:
    """Whether the page is full, and one more was found."""
    if len(uids) > MOST:
        return True
    return (part.after is None or part.after in uids) and len(_shown(uids, part)) > part.size


def _shown(uids: Sequence[UUID], part: Part) -> list[UUID]:
    """Those of a page, and the one behind them."""
    if part.after is None:
        return list(uids[: part.size + 1])
    if part.after not in uids:
        raise InvalidArgument(
            "INVALID_PAGE_TOKEN",
            "The version at which the last page ended has been deleted: start from the first page.",
        )
    first = uids.index(part.after) + 1
    return list(uids[first : first + part.size + 1])


class _Walk:
    """A breadth-first walk over versions, from step to step."""

    def __init__(self, session: Session, start: UUID, *, is_upstream: bool) -> None:
        self._session = session
        self._is_upstream = is_upstream
        self._steps: set[UUID] = set()
        self._known = {start}
        self._frontier = [start]
        self._edges: dict[UUID, dict[tuple[UUID, bool, str, UUID], Edge]] = {}
        self.is_cut = False

    def go(self) -> list[UUID]:
        """The versions that are one step further."""
        if not self._frontier or len(self._known) > MOST:
            return []
        near = store.edges_of_versions(
            self._session, self._frontier, is_output=self._is_upstream, limit=_MOST_EDGES
        )
        self._keep(near)
        steps = {edge.step_uid for edge, _ in near} - self._steps
        self._steps |= steps
        self._frontier = self._beyond(sorted(steps), is_whole=len(near) < _MOST_EDGES)
        return self._frontier

    def edges_of(self, versions: Sequence[UUID]) -> list[tuple[tuple[UUID, bool, str, UUID], Edge]]:
        """The edges of versions that were met, by what tells them apart."""
        return [item for uid in versions for item in self._edges.get(uid, {}).items()]

    def _beyond(self, steps: Sequence[UUID], *, is_whole: bool) -> list[UUID]:
        """What is on the other side of steps, and new."""
        if not steps:
            return []
        far = store.edges_of_steps(
            self._session, steps, is_output=not self._is_upstream, limit=_MOST_EDGES
        )
        self._keep(far)
        self.is_cut |= not is_whole or len(far) == _MOST_EDGES
        found = dict.fromkeys(edge.version_uid for edge, _ in far)
        new = [uid for uid in found if uid not in self._known]
        self._known.update(new)
        return new

    def _keep(self, edges: Sequence[Edge]) -> None:
        for edge, step in edges:
            key = (edge.step_uid, edge.is_output, edge.slot, edge.version_uid)
            self._edges.setdefault(edge.version_uid, {})[key] = (edge, step)
