"""What writes of artifacts mean, and where versions come from."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from meshkit.errors import AlreadyExists, MeshError
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.operations.refusals import absent
from workspace.store import artifacts as store
from workspace.store import projects as project_store
from workspace.store import steps as step_store
from workspace.store.base import insert, update
from workspace.store.schema import Artifact, ArtifactVersion, LineageEdge

MAX_LINEAGE = 500
MAX_DEPTH = 10


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to create; the maker's uid makes repeating safe."""

    uid: UUID
    artifact: str
    type: str
    uri: str
    data_type: str
    materializer: str
    content_hash: str
    size_bytes: int
    producer_run: str
    producer_step: str
    producer_output: str
    schema: dict[str, Any]
    unsafe: bool
    written_with: dict[str, str]


@dataclass(frozen=True, slots=True)
class NewVersions:
    """Versions that are created all or none."""

    project: str
    creator: str
    versions: Sequence[NewVersion]


@dataclass(frozen=True, slots=True)
class Lineage:
    """Versions, the one asked for first; edges with the names of their steps."""

    versions: list[ArtifactVersion]
    edges: list[tuple[LineageEdge, str]]
    truncated: bool


_COMPARED = tuple(field.name for field in fields(NewVersion))


def create(session: Session, items: list[NewVersions]) -> list[list[ArtifactVersion] | MeshError]:
    """Creates versions, and the artifacts that they are the first of; grouped."""
    work = _Work(session, items)
    results = [work.create(item, place) for place, item in enumerate(items)]
    work.save()
    return results


class _Work:
    """All versions of one transaction."""

    def __init__(self, session: Session, items: Sequence[NewVersions]) -> None:
        self._session = session
        versions = [(item.project, new) for item in items for new in item.versions]
        self._projects = project_store.existing(session, {item.project for item in items})
        self._known = store.versions_by_uid(session, [new.uid for _, new in versions])
        self._steps: dict[tuple[str, str, str], UUID] = {}
        self._artifacts: dict[tuple[str, str], Artifact] = {}
        self._new_artifacts: list[Artifact] = []
        self._grown: dict[UUID, Artifact] = {}
        self._created: list[tuple[ArtifactVersion, int]] = []
        self._edges: list[LineageEdge] = []
        for project in sorted(self._projects):
            self._read(project, [new for own, new in versions if own == project])

    def create(self, item: NewVersions, place: int) -> list[ArtifactVersion] | MeshError:
        if item.project not in self._projects:
            return absent(names.project(item.project))
        for new in item.versions:
            refusal = self._refusal(item.project, new)
            if refusal:
                return refusal
        return [self._version(item, new, place) for new in item.versions]

    def save(self) -> None:
        session = self._session
        insert(session, self._new_artifacts)
        update(session, list(self._grown.values()), ("latest_version", "update_time"))
        insert(session, [version for version, _ in self._created])
        store.add_edges(session, self._edges)
        for artifact in self._new_artifacts:
            session.emit(ChangeKind.CREATED, artifact)
        for artifact in self._grown.values():
            session.emit(ChangeKind.UPDATED, artifact, fields=("latest_version",))
        for version, place in self._created:
            session.emit(ChangeKind.CREATED, version, item=place)

    def _read(self, project: str, versions: Sequence[NewVersion]) -> None:
        found = store.lock_many(self._session, project, {new.artifact for new in versions})
        self._artifacts.update({(project, id_): row for id_, row in found.items()})
        keys = {(new.producer_run, new.producer_step) for new in versions if new.producer_step}
        if keys:
            steps = step_store.uids(self._session, project, keys)
            self._steps.update({(project, *key): uid for key, uid in steps.items()})

    def _refusal(self, project: str, new: NewVersion) -> MeshError | None:
        known = self._known.get(new.uid)
        if known and (known.project != project or not _is_same(known, new)):
            return AlreadyExists(
                "RESOURCE_EXISTS",
                "This uid belongs to another version.",
                metadata={"resource": str(new.uid)},
            )
        producer = (project, new.producer_run, new.producer_step)
        if new.producer_step and producer not in self._steps:
            return absent(names.step(*producer))
        return None

    def _version(self, item: NewVersions, new: NewVersion, place: int) -> ArtifactVersion:
        known = self._known.get(new.uid)
        if known:
            return known
        artifact = self._artifact(item, new.artifact)
        artifact.latest_version += 1
        values = {name: getattr(new, name) for name in _COMPARED}
        version = ArtifactVersion(
            project=item.project,
            version=artifact.latest_version,
            creator=item.creator,
            create_time=self._session.now,
            **values,
        )
        self._known[new.uid] = version
        self._created.append((version, place))
        if new.producer_step and new.producer_output:
            step = self._steps[item.project, new.producer_run, new.producer_step]
            self._edges.append(LineageEdge(step, True, new.producer_output, new.uid))
        return version

    def _artifact(self, item: NewVersions, id_: str) -> Artifact:
        now = self._session.now
        artifact = self._artifacts.get((item.project, id_))
        if artifact is None:
            artifact = Artifact(new_uid(), item.project, id_, item.creator, now, now, 0)
            self._artifacts[item.project, id_] = artifact
            self._new_artifacts.append(artifact)
        elif artifact not in self._new_artifacts:
            artifact.update_time = now
            self._grown[artifact.uid] = artifact
        return artifact


def _is_same(known: ArtifactVersion, new: NewVersion) -> bool:
    return all(getattr(known, name) == getattr(new, name) for name in _COMPARED)


def lineage(
    session: Session, project: str, artifact: str, number: int, *, is_upstream: bool, depth: int
) -> Lineage | None:
    """Follows edges step by step, nearest first; None where there is no such version."""
    start = store.version(session, project, artifact, number)
    if start is None:
        return None
    walk = _Walk(session, start.uid, is_upstream=is_upstream)
    for _ in range(depth or MAX_DEPTH):
        if not walk.go():
            break
    rows = store.versions_by_uid(session, walk.versions)
    return Lineage([rows[uid] for uid in walk.versions], list(walk.edges.values()), walk.truncated)


class _Walk:
    """A breadth-first walk over versions, from step to step."""

    def __init__(self, session: Session, start: UUID, *, is_upstream: bool) -> None:
        self._session = session
        self._is_upstream = is_upstream
        self._steps: set[UUID] = set()
        self.versions = [start]
        self.frontier = [start]
        self.edges: dict[tuple[UUID, bool, str, UUID], tuple[LineageEdge, str]] = {}
        self.truncated = False

    def go(self) -> bool:
        """One step further; whether there was one."""
        limit = 4 * MAX_LINEAGE
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
        room = MAX_LINEAGE - len(self.versions)
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
