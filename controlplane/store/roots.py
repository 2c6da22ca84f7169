"""Queries of the certificate authority's roots, and of who holds certificates of which."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from controlplane.store.locks import locked
from controlplane.store.schema import Certificate, Enrollment, Link
from controlplane.store.schema_authority import Root
from meshkit.session import Session


@dataclass(frozen=True, slots=True)
class Holder:
    """A member of the mesh: the root of its newest certificate, and the roots it trusts."""

    spiffe_id: str
    root: str
    trusted_roots: frozenset[str]


def all_roots(session: Session) -> Sequence[Root]:
    """The oldest first."""
    return session.scalars(sa.select(Root).order_by(Root.create_time, Root.uid)).all()


def lock_all(session: Session) -> Sequence[Root]:
    """As `all_roots`; no other transaction changes them meanwhile."""
    session.execute(sa.select(Root.uid).with_for_update())
    # Read anew: whoever held the lock before may have added a root that the first query missed.
    query = sa.select(Root).order_by(Root.create_time, Root.uid)
    return session.scalars(query.execution_options(populate_existing=True)).all()


def keep(session: Session, fingerprint: str) -> Root | None:
    """A root, which stays what it is until the transaction ends."""
    query = sa.select(Root).where(Root.fingerprint == fingerprint)
    return session.scalars(locked(query, shared=True)).first()


def holders(session: Session) -> list[Holder]:
    """Every member with a certificate that peers would still accept."""
    query = (
        sa.select(Enrollment.spiffe_id, Certificate.root, Link.trusted_roots)
        .join(Certificate, Certificate.enrollment_uid == Enrollment.uid)
        .outerjoin(Link, Link.spiffe_id == Enrollment.spiffe_id)
        .where(
            Enrollment.use_time.is_not(None),
            Enrollment.revoke_time.is_(None),
            Certificate.not_after > session.now,
        )
        .order_by(Enrollment.spiffe_id, Certificate.create_time)
    )
    # The newest certificate of each is the last one read.
    newest = {row.spiffe_id: row for row in session.execute(query)}
    return [
        Holder(spiffe_id, row.root, frozenset(row.trusted_roots or ()))
        for spiffe_id, row in newest.items()
    ]
