"""Queries of teams and their members."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.locks import locked
from controlplane.store.schema_access import Team, TeamMember
from controlplane.subjects import Subject, SubjectKind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("id", Team.id),),
    uid=OrderKey("uid", Team.uid),
    default="id",
)
MEMBER_ORDERS = Orders(
    keys=(OrderKey("create_time", TeamMember.create_time),),
    uid=OrderKey("uid", TeamMember.uid),
)


def get(session: Session, organization: str, team: str) -> Team | None:
    query = sa.select(Team).where(Team.organization == organization, Team.id == team)
    return session.scalars(query).first()


def lock(session: Session, organization: str, team: str) -> Team | None:
    """The team, which nobody else deletes, fills or grants anything before this is over."""
    query = sa.select(Team).where(Team.organization == organization, Team.id == team)
    return session.scalars(locked(query)).first()


def list_page(session: Session, organization: str, window: Window) -> Sequence[Team]:
    query = sa.select(Team).where(Team.organization == organization)
    return session.scalars(window.apply(query)).all()


def members(session: Session, team_uids: Sequence[UUID]) -> Sequence[TeamMember]:
    """The members of all these teams."""
    query = sa.select(TeamMember).where(session.among(TeamMember.team_uid, list(team_uids)))
    return session.scalars(query.order_by(TeamMember.uid)).all()


def subjects_by_team(session: Session, team_uids: Sequence[UUID]) -> dict[UUID, list[Subject]]:
    """Who is in each of these teams, also in those where nobody is."""
    query = sa.select(TeamMember.team_uid, TeamMember.member_kind, TeamMember.member_uid).where(
        session.among(TeamMember.team_uid, list(team_uids))
    )
    found: dict[UUID, list[Subject]] = {uid: [] for uid in team_uids}
    for team_uid, kind, uid in session.execute(query.order_by(TeamMember.uid)):
        found[team_uid].append(Subject(SubjectKind(kind), uid))
    return found


def list_members(session: Session, team_uid: UUID, window: Window) -> Sequence[TeamMember]:
    query = sa.select(TeamMember).where(TeamMember.team_uid == team_uid)
    return session.scalars(window.apply(query)).all()


def memberships(session: Session, organization: str, member: Subject) -> Sequence[TeamMember]:
    """In which teams of an organization somebody is."""
    query = (
        sa.select(TeamMember)
        .join(Team, Team.uid == TeamMember.team_uid)
        .where(Team.organization == organization, TeamMember.member_uid == member.uid)
    )
    return session.scalars(query.order_by(TeamMember.uid)).all()


def all_of(session: Session, organization: str) -> Sequence[Team]:
    query = sa.select(Team).where(Team.organization == organization)
    return session.scalars(query.order_by(Team.id)).all()


def lock_all(session: Session, organization: str, uids: Sequence[UUID]) -> Sequence[Team]:
    """Those of these teams that there are, locked in one order."""
    query = sa.select(Team).where(Team.organization == organization, session.among(Team.uid, uids))
    return session.scalars(locked(query.order_by(Team.uid))).all()


def made_by(session: Session, organization: str, creator: str) -> Sequence[TeamMember]:
    """The memberships that somebody, or an identity provider, made."""
    query = (
        sa.select(TeamMember)
        .join(Team, Team.uid == TeamMember.team_uid)
        .where(Team.organization == organization, TeamMember.creator == creator)
    )
    return session.scalars(query.order_by(TeamMember.uid)).all()
