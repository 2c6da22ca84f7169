"""What writes of artifacts mean, and where versions come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from meshkit.errors import AlreadyExists, MeshError
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.operations.refusals import absent, taken
from workspace.store import artifacts as store
from workspace.store import projects as project_store
from workspace.store import steps as step_store
from workspace.store import values as value_store
from workspace.store.base import insert, update
from workspace.store.schema_artifacts import Artifact, ArtifactVersion, LineageEdge


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
    visualizations: list[dict[str, Any]]
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewVersions:
    """Versions that are created all or none."""

    project: str
    creator: str
    versions: Sequence[NewVersion]


# What people say of a version may have changed since; it does not make it another one.
_COMPARED = tuple(field.name for field in fields(NewVersion) if field.name != "said")


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
        self._aliases: set[tuple[str, str, str]] = set()
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
        grown = ("latest_version", "last_number", "update_time", "changes")
        update(session, list(self._grown.values()), grown)
        versions = [version for version, _ in self._created]
        insert(session, versions)
        value_store.add(session, versions)
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
        alias = new.said.get("alias")
        if alias and not known and self._is_taken(project, new.artifact, alias):
            return taken(f"projects/{project}/artifacts/{new.artifact}/versions/{alias}")
        producer = (project, new.producer_run, new.producer_step)
        if new.producer_step and producer not in self._steps:
            return absent(names.step(*producer))
        return None

    def _is_taken(self, project: str, artifact: str, alias: str) -> bool:
        """Whether a version has the alias, here or earlier in this transaction."""
        key = (project, artifact, alias)
        if key in self._aliases or store.find(self._session, *key):
            return True
        self._aliases.add(key)
        return False

    def _version(self, item: NewVersions, new: NewVersion, place: int) -> ArtifactVersion:
        known = self._known.get(new.uid)
        if known:
            return known
        artifact = self._artifact(item, new.artifact)
        artifact.last_number += 1
        artifact.latest_version = artifact.last_number
        values = {name: getattr(new, name) for name in _COMPARED}
        version = ArtifactVersion(
            project=item.project,
            version=artifact.latest_version,
            creator=item.creator,
            create_time=self._session.now,
            **values,
            **new.said,
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
            artifact.changes += 1
            self._grown[artifact.uid] = artifact
        return artifact


def _is_same(known: ArtifactVersion, new: NewVersion) -> bool:
    return all(getattr(known, name) == getattr(new, name) for name in _COMPARED)


def create_one(session: Session, item: NewVersions) -> ArtifactVersion:
    """Creates the one version of `item`."""
    (result,) = create(session, [item])
    if isinstance(result, MeshError):
        raise result
    (version,) = result
    session.audited(resource=version.name)
    return version
