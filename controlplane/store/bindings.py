"""Queries of role bindings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import orm

from controlplane.permissions import ADMIN, CATALOGUE, ROLES, Grant, Scope
from controlplane.store.locks import locked
from controlplane.store.schema import Member, User
from controlplane.store.schema_access import CustomRole, RoleBinding, TeamMember
from controlplane.store.schema_identity import Identity, IdentityProvider
from controlplane.subjects import Subject
from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("create_time", RoleBinding.create_time),),
    uid=OrderKey("uid", RoleBinding.uid),
)
FIELDS = Fields(
    Field("subject", Kind.STRING, RoleBinding.subject),
    Field("role", Kind.STRING, RoleBinding.role_name),
    Field("resource", Kind.STRING, RoleBinding.resource),
)


@dataclass(frozen=True, slots=True)
class Held:
    """A grant with its role, where that is not a built-in one."""

    row: RoleBinding
    custom_role: CustomRole | None

    @property
    def permissions(self) -> frozenset[str]:
        if self.custom_role is None:
            return ROLES[self.row.role].permissions
        # What an older version's catalogue knew is worth nothing today.
        return CATALOGUE.intersection(self.custom_role.permissions)

    @property
    def grant(self) -> Grant:
        return Grant(self.permissions, scope_of(self.row), self.row.expire_time)


def scope_of(row: RoleBinding) -> Scope:
    """Where a grant holds."""
    return Scope(row.organization, row.workspace, row.project, row.item)


def get(session: Session, organization: str, uid: UUID) -> Held | None:
    query = _with_roles().where(RoleBinding.organization == organization, RoleBinding.uid == uid)
    return next(iter(_read(session, query)), None)


def lock(session: Session, organization: str, uid: UUID) -> Held | None:
    """A grant that only this transaction takes away."""
    query = _with_roles().where(RoleBinding.organization == organization, RoleBinding.uid == uid)
    return next(iter(_read(session, locked(query, of=RoleBinding))), None)


def list_page(
    session: Session, visible: Sequence[Scope], filter_: Filter, window: Window
) -> Sequence[RoleBinding]:
    """A page of the grants on and below these scopes."""
    is_visible = sa.or_(sa.false(), *map(_within, visible))
    query = sa.select(RoleBinding).where(is_visible, filter_.where())
    return session.scalars(window.apply(query)).all()


def _within(scope: Scope) -> sa.ColumnElement[bool]:
    conditions = [RoleBinding.organization == scope.organization]
    for column, value in (
        (RoleBinding.workspace, scope.workspace),
        (RoleBinding.project, scope.project),
        (RoleBinding.item, scope.item),
    ):
        if value:
            conditions.append(column == value)
    return sa.and_(*conditions)


def held_by(session: Session, subject: Subject) -> list[Held]:
    """What a subject holds now, itself and through its teams."""
    teams = sa.select(TeamMember.team_uid).where(TeamMember.member_uid == subject.uid)
    is_own = RoleBinding.subject_uid == subject.uid
    query = _with_roles().where(sa.or_(is_own, RoleBinding.subject_uid.in_(teams)))
    return _read(session, query.where(_counts(session)))


def granted_to(session: Session, subject: Subject) -> list[Held]:
    """What was granted to a subject itself, and counts now."""
    query = _with_roles().where(RoleBinding.subject_uid == subject.uid)
    return _read(session, query.where(_counts(session)))


def of_subject(session: Session, subject: Subject) -> Sequence[RoleBinding]:
    """What was granted to a subject itself, also what has expired."""
    query = sa.select(RoleBinding).where(RoleBinding.subject_uid == subject.uid)
    return session.scalars(query.order_by(RoleBinding.uid)).all()


def expired(session: Session, *, role_uid: UUID | None = None) -> Sequence[RoleBinding]:
    """Grants that count no more, of one custom role or of all."""
    query = sa.select(RoleBinding).where(RoleBinding.expire_time <= session.now)
    if role_uid is not None:
        query = query.where(RoleBinding.role_uid == role_uid)
    return session.scalars(query.order_by(RoleBinding.uid)).all()


def names_role(session: Session, role_uid: UUID) -> bool:
    """Whether a grant names the custom role."""
    query = sa.select(RoleBinding.uid).where(RoleBinding.role_uid == role_uid)
    return session.scalars(query.limit(1)).first() is not None


def all_of(session: Session, organization: str) -> Sequence[RoleBinding]:
    query = sa.select(RoleBinding).where(RoleBinding.organization == organization)
    return session.scalars(query.order_by(RoleBinding.uid)).all()


def same(session: Session, row: RoleBinding) -> RoleBinding | None:
    """The grant of the same role to the same subject on the same resource."""
    query = sa.select(RoleBinding).where(
        RoleBinding.organization == row.organization,
        RoleBinding.subject_uid == row.subject_uid,
        RoleBinding.role == row.role,
        RoleBinding.resource == row.resource,
    )
    return session.scalars(query).first()


def has_administrator(session: Session, organization: str) -> bool:
    """Whether a person who can sign in administers the whole organization, for good.

    Directly or by a team.
    """
    is_theirs = sa.or_(
        RoleBinding.subject_uid == Member.user_uid,
        RoleBinding.subject_uid.in_(
            sa.select(TeamMember.team_uid).where(TeamMember.member_uid == Member.user_uid)
        ),
    )
    query = (
        sa.select(Member.user_uid)
        .join(User, User.uid == Member.user_uid)
        .join(RoleBinding, is_theirs)
        .where(
            User.deactivate_time.is_(None),
            _has_a_way_in(),
            Member.organization == organization,
            RoleBinding.organization == organization,
            RoleBinding.role == ADMIN,
            RoleBinding.resource == f"organizations/{organization}",
            RoleBinding.expire_time.is_(None),
        )
    )
    return session.scalars(query.limit(1)).first() is not None


def _has_a_way_in() -> sa.ColumnElement[bool]:
    """Whether a user has a password, or is known to a provider that would let them in.

    That is an enabled one of an organization that they belong to. What groups it asks for cannot
    be judged: only its own word says who is in them.
    """
    belongs = orm.aliased(Member)
    vouched = (
        sa.select(Identity.subject)
        .join(IdentityProvider, IdentityProvider.issuer == Identity.issuer)
        .join(belongs, belongs.organization == IdentityProvider.organization)
        .where(
            Identity.user_uid == User.uid,
            belongs.user_uid == User.uid,
            IdentityProvider.disabled.is_(False),
        )
    )
    return sa.or_(User.password_hash.is_not(None), vouched.exists())


def of_workspace(session: Session, organization: str, workspace_uid: UUID) -> Sequence[RoleBinding]:
    """The grants on a workspace and on what is inside it."""
    query = sa.select(RoleBinding).where(
        RoleBinding.organization == organization, RoleBinding.workspace_uid == workspace_uid
    )
    return session.scalars(query.order_by(RoleBinding.uid)).all()


class Granted(NamedTuple):
    """A grant as a workspace is told it; plain, for there may be thousands."""

    subject_kind: str
    subject_uid: UUID
    role: str
    project: str
    item: str
    expire_time: datetime | None


def touching_workspace(session: Session, organization: str, workspace_uid: UUID) -> list[Granted]:
    """The grants that count in a workspace: its own, and those on the whole organization."""
    query = sa.select(*(getattr(RoleBinding, name) for name in Granted._fields)).where(
        RoleBinding.organization == organization,
        sa.or_(
            RoleBinding.workspace_uid == workspace_uid,
            RoleBinding.resource == f"organizations/{organization}",
        ),
        _counts(session),
    )
    return [Granted(*row) for row in session.execute(query.order_by(RoleBinding.uid))]


_Rows = sa.Select[RoleBinding, CustomRole]


def _with_roles() -> _Rows:
    is_its = CustomRole.uid == RoleBinding.role_uid
    return sa.select(RoleBinding, CustomRole).outerjoin(CustomRole, is_its)


def _read(session: Session, query: _Rows) -> list[Held]:
    return [Held(row, role) for row, role in session.execute(query.order_by(RoleBinding.uid))]


def _counts(session: Session) -> sa.ColumnElement[bool]:
    ends = RoleBinding.expire_time
    return sa.or_(ends.is_(None), ends > session.now)
