"""Queries of organizations and their members."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.schema import Member, Organization, Workspace
from controlplane.store.schema_accounts import ServiceAccount
from controlplane.store.schema_identity import IdentityProvider, TrustedDomain
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("id", Organization.id),),
    uid=OrderKey("uid", Organization.uid),
    default="id",
)

# What must be gone before an organization is: it runs somewhere, or lets somebody in.
_DEPENDENTS = {
    "workspaces": sa.select(Workspace.organization).where(Workspace.delete_time.is_(None)),
    "service accounts": sa.select(ServiceAccount.organization).where(
        ServiceAccount.delete_time.is_(None)
    ),
    "identity providers": sa.select(IdentityProvider.organization),
    "trusted domains": sa.select(TrustedDomain.organization),
}


def get(session: Session, organization: str) -> Organization | None:
    return session.get(Organization, organization)


def list_page(session: Session, ids: Sequence[str], window: Window) -> Sequence[Organization]:
    query = sa.select(Organization).where(session.among(Organization.id, list(ids)))
    return session.scalars(window.apply(query)).all()


def lock(session: Session, organization: str) -> None:
    """Changes that lock the organization come one after the other.

    The row is written as it is, which holds it until the commit: a change that waited at another
    replica goes on then, and each of its queries from there on sees what this one did.
    """
    query = sa.update(Organization).where(Organization.id == organization)
    session.execute(query.values(display_name=Organization.display_name))


def is_member(session: Session, organization: str, user_uid: UUID) -> bool:
    """Whether a user belongs here."""
    return session.get(Member, (organization, user_uid)) is not None


def keep_member(session: Session, organization: str, user_uid: UUID) -> bool:
    """Whether a user belongs here; if so, they do until the transaction ends.

    Written as it is, which holds the row: whoever takes the member out waits, and then sees what
    is granted here.
    """
    query = sa.update(Member).where(
        Member.organization == organization, Member.user_uid == user_uid
    )
    kept = session.execute(query.values(create_time=Member.create_time).returning(Member.user_uid))
    return kept.first() is not None


def dependents(session: Session, organization: str) -> list[str]:
    """What of its own still stands in an organization, in people's words."""
    found = []
    for words, query in _DEPENDENTS.items():
        (column,) = query.selected_columns
        if session.scalars(query.where(column == organization).limit(1)).first():
            found.append(words)
    return found


def of_user(session: Session, user_uid: UUID) -> Sequence[str]:
    """The organizations that a user belongs to."""
    query = sa.select(Member.organization).where(Member.user_uid == user_uid)
    return session.scalars(query).all()


def set_email_key(session: Session, user_uid: UUID, email_key: str) -> None:
    """Keeps the order of lists in step with a user whose address changed."""
    session.execute(
        sa.update(Member).where(Member.user_uid == user_uid).values(email_key=email_key)
    )
