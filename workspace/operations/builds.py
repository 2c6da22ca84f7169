"""What writes of builds mean."""

from dataclasses import dataclass
from typing import Any

from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import ids, names
from workspace.operations import pipelines
from workspace.operations.refusals import absent, in_use, taken
from workspace.store import builds as store
from workspace.store import projects as project_store
from workspace.store.base import insert
from workspace.store.schema_snapshots import Build

# How many users a refusal names.
_NAMED = 10


@dataclass(frozen=True, slots=True)
class NewBuild:
    """A build to create; without an id it gets a memorable one."""

    project: str
    id: str
    pipeline: str
    checksum: str
    creator: str
    image: dict[str, Any]
    step_images: dict[str, Any]
    labels: dict[str, str]


def create(session: Session, new: NewBuild) -> Build:
    """Creates a build, and its pipeline if it is the first; NotFound, AlreadyExists."""
    if not project_store.existing(session, {new.project}):
        raise absent(names.project(new.project))
    if new.id and store.get(session, new.project, new.id):
        raise taken(_name(new.project, new.id))
    pipelines.ensure(session, {(new.project, new.pipeline): new.creator})
    row = Build(
        uid=new_uid(),
        project=new.project,
        id=new.id or ids.memorable(),
        pipeline=new.pipeline,
        checksum=new.checksum,
        creator=new.creator,
        create_time=session.now,
        image=new.image,
        step_images=new.step_images,
        labels=new.labels,
    )
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def delete(session: Session, project: str, build: str) -> None:
    """Deletes a build that no snapshot uses; FailedPrecondition with those that do."""
    row = store.lock(session, project, build)
    if row is None:
        raise absent(_name(project, build))
    users = store.users(session, row, _NAMED)
    if users:
        raise in_use(row.name, users)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def _name(project: str, build: str) -> str:
    return names.child(names.project(project), "builds", build)
