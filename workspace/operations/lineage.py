"""Where versions of artifacts come from, and what was made of them."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from meshkit.session import Session
from workspace.store import artifacts as store
from workspace.store.schema_artifacts import ArtifactVersion, LineageEdge

MAX_LINEAGE = 500
MAX_DEPTH = 10


class Direction(enum.Enum):
    """Which way edges are followed."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"


@dataclass(frozen=True, slots=True)
class Lineage:
    """Versions, the one asked for first; edges with the names of their steps."""

    versions: list[ArtifactVersion]
    edges: list[tuple[LineageEdge, str]]
    truncated: bool


def follow(
    session: Session,
    project: str,
    artifact: str,
    key: str,
    *,
    directions: Sequence[Direction],
    depth: int,
) -> Lineage | None:
    """Follows edges step by step, nearest first; None where there is no such version."""
    start = store.find(session, project, artifact, key)
    if start is None:
        return None
    # Each way gets its share, so that a long past does not hide what was made of a thing.
    room = MAX_LINEAGE // len(directions)
    walks = [
        _walked(session, start.uid, depth, room, is_upstream=way is Direction.UPSTREAM)
        for way in directions
    ]
    uids = list(dict.fromkeys(uid for walk in walks for uid in walk.versions))
    edges = {key: pair for walk in walks for key, pair in walk.edges.items()}
    rows = store.versions_by_uid(session, uids)
    return Lineage(
        [rows[uid] for uid in uids], list(edges.values()), any(walk.truncated for walk in walks)
    )


def _walked(session: Session, start: UUID, depth: int, room: int, *, is_upstream: bool) -> "_Walk":
    walk = _Walk(session, start, room, is_upstream=is_upstream)
    for _ in range(depth or MAX_DEPTH):
        if not walk.go():
            break
    return walk


class _Walk:
    """A breadth-first walk over versions, from step to step."""

    def __init__(self, session: Session, start: UUID, room: int, *, is_upstream: bool) -> None:
        self._session = session
        self._room = room
        self._is_upstream = is_upstream
        self._steps: set[UUID] = set()
        self.versions = [start]
        self.frontier = [start]
        self.edges: dict[tuple[UUID, bool, str, UUID], tuple[LineageEdge, str]] = {}
        self.truncated = False

    def go(self) -> bool:
        """One step further; whether there was one."""
        limit = 4 * self._room
        near = store.edges_of_versions(
            self._session, self.frontier, is_output=self._is_upstream, limit=limit
        )
        self._keep(near)
        steps = {edge.step_uid for edge, _ in near} - self._steps
        self._steps |= steps
        if not steps:
            return False
        far = store.edges_of_steps(
            self._session, sorted(steps), is_output=not self._is_upstream, limit=limit
        )
        known = set(self.versions)
        found = list(dict.fromkeys(e.version_uid for e, _ in far if e.version_uid not in known))
        room = self._room - len(self.versions)
        self.truncated |= len(found) > room or len(near) == limit or len(far) == limit
        self.frontier = found[:room]
        self.versions += self.frontier
        shown = set(self.versions)
        self._keep([pair for pair in far if pair[0].version_uid in shown])
        return bool(self.frontier)

    def _keep(self, edges: Sequence[tuple[LineageEdge, str]]) -> None:
        for edge, step in edges:
            key = (edge.step_uid, edge.is_output, edge.slot, edge.version_uid)
            self.edges[key] = (edge, step)
