"""What writes of snapshots mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import ids, names
from workspace.operations import changes, code_repositories, graphs, pipelines, stacks
from workspace.operations.refusals import absent, in_use, taken
from workspace.store import builds as build_store
from workspace.store import projects as project_store
from workspace.store import schedules as schedule_store
from workspace.store import snapshots as store
from workspace.store import triggers as trigger_store
from workspace.store import values as value_store
from workspace.store.base import insert
from workspace.store.schema_snapshots import Snapshot

# How many users a refusal names.
_NAMED = 10


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
    build: str = ""
    display_name: str = ""
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    stack: str = ""
    code_repository: str = ""


def create(session: Session, new: NewSnapshot) -> Snapshot:
    """Creates a snapshot, and its pipeline if it is the first.

    Raises InvalidArgument `INVALID_PIPELINE_SPEC`, AlreadyExists, NotFound for the project.
    """
    graphs.check(new.graph)
    if not project_store.existing(session, {new.project}):
        raise absent(names.project(new.project))
    if new.id and store.get(session, new.project, new.id):
        raise taken(_name(new.project, new.id))
    # Held, so that nobody deletes it this moment.
    if new.build and build_store.lock(session, new.project, new.build) is None:
        raise absent(names.child(names.project(new.project), "builds", new.build))
    if new.code_repository:
        code_repositories.hold(session, new.project, new.code_repository)
    stacks.require(session, new.stack)
    pipelines.ensure(session, {(new.project, new.pipeline): new.creator})
    row = Snapshot(
        uid=new_uid(),
        project=new.project,
        id=new.id or ids.memorable(),
        pipeline=new.pipeline,
        creator=new.creator,
        create_time=session.now,
        update_time=session.now,
        graph=[list(step) for step in new.graph],
        spec=new.spec,
        code=new.code,
        parameters_schema=new.parameters_schema,
        environment=new.environment,
        build=new.build,
        display_name=new.display_name,
        description=new.description,
        labels=new.labels,
        stack=new.stack,
        code_repository=new.code_repository,
    )
    insert(session, [row])
    value_store.add(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def change(
    session: Session, project: str, snapshot: str, values: Mapping[str, Any], *, etag: str
) -> Snapshot:
    """Gives fields new values; NotFound, or Aborted where the etag is another one."""
    row = _locked(session, project, snapshot, etag)
    changes.apply(session, row, values)
    return row


def publish(
    session: Session, project: str, snapshot: str, template: str, *, move: bool, etag: str
) -> Snapshot:
    """Names a snapshot as a template; AlreadyExists where another holds the name and keeps it."""
    holder = store.lock_template(session, project, template)
    row = _locked(session, project, snapshot, etag)
    if holder and holder.uid != row.uid:
        if not move:
            raise taken(f"{names.project(project)}: template {template} ({holder.name})")
        changes.apply(session, holder, {"template": None})
    if row.template != template:
        _require_unused(session, row)
    changes.apply(session, row, {"template": template})
    return row


def unpublish(session: Session, project: str, snapshot: str, *, etag: str) -> Snapshot:
    """Takes the template's name from a snapshot, if it has one."""
    row = _locked(session, project, snapshot, etag)
    _require_unused(session, row)
    changes.apply(session, row, {"template": None})
    return row


def _require_unused(session: Session, row: Snapshot) -> None:
    """Raises FailedPrecondition where something runs what a snapshot's template stands for."""
    if row.template is None:
        return
    users = trigger_store.of_template(session, row.project, row.template, _NAMED)
    left = _NAMED - len(users)
    users += schedule_store.of_template(session, row.project, row.template, left)
    if users:
        raise in_use(f"template {row.template}", users)


def delete(session: Session, project: str, snapshot: str, *, etag: str) -> None:
    """Deletes a snapshot that nothing needs; FailedPrecondition with what does."""
    row = _locked(session, project, snapshot, etag)
    users = [f"template {row.template}"] if row.template else []
    users += trigger_store.of_snapshot(session, project, snapshot, _NAMED - len(users))
    users += store.users(session, row, _NAMED - len(users))
    if users:
        raise in_use(row.name, users)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def parameter_schema(row: Snapshot) -> dict[str, Any]:
    """JSON Schema of a snapshot's parameters, with the defaults that stand in for them."""
    schema = dict(row.parameters_schema or {"type": "object"})
    properties = {name: dict(rule) for name, rule in (schema.get("properties") or {}).items()}
    for name, default in (row.spec.get("parameters") or {}).items():
        properties.setdefault(name, {}).setdefault("default", default)
    required = [
        name for name in schema.get("required") or () if "default" not in properties.get(name, {})
    ]
    return {**schema, "properties": properties, "required": required}


def _locked(session: Session, project: str, snapshot: str, etag: str) -> Snapshot:
    row = store.lock(session, project, snapshot)
    if row is None:
        raise absent(_name(project, snapshot))
    changes.check_etag(row, etag)
    return row


def _name(project: str, snapshot: str) -> str:
    return names.child(names.project(project), "snapshots", snapshot)
