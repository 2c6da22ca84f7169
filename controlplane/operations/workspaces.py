"""The registry of workspaces."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from controlplane import store
from controlplane.lifecycle import Mode, Phase, UpgradePolicy
from controlplane.operations import enrollments
from controlplane.operations.refusals import require_etag
from controlplane.store.schema import Workspace
from meshkit.errors import AlreadyExists, FailedPrecondition, NotFound
from meshkit.feed import ChangeKind
from meshkit.session import Session


@dataclass(frozen=True, slots=True)
class NewWorkspace:
    """A workspace to add; `version` where the control plane runs its server."""

    id: str
    display_name: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    upgrade_policy: UpgradePolicy = UpgradePolicy.MANUAL
    version: str = ""


def register(
    session: Session, organization: str, new: NewWorkspace, *, creator: str, phase: Phase
) -> Workspace:
    """Adds a workspace; raises AlreadyExists for a taken id."""
    is_taken = store.workspaces.get(session, organization, new.id) is not None
    row = Workspace(
        organization=organization,
        id=new.id,
        display_name=new.display_name,
        labels=new.labels,
        creator=creator,
        create_time=session.now,
        update_time=session.now,
        mode=Mode.PROVISIONED if new.version else Mode.HYBRID,
        phase=phase,
        phase_time=session.now,
        target_version=new.version,
        upgrade_policy=new.upgrade_policy,
    )
    if is_taken or not store.unique.insert(session, row):
        raise AlreadyExists(
            "RESOURCE_EXISTS", f"{row.name} exists already.", metadata={"resource": row.name}
        )
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name, fields=("display_name",))
    return row


def deregister(session: Session, organization: str, workspace: str, *, etag: str) -> None:
    """Removes a hybrid workspace; raises FailedPrecondition for one that is run here."""
    row = lock(session, organization, workspace, etag=etag)
    if row.mode == Mode.PROVISIONED:
        raise FailedPrecondition(
            "PROVISIONED",
            "This control plane runs the workspace: delete it, so that its server ends too.",
            metadata={"resource": row.name},
        )
    remove(session, row)
    session.audited(resource=row.name)


def change(
    session: Session,
    organization: str,
    workspace: str,
    values: Mapping[str, object],
    *,
    etag: str,
) -> Workspace:
    """Gives fields of the registration new values; raises NotFound, or Aborted."""
    row = lock(session, organization, workspace, etag=etag)
    differing = {name: new for name, new in values.items() if getattr(row, name) != new}
    for name, value in differing.items():
        setattr(row, name, value)
    if differing:
        row.update_time = session.now
        session.emit(ChangeKind.UPDATED, row, fields=tuple(differing))
    session.audited(resource=row.name, fields=tuple(differing))
    return row


def remove(session: Session, row: Workspace) -> None:
    """Takes a workspace out with its grants, and denies its server's certificates."""
    for binding in store.bindings.of_workspace(session, row.organization, row.uid):
        session.emit(ChangeKind.DELETED, binding)
        session.delete(binding)
    enrollments.leave(session, row)
    row.delete_time = session.now
    session.emit(ChangeKind.DELETED, row)


def lock(session: Session, organization: str, workspace: str, *, etag: str) -> Workspace:
    """The workspace, held until the commit; raises NotFound, or Aborted for another etag."""
    row = require(session, organization, workspace)
    row = store.workspaces.lock(session, row.uid)
    require_etag(row, etag)
    return row


def require(session: Session, organization: str, workspace: str) -> Workspace:
    """The workspace; raises NotFound."""
    row = store.workspaces.get(session, organization, workspace)
    if row is None:
        name = f"organizations/{organization}/workspaces/{workspace}"
        raise NotFound("RESOURCE_NOT_FOUND", f"There is no {name}.", metadata={"resource": name})
    return row
