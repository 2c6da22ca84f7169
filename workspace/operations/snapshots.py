"""What writes of snapshots mean."""

from dataclasses import dataclass
from typing import Any

from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import ids, names
from workspace.operations import graphs, pipelines
from workspace.operations.refusals import absent, taken
from workspace.store import projects as project_store
from workspace.store import snapshots as store
from workspace.store.base import insert
from workspace.store.schema import Snapshot


@dataclass(frozen=True, slots=True)
class NewSnapshot:
    """A snapshot to create; without an id it gets a memorable one."""

    project: str
    id: str
    pipeline: str
    creator: str
    graph: list[tuple[str, list[str]]]
    spec: dict[str, Any]
    code: dict[str, Any] | None
    parameters_schema: dict[str, Any] | None
    environment: dict[str, Any] | None


def create(session: Session, new: NewSnapshot) -> Snapshot:
    """Creates a snapshot, and its pipeline if it is the first.

    Raises InvalidArgument `INVALID_PIPELINE_SPEC`, AlreadyExists, NotFound for the project.
    """
    graphs.check(new.graph)
    if not project_store.existing(session, {new.project}):
        raise absent(names.project(new.project))
    if new.id and store.get(session, new.project, new.id):
        raise taken(names.child(names.project(new.project), "snapshots", new.id))
    pipelines.ensure(session, {(new.project, new.pipeline): new.creator})
    row = Snapshot(
        uid=new_uid(),
        project=new.project,
        id=new.id or ids.memorable(),
        pipeline=new.pipeline,
        creator=new.creator,
        create_time=session.now,
        graph=[list(step) for step in new.graph],
        spec=new.spec,
        code=new.code,
        parameters_schema=new.parameters_schema,
        environment=new.environment,
    )
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row
