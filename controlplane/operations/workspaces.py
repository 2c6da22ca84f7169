"""The registry of workspaces."""

import hashlib

from controlplane import store
from controlplane.operations import enrollments
from controlplane.store.schema import Workspace
from meshkit.errors import Aborted, AlreadyExists, NotFound
from meshkit.feed import ChangeKind
from meshkit.session import Session


def register(
    session: Session, organization: str, workspace: str, *, display_name: str, creator: str
) -> Workspace:
    """Adds a workspace; raises AlreadyExists for a taken id."""
    is_taken = store.workspaces.get(session, organization, workspace) is not None
    row = Workspace(
        organization=organization,
        id=workspace,
        display_name=display_name,
        creator=creator,
        create_time=session.now,
    )
    if is_taken or not store.unique.insert(session, row):
        raise AlreadyExists(
            "RESOURCE_EXISTS", f"{row.name} exists already.", metadata={"resource": row.name}
        )
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name, fields=("display_name",))
    return row


def deregister(session: Session, organization: str, workspace: str, *, etag: str) -> None:
    """Removes a workspace with its grants, and denies its server's certificates."""
    row = require(session, organization, workspace)
    if etag and etag != etag_of(row):
        raise Aborted(
            "ETAG_MISMATCH",
            "The workspace has changed since; read it again.",
            metadata={"etag": etag_of(row)},
        )
    for binding in store.bindings.of_workspace(session, organization, row.uid):
        session.emit(ChangeKind.DELETED, binding)
        session.delete(binding)
    enrollments.leave(session, row)
    row.delete_time = session.now
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def require(session: Session, organization: str, workspace: str) -> Workspace:
    """The workspace; raises NotFound."""
    row = store.workspaces.get(session, organization, workspace)
    if row is None:
        name = f"organizations/{organization}/workspaces/{workspace}"
        raise NotFound("RESOURCE_NOT_FOUND", f"There is no {name}.", metadata={"resource": name})
    return row


def etag_of(row: Workspace) -> str:
    """Changes with every change of the registration."""
    return hashlib.sha256(f"{row.uid}/{row.revision}".encode()).hexdigest()[:16]
