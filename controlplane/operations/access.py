"""Grants: nobody gives more than they hold, and somebody always remains in charge."""

from dataclasses import dataclass
from uuid import UUID

from controlplane import store
from controlplane.permissions import ADMIN, ROLES, Grant, Scope, held_on
from controlplane.store.schema import RoleBinding
from meshkit.errors import AlreadyExists, FailedPrecondition, NotFound, PermissionDenied
from meshkit.feed import ChangeKind
from meshkit.session import Session


@dataclass(frozen=True, slots=True)
class NewBinding:
    """A grant to make: which role, for whom, where."""

    subject_uid: UUID
    role: str
    scope: Scope


def grants_of(session: Session, user_uid: UUID) -> list[Grant]:
    """What a user holds, and where."""
    return [grant_of(row) for row in store.bindings.of_user(session, user_uid)]


def grant_of(row: RoleBinding) -> Grant:
    return Grant(row.role, Scope(row.organization, row.workspace, row.project))


def create(
    session: Session, organization: str, new: NewBinding, *, creator_uid: UUID
) -> RoleBinding:
    """Grants a role; raises NotFound, AlreadyExists or PRIVILEGE_ESCALATION."""
    if new.role not in ROLES:
        raise _not_found(f"organizations/{organization}/roles/{new.role}")
    _require_held(session, creator_uid, new)
    if not store.organizations.is_member(session, organization, new.subject_uid):
        raise _not_found(f"users/{new.subject_uid}")
    workspace_uid = _workspace_uid(session, organization, new.scope)
    row = RoleBinding(
        organization=organization,
        subject_uid=new.subject_uid,
        role=new.role,
        workspace_uid=workspace_uid,
        workspace=new.scope.workspace,
        project=new.scope.project,
        subject=f"users/{new.subject_uid}",
        role_name=f"organizations/{organization}/roles/{new.role}",
        resource=new.scope.name,
        creator=f"users/{creator_uid}",
        create_time=session.now,
    )
    if _is_made(session, row) or not store.unique.insert(session, row):
        raise AlreadyExists("RESOURCE_EXISTS", "This role is granted there already.")
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name, fields=("subject", "role", "resource"))
    return row


def delete(session: Session, organization: str, uid: UUID, *, caller_uid: UUID) -> None:
    """Takes a grant back; raises NotFound, LAST_ADMINISTRATOR or PRIVILEGE_ESCALATION."""
    row = store.bindings.get(session, organization, uid)
    if row is None:
        raise _not_found(f"organizations/{organization}/roleBindings/{uid}")
    grant = grant_of(row)
    if row.subject_uid != caller_uid:
        # Who could not have given it cannot take it away.
        _require_held(session, caller_uid, NewBinding(row.subject_uid, grant.role, grant.scope))
    if grant == Grant(ADMIN, Scope(organization)):
        _require_another_administrator(session, organization)
    session.emit(ChangeKind.DELETED, row)
    session.delete(row)
    session.audited(resource=row.name, fields=("subject", "role", "resource"))


def _require_held(session: Session, user_uid: UUID, new: NewBinding) -> None:
    held = held_on(grants_of(session, user_uid), new.scope)
    missing = ROLES[new.role].permissions - held
    if missing:
        raise PermissionDenied(
            "PRIVILEGE_ESCALATION",
            "Nobody can grant, or take away, more than they hold there themselves.",
            metadata={"permission": min(missing)},
        )


def _require_another_administrator(session: Session, organization: str) -> None:
    if len(store.bindings.lock_organization_wide(session, organization, ADMIN)) < 2:  # noqa: PLR2004
        raise FailedPrecondition(
            "LAST_ADMINISTRATOR",
            "This is the last administrator; make another one first.",
        )


def _workspace_uid(session: Session, organization: str, scope: Scope) -> UUID | None:
    if not scope.workspace:
        return None
    workspace = store.workspaces.get(session, organization, scope.workspace)
    if workspace is None:
        raise _not_found(Scope(organization, scope.workspace).name)
    return workspace.uid


def _is_made(session: Session, row: RoleBinding) -> bool:
    same = store.bindings.same(
        session,
        row.organization,
        subject_uid=row.subject_uid,
        role=row.role,
        resource=row.resource,
    )
    return same is not None


def _not_found(resource: str) -> NotFound:
    return NotFound(
        "RESOURCE_NOT_FOUND", f"There is no {resource}.", metadata={"resource": resource}
    )
