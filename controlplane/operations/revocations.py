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
    revocation = _revocation(session, f"sessions/{uid}", lifetimes)
    # Whenever they say that they were issued: the clock may have been ahead, and set right.
    revocation.not_before = revocation.expire_time
    _insert(session, revocation)


def revoke_subject(session: Session, subject: Subject, *, lifetimes: Lifetimes) -> None:
    """Kills every token of a principal who was shut out."""
    _insert(session, _revocation(session, subject.claim, lifetimes))


def readmit(session: Session, subject: Subject) -> None:
    """Lets tokens count that a principal gets from now on; the older ones stay dead."""
    now = session.now.replace(microsecond=0)
    for row in store.sessions.revocations_of(session, subject.claim):
        shut_out = row.not_before - SKEW
        # Tokens say the second they were issued in: those of the second that shut the
        # principal out are older ones.
        row.not_before = max(now, shut_out.replace(microsecond=0) + timedelta(seconds=1))
        session.emit(ChangeKind.UPDATED, row, fields=("not_before",))


def _revocation(session: Session, subject: str, lifetimes: Lifetimes) -> Revocation:
    return Revocation(
        subject=subject,
        # A replica's clock that runs ahead changes nothing.
        not_before=session.now + SKEW,
        expire_time=session.now + lifetimes.longest,
    )


def _insert(session: Session, revocation: Revocation) -> None:
    session.add(revocation)
    session.flush()
    session.emit(ChangeKind.CREATED, revocation)
