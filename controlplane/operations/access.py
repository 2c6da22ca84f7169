"""Grants: a role for a subject, on a resource and all below it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from controlplane import store
from controlplane.operations import expired_grants, guards, roles, teams
from controlplane.operations.guards import grants_of
from controlplane.operations.refusals import absent, not_permitted
from controlplane.permissions import ADMIN, Grant, Scope, held_on
from controlplane.store.bindings import Held
from controlplane.store.schema import User
from controlplane.store.schema_access import RoleBinding
from controlplane.subjects import Subject, SubjectKind
from meshkit.errors import AlreadyExists, FieldViolation, InvalidArgument
from meshkit.feed import ChangeKind
from meshkit.filters import Filter
from meshkit.paging import Window
from meshkit.session import Session

__all__ = [
    "NewBinding",
    "create",
    "delete",
    "forget",
    "get",
    "grants_of",
    "list_page",
    "make_administrator",
    "take_everything",
    "workspace_uid",
]


@dataclass(frozen=True, slots=True)
class NewBinding:
    """A grant to make: which role, for whom (by name), where, until when."""

    subject: str
    role: str
    scope: Scope
    expire_time: datetime | None = None


def create(
    session: Session, organization: str, new: NewBinding, *, creator: Subject
) -> RoleBinding:
    """Grants a role; raises NotFound, AlreadyExists or PRIVILEGE_ESCALATION."""
    role = roles.require(session, organization, new.role)
    _require_future(session, new.expire_time)
    guards.require_held(session, creator, [Grant(role.permissions, new.scope, new.expire_time)])
    subject = store.subjects.find(session, organization, new.subject)
    if subject is None:
        raise absent(new.subject)
    row = RoleBinding(
        organization=organization,
        subject_kind=subject.kind.value,
        subject_uid=subject.uid,
        role=new.role,
        role_uid=role.uid,
        workspace_uid=workspace_uid(session, organization, new.scope),
        workspace=new.scope.workspace,
        project=new.scope.project,
        item=new.scope.item,
        subject=new.subject,
        role_name=f"organizations/{organization}/roles/{new.role}",
        resource=new.scope.name,
        creator=creator.claim,
        create_time=session.now,
        expire_time=new.expire_time,
    )
    if _is_made(session, row) or not store.unique.insert(session, row):
        raise AlreadyExists("RESOURCE_EXISTS", "This role is granted there already.")
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name, fields=_FIELDS)
    return row


def get(session: Session, organization: str, uid: UUID, *, caller: Subject) -> RoleBinding:
    """A grant; raises NotFound, or NOT_PERMITTED where the caller may not see grants there."""
    held = store.bindings.get(session, organization, uid)
    name = _name(organization, uid)
    return _reached(session, held, "roleBindings.get", name=name, caller=caller).row


def list_page(
    session: Session, organization: str, filter_: Filter, window: Window, *, caller: Subject
) -> Sequence[RoleBinding]:
    """A page of the grants of an organization that lie where the caller may list them."""
    visible = [
        grant.scope
        for grant in grants_of(session, caller)
        if grant.scope.organization == organization and "roleBindings.list" in grant.permissions
    ]
    return store.bindings.list_page(session, visible, filter_, window)


def make_administrator(session: Session, organization: str, user: User) -> None:
    """Puts the first administrator in charge of a new organization, on nobody's word but ours."""
    scope = Scope(organization)
    binding = RoleBinding(
        organization=organization,
        subject_kind=SubjectKind.USER.value,
        subject_uid=user.uid,
        role=ADMIN,
        workspace="",
        project="",
        item="",
        subject=user.name,
        role_name=f"{scope.name}/roles/{ADMIN}",
        resource=scope.name,
        creator=user.name,
        create_time=session.now,
    )
    session.add(binding)
    session.flush()
    session.emit(ChangeKind.CREATED, binding)


def take_everything(session: Session, organization: str) -> None:
    """Takes every grant, team and role of an organization; nobody holds anything in it any more."""
    own_teams = store.teams.all_of(session, organization)
    kinds = (
        store.bindings.all_of(session, organization),
        store.teams.members(session, [team.uid for team in own_teams]),
        own_teams,
        store.roles.all_of(session, organization),
    )
    for rows in kinds:
        for row in rows:
            session.emit(ChangeKind.DELETED, row)
            session.delete(row)
        # One kind refers to the next.
        session.flush()


def delete(session: Session, organization: str, uid: UUID, *, caller: Subject) -> None:
    """Takes a grant back.

    Raises NotFound, NOT_PERMITTED, LAST_ADMINISTRATOR or PRIVILEGE_ESCALATION.
    """
    name, locked = _name(organization, uid), store.bindings.lock(session, organization, uid)
    held = _reached(session, locked, "roleBindings.delete", name=name, caller=caller)
    if held.row.holder != caller:
        guards.require_held_now(session, caller, [held.grant])
    session.emit(ChangeKind.DELETED, held.row)
    session.delete(held.row)
    if guards.is_administration(held):
        guards.require_administrator(session, organization)
    session.audited(resource=held.row.name, fields=_FIELDS)


def _reached(
    session: Session, held: Held | None, permission: str, *, name: str, caller: Subject
) -> Held:
    """The grant of this name, if there is one and the caller may do this where it holds.

    Whoever may do it in a part of the organization only cannot tell a grant elsewhere from none.
    """
    scope = held.grant.scope if held else Scope(name.split("/")[1])
    if permission not in held_on(grants_of(session, caller), scope):
        raise not_permitted(permission)
    if held is None:
        raise absent(name)
    return held


def _name(organization: str, uid: UUID) -> str:
    return f"organizations/{organization}/roleBindings/{uid}"


def forget(session: Session, organization: str, subject: Subject) -> None:
    """Takes all that a subject holds in an organization, and it out of its teams there.

    Unguarded: for whoever removes the subject itself.
    """
    teams.leave(session, store.teams.memberships(session, organization, subject))
    for row in store.bindings.of_subject(session, subject):
        if row.organization == organization:
            session.emit(ChangeKind.DELETED, row)
            session.delete(row)
    session.flush()


_FIELDS = ("subject", "role", "resource", "expire_time")


def _require_future(session: Session, expire_time: datetime | None) -> None:
    if expire_time is not None and expire_time <= session.now:
        problem = FieldViolation("role_binding.expire_time", "must be in the future")
        raise InvalidArgument("INVALID_FIELDS", "The grant has expired.", violations=[problem])


def workspace_uid(session: Session, organization: str, scope: Scope) -> UUID | None:
    """The workspace that a scope lies in; raises NotFound, None for the whole organization."""
    if not scope.workspace:
        return None
    workspace = store.workspaces.get(session, organization, scope.workspace)
    if workspace is None:
        raise absent(Scope(organization, scope.workspace).name)
    return workspace.uid


def _is_made(session: Session, row: RoleBinding) -> bool:
    """Whether the same grant counts already; an expired one makes room."""
    same = store.bindings.same(session, row)
    if same is None:
        return False
    if same.expire_time is None or same.expire_time > session.now:
        return True
    expired_grants.remove(session, same)
    session.flush()
    return False
