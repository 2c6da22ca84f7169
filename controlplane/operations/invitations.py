"""Invitations: an address that may come in, until somebody or time says otherwise.

Whoever invites vouches for it, when they invite and again when it is accepted: a token handed
over by somebody who may not invite any more opens nothing.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from controlplane import store
from controlplane.identity import opaque
from controlplane.identity.opaque import OpaqueToken, Secret, matches
from controlplane.operations import guards, members, promises, sessions, users
from controlplane.operations.promises import Promises
from controlplane.operations.refusals import absent, illegal
from controlplane.permissions import Scope, held_on
from controlplane.store.members import MemberView
from controlplane.store.schema import Organization, User
from controlplane.store.schema_members import (
    ACCEPTED,
    DECLINED,
    EXPIRED,
    PENDING,
    REVOKED,
    Invitation,
)
from controlplane.subjects import Subject
from meshkit.errors import (
    AlreadyExists,
    FieldViolation,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from meshkit.feed import ChangeKind
from meshkit.session import Session
from meshkit.tokens import unauthenticated

DEFAULT_LIFE = timedelta(days=7)
MAX_LIFE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """Whom to invite to what; the default end where none is given."""

    email: str
    promises: Promises
    expire_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """An invitation and its new token, which is nowhere else."""

    row: Invitation
    token: Secret


@dataclass(frozen=True, slots=True)
class Inspected:
    """What the bearer of a token may know."""

    row: Invitation
    organization: Organization
    account_exists: bool


def create(
    session: Session, organization: str, new: NewInvitation, *, inviter: Subject
) -> Invitation:
    """Invites an address; raises AlreadyExists, NotFound, InvalidArgument, PRIVILEGE_ESCALATION.

    `issue` makes its token.
    """
    expire_time = new.expire_time or session.now + DEFAULT_LIFE
    _require_soon(session, expire_time)
    promised = promises.resolved(session, organization, new.promises)
    promises.require_may_give(session, organization, promised, inviter)
    key = new.email.casefold()
    _make_room(session, organization, key)
    row = Invitation(
        organization=organization,
        email=new.email,
        email_key=key,
        roles=[asdict(role) for role in promised.roles],
        teams=[asdict(team) for team in promised.teams],
        inviter_kind=inviter.kind.value,
        inviter_uid=inviter.uid,
        create_time=session.now,
        expire_time=expire_time,
    )
    if not store.unique.insert(session, row):
        raise _invited()
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name, fields=("email", "roles", "teams", "expire_time"))
    return row


def issue(session: Session, organization: str, uid: UUID) -> Issued | None:
    """Makes the token of an invitation, in place of an earlier one; None where it has ended."""
    row = store.invitations.lock(session, organization, uid)
    if row is None or state_of(row, session.now) != PENDING:
        return None
    return _issued(session, row)


def resend(session: Session, organization: str, uid: UUID, *, inviter: Subject) -> Issued:
    """A new token and a new week, now on the word of this caller; raises ILLEGAL_TRANSITION."""
    row = _locked(session, organization, uid)
    if row.state != PENDING:
        raise illegal(row.name, row.state, PENDING)
    promises.require_may_give(session, organization, promises.of(row), inviter)
    row.inviter_kind, row.inviter_uid = inviter.kind.value, inviter.uid
    row.expire_time = session.now + DEFAULT_LIFE
    session.emit(ChangeKind.UPDATED, row, fields=("creator", "expire_time"))
    return _issued(session, row)


def revoke(session: Session, organization: str, uid: UUID) -> Invitation:
    """Voids an invitation; raises NotFound, ILLEGAL_TRANSITION."""
    row = _locked(session, organization, uid)
    if row.state in (ACCEPTED, DECLINED):
        raise illegal(row.name, row.state, REVOKED)
    _end(session, row, REVOKED)
    return row


def inspect(session: Session, presented: OpaqueToken) -> Inspected:
    """What a token invites to; its audit row is the only thing written."""
    row = _usable(session, store.invitations.find(session, UUID(presented.id)), presented)
    organization = store.organizations.get(session, row.organization)
    assert organization is not None
    session.audited(resource=row.name)
    is_known = store.users.get_by_email(session, row.email) is not None
    return Inspected(row, organization, is_known)


def decline(session: Session, presented: OpaqueToken) -> None:
    """Turns an invitation down; raises INVALID_INVITATION."""
    row = store.invitations.lock_any(session, UUID(presented.id))
    _end(session, _usable(session, row, presented), DECLINED)


def accept(session: Session, presented: OpaqueToken, *, user_uid: UUID, sid: UUID) -> MemberView:
    """Lets a signed-in user in; the same user again is fine.

    Raises INVALID_INVITATION, INVITATION_FOR_ANOTHER, or CALLER_NOT_ALLOWED for a script.
    """
    sessions.require_signed_in(session, user_uid, sid)
    user = store.users.get(session, user_uid)
    # The method is public, so nobody has asked yet whether the caller's account still stands.
    if user is None or not user.is_active:
        raise unauthenticated()
    row = store.invitations.lock_any(session, UUID(presented.id))
    if row is not None and _was_accepted_by(row, user, presented):
        session.audited(resource=row.name)
        return members.get(session, row.organization, user.uid)
    row = _usable(session, row, presented)
    if row.email_key != user.email_key:
        raise PermissionDenied(
            "INVITATION_FOR_ANOTHER",
            "This invitation is for another address than that of your account.",
        )
    users.join(session, row.organization, user)
    return _admit(session, row, user)


def accept_as_new(
    session: Session, presented: OpaqueToken, *, display_name: str, password_hash: str
) -> MemberView:
    """Makes an account of the invited address and lets it in; raises as `accept`, AlreadyExists."""
    row = store.invitations.lock_any(session, UUID(presented.id))
    row = _usable(session, row, presented)
    user = users.insert(
        session,
        row.organization,
        email=row.email,
        display_name=display_name,
        password_hash=password_hash,
    )
    return _admit(session, row, user)


def check(session: Session, presented: OpaqueToken) -> str:
    """The invited address of a token that is good now; raises INVALID_INVITATION, AlreadyExists."""
    row = _usable(session, store.invitations.find(session, UUID(presented.id)), presented)
    if store.users.get_by_email(session, row.email) is not None:
        raise users.taken()
    return row.email


def state_of(row: Invitation, now: datetime) -> str:
    """The state as people see it: time ends a pending one by itself."""
    return EXPIRED if row.state == PENDING and row.expire_time <= now else row.state


def invalid() -> NotFound:
    """The one answer to every token that lets nobody in."""
    return NotFound(
        "INVALID_INVITATION", "This invitation is not valid; ask whoever invited you for a new one."
    )


def _admit(session: Session, row: Invitation, user: User) -> MemberView:
    """Gives a new member what waited for them, as far as it still may be given."""
    left_out = promises.keep(session, row, user)
    row.roles_left_out = [asdict(role) for role in left_out.roles]
    row.teams_left_out = [asdict(team) for team in left_out.teams]
    row.user_uid = user.uid
    _end(session, row, ACCEPTED)
    return members.get(session, row.organization, user.uid)


def _end(session: Session, row: Invitation, state: str) -> None:
    if row.state != state:
        row.state, row.end_time, row.digest = state, session.now, _kept(row, state)
        session.emit(ChangeKind.UPDATED, row, fields=("state",))
    session.audited(resource=row.name, fields=("state",))


def _kept(row: Invitation, state: str) -> bytes | None:
    """Who accepted may say so again, so their token is still known; no other is."""
    return row.digest if state == ACCEPTED else None


def _issued(session: Session, row: Invitation) -> Issued:
    token, _, row.digest = opaque.make(opaque.INVITATION_TOKEN, row.uid)
    session.audited(resource=row.name, fields=("token",))
    return Issued(row, token)


def _make_room(session: Session, organization: str, email_key: str) -> None:
    """Raises AlreadyExists for a member or an open invitation; one out of time gives way."""
    user = store.users.get_by_email(session, email_key)
    if user and store.members.get(session, organization, user.uid):
        raise AlreadyExists("RESOURCE_EXISTS", "This address is a member already.")
    old = store.invitations.open_for(session, organization, email_key)
    if old is None:
        return
    if old.expire_time > session.now:
        raise _invited()
    _end(session, old, EXPIRED)
    session.flush()


def _invited() -> AlreadyExists:
    return AlreadyExists(
        "RESOURCE_EXISTS", "This address is invited already; resend or revoke that invitation."
    )


def _require_soon(session: Session, expire_time: datetime) -> None:
    if not session.now < expire_time <= session.now + MAX_LIFE:
        problem = "must be in the future, and at most 30 days from now"
        raise InvalidArgument(
            "INVALID_FIELDS",
            f"expire_time {problem}",
            violations=[FieldViolation("invitation.expire_time", problem)],
        )


def _locked(session: Session, organization: str, uid: UUID) -> Invitation:
    row = store.invitations.lock(session, organization, uid)
    if row is None:
        raise absent(f"organizations/{organization}/invitations/{uid}")
    return row


def _usable(session: Session, row: Invitation | None, presented: OpaqueToken) -> Invitation:
    if (
        row is None
        or row.digest is None
        or not matches(presented, row.digest)
        or state_of(row, session.now) != PENDING
        or not _still_vouches(session, row)
    ):
        raise invalid()
    return row


def _was_accepted_by(row: Invitation, user: User, presented: OpaqueToken) -> bool:
    is_theirs = row.state == ACCEPTED and row.user_uid == user.uid
    return is_theirs and row.digest is not None and matches(presented, row.digest)


def _still_vouches(session: Session, row: Invitation) -> bool:
    """Whether the inviter may still invite: one who was shut out leaves no door open."""
    grants = guards.grants_of(session, row.inviter)
    may_invite = "invitations.create" in held_on(grants, Scope(row.organization))
    return may_invite and store.subjects.is_active(session, row.inviter)
