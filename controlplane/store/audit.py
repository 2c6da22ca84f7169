"""Queries of audit chains."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.schema import Member, Organization
from meshkit.session import Session


def existing(session: Session, organizations: Sequence[str]) -> set[str]:
    """Which of these organizations there are."""
    if not organizations:
        return set()
    query = sa.select(Organization.id).where(session.among(Organization.id, organizations))
    return set(session.scalars(query))


def memberships(session: Session, users: Sequence[UUID]) -> dict[UUID, list[str]]:
    """The organizations to which users belong."""
    query = (
        sa.select(Member.user_uid, Member.organization)
        .where(session.among(Member.user_uid, users))
        .order_by(Member.organization)
    )
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    for user, organization in session.execute(query):
        found[user].append(organization)
    return found


def owners(session: Session, uids: Sequence[UUID]) -> dict[UUID | None, str]:
    """Organizations by their UUIDs."""
    query = sa.select(Organization.uid, Organization.id)
    rows = session.execute(query.where(session.among(Organization.uid, uids)))
    return {row.uid: row.id for row in rows}
