"""Tokens that die before they expire: every workspace is told within seconds."""

from datetime import timedelta
from uuid import UUID

from controlplane import store
from controlplane.identity.tokens import Lifetimes
from controlplane.store.schema import Revocation
from controlplane.subjects import Subject
from meshkit.feed import ChangeKind
from meshkit.session import Session
from meshkit.tokens import SKEW


def revoke_origin(session: Session, uid: UUID, *, lifetimes: Lifetimes) -> None:
    """Kills what was made from a session, token or key, whose id is never used again."""
    _revoke(session, f"sessions/{uid}", lifetimes)


def revoke_subject(session: Session, subject: Subject, *, lifetimes: Lifetimes) -> None:
    """Kills every token of a principal who was shut out."""
    _revoke(session, subject.claim, lifetimes)


def readmit(session: Session, subject: Subject) -> None:
    """Lets tokens count that a principal gets from now on; the older ones stay dead."""
    now = session.now.replace(microsecond=0)
    for row in store.sessions.revocations_of(session, subject.claim):
        shut_out = row.not_before - SKEW
        # Tokens say the second they were issued in: those of the second that shut the
        # principal out are older ones.
        row.not_before = max(now, shut_out.replace(microsecond=0) + timedelta(seconds=1))
        session.emit(ChangeKind.UPDATED, row, fields=("not_before",))


def _revoke(session: Session, subject: str, lifetimes: Lifetimes) -> None:
    revocation = Revocation(
        subject=subject,
        # A replica's clock that runs ahead changes nothing.
        not_before=session.now + SKEW,
        expire_time=session.now + lifetimes.longest,
    )
    session.add(revocation)
    session.flush()
    session.emit(ChangeKind.CREATED, revocation)
