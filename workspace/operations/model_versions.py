"""What writes of versions of models mean, and of what they link."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.operations import models
from workspace.operations.changes import check_etag
from workspace.operations.models import locked
from workspace.operations.refusals import absent, in_use, taken
from workspace.store import artifacts as artifact_store
from workspace.store import model_versions as store
from workspace.store import models as model_store
from workspace.store import projects as project_store
from workspace.store import runs as run_store
from workspace.store import values as value_store
from workspace.store.base import insert, update
from workspace.store.schema_models import HELD, Model, ModelVersion, ModelVersionLink


@dataclass(frozen=True, slots=True)
class VersionKey:
    """A version as a name says it: `version` may be a number, its own name or an alias."""

    project: str
    model: str
    version: str

    @classmethod
    def of(cls, name: str) -> "VersionKey":
        return cls(*names.ids(name))

    @property
    def name(self) -> str:
        return f"{names.project(self.project)}/models/{self.model}/versions/{self.version}"


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to create; `run` is the id of the run that makes it, if one does."""

    project: str
    model: str
    creator: str
    version_id: str = ""
    run: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


def create(session: Session, new: NewVersion) -> ModelVersion:
    """Creates the next version; of a run, the only one, with its model where that is missing."""
    _check_id(new.version_id)
    if new.run and not run_store.existing(session, new.project, [new.run]):
        raise absent(names.run(new.project, new.run))
    model = _model(session, new)
    known = new.run and store.of_run(session, new.project, new.model, new.run)
    if known:
        return known
    if new.version_id and store.find(session, new.project, new.model, new.version_id):
        raise taken(VersionKey(new.project, new.model, new.version_id).name)
    model.latest_number += 1
    now = session.now
    row = ModelVersion(
        new_uid(),
        model.uid,
        new.project,
        new.model,
        model.latest_number,
        new.version_id,
        new.run,
        new.creator,
        now,
        now,
        **new.values,
    )
    models.save(session, model, ("latest_number",))
    insert(session, [row])
    value_store.add(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def _check_id(version_id: str) -> None:
    if version_id in store.RESERVED:
        problem = FieldViolation("version_id", f'"{version_id}" means something else')
        raise InvalidArgument(
            "INVALID_FIELDS",
            f'version_id: "{version_id}" cannot be the name of a version.',
            violations=[problem],
        )


def _model(session: Session, new: NewVersion) -> Model:
    """The model, held; a run brings it along."""
    found = model_store.lock(session, new.project, new.model)
    if found or not new.run:
        return found or locked(session, new.project, new.model)
    if not project_store.existing(session, {new.project}):
        raise absent(names.project(new.project))
    made = models.new(session, new.project, new.model, creator=new.creator)
    model_store.ensure(session, made)
    row = locked(session, new.project, new.model)
    if row.uid == made.uid:
        session.emit(ChangeKind.CREATED, row)
    return row


def change(
    session: Session, key: VersionKey, changed: Mapping[str, Any], *, etag: str
) -> ModelVersion:
    """Gives fields new values; NotFound, or Aborted where the etag is another one."""
    _, row = held(session, key)
    check_etag(row, etag)
    differing = {name: new for name, new in changed.items() if getattr(row, name) != new}
    before = {name: getattr(row, name) for name in differing}
    for name, value in differing.items():
        setattr(row, name, value)
    if differing:
        save(session, row, tuple(differing))
        value_store.follow(session, row, before)
        session.audited(resource=row.name, fields=tuple(differing))
    return row


def save(session: Session, row: ModelVersion, fields: tuple[str, ...], **emitted: Any) -> None:
    """Writes fields of a version that have new values; `emitted` goes into the event."""
    row.changes += 1
    row.update_time = session.now
    update(session, [row], (*fields, "changes", "update_time"))
    session.emit(ChangeKind.UPDATED, row, fields=fields, **emitted)


def held(session: Session, key: VersionKey) -> tuple[Model, ModelVersion]:
    """A version, and its model held until the commit; NotFound."""
    model = locked(session, key.project, key.model)
    row = store.find(session, key.project, key.model, key.version)
    if row is None:
        raise absent(key.name)
    return model, row


def delete(session: Session, key: VersionKey, *, etag: str) -> None:
    """Deletes a version that holds no stage and that nobody asks for."""
    model, row = held(session, key)
    check_etag(row, etag)
    waiting = store.pending(session, model.uid, row.number)
    used = [f"the stage {row.stage}"] if row.stage in HELD else []
    used += [request.name for request in waiting]
    if used:
        raise in_use(row.name, used)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


@dataclass(frozen=True, slots=True)
class Targets:
    """What is linked, by name; all of it lies in the version's project."""

    artifact_versions: Sequence[str]
    runs: Sequence[str]

    @property
    def names(self) -> list[str]:
        """Each once, in order."""
        return list(dict.fromkeys([*self.artifact_versions, *self.runs]))


def link(
    session: Session, key: VersionKey, targets: Targets, *, creator: str
) -> list[ModelVersionLink]:
    """Links what is not linked yet; NotFound where any of it does not exist."""
    _, version = held(session, key)
    uids = _artifacts(session, key.project, targets.artifact_versions)
    _check_runs(session, key.project, targets.runs)
    found = _links(session, version, targets)
    made = [
        ModelVersionLink(
            new_uid(),
            version.uid,
            version.project,
            version.model,
            version.number,
            name if name in uids else "",
            uids.get(name),
            "" if name in uids else name,
            creator,
            session.now,
        )
        for name in targets.names
        if name not in found
    ]
    if made:
        insert(session, made)
        session.emit(ChangeKind.UPDATED, version, fields=("links",))
    session.audited(resource=version.name, fields=("links",))
    found |= {row.artifact_version or row.run: row for row in made}
    return [found[name] for name in targets.names]


def unlink(session: Session, key: VersionKey, targets: Targets) -> None:
    """Takes links away; NotFound where any of it is not linked."""
    _, version = held(session, key)
    found = _links(session, version, targets)
    missing = next((name for name in targets.names if name not in found), None)
    if missing:
        raise absent(f"A link of {version.name} to {missing}")
    store.unlink(session, [row.uid for row in found.values()])
    session.emit(ChangeKind.UPDATED, version, fields=("links",))
    session.audited(resource=version.name, fields=("links",))


def _links(
    session: Session, version: ModelVersion, targets: Targets
) -> dict[str, ModelVersionLink]:
    return store.links(session, version.uid, artifacts=targets.artifact_versions, runs=targets.runs)


def _artifacts(session: Session, project: str, wanted: Sequence[str]) -> dict[str, UUID]:
    """The uids of artifact versions by name."""
    keys = {name: _artifact_key(name) for name in wanted}
    found = artifact_store.uids(session, project, keys.values()) if keys else {}
    missing = next((name for name, key in keys.items() if key not in found), None)
    if missing:
        raise absent(missing)
    return {name: found[key] for name, key in keys.items()}


def _artifact_key(name: str) -> tuple[str, int]:
    _, artifact, number = names.ids(name)
    return artifact, int(number) if number.isdigit() else 0


def _check_runs(session: Session, project: str, wanted: Sequence[str]) -> None:
    ids = {name: names.last(name) for name in wanted}
    found = run_store.existing(session, project, set(ids.values())) if ids else set()
    missing = next((name for name, id_ in ids.items() if id_ not in found), None)
    if missing:
        raise absent(missing)
