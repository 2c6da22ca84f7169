"""Members: taken out, shut, opened, erased, and helped back in when they lost their password.

Whoever does this to a person could have given them all they hold; and the account as a whole is
touched only by who may do so in every organization that it belongs to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from controlplane import store
from controlplane.identity.opaque import Secret
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import access, guards, personal_tokens, sessions, users
from controlplane.operations.refusals import absent, illegal, not_permitted
from controlplane.store.members import MemberView
from controlplane.store.schema import Member, User
from controlplane.subjects import Subject
from controlplane.subjects import user as subject_of_user
from meshkit.feed import ChangeKind
from meshkit.session import Session

_RECOVERY_TOKEN_LIFE = timedelta(days=1)
_ERASED = "Erased user"


@dataclass(frozen=True, slots=True)
class Recovery:
    """What helps a person to a new password; the token is nowhere else."""

    email: str
    token: Secret
    expire_time: datetime


def get(session: Session, organization: str, user_uid: UUID) -> MemberView:
    """A member; raises NotFound."""
    return _required(store.members.get(session, organization, user_uid), organization, user_uid)


def remove(session: Session, organization: str, user_uid: UUID, *, caller: Subject) -> None:
    """Takes a person out of an organization with all they hold there.

    Raises NotFound, PRIVILEGE_ESCALATION or LAST_ADMINISTRATOR.
    """
    member = _locked(session, organization, user_uid)
    guards.require_covers(session, caller, subject_of_user(user_uid), organization)
    leave(session, member.row)
    guards.require_administrator(session, organization)
    session.audited(resource=member.row.name)


def withdraw(session: Session, organization: str, user_uid: UUID, *, sid: UUID) -> None:
    """Takes a person out of an organization at their own wish; raises LAST_ADMINISTRATOR.

    NOT_PERMITTED for who is no member, whether there is such an organization or not, and
    CALLER_NOT_ALLOWED for a script: what it would undo only an administrator can do again.
    """
    member = store.members.lock(session, organization, user_uid)
    if member is None:
        raise not_permitted("members.get")
    sessions.require_signed_in(session, user_uid, sid)
    leave(session, member.row)
    guards.require_administrator(session, organization)
    session.audited(resource=member.row.name)


def deactivate(
    session: Session,
    organization: str,
    user_uid: UUID,
    *,
    caller: Subject,
    lifetimes: Lifetimes,
) -> MemberView:
    """Shuts an account and ends all that it opened; shut already is fine."""
    member = _in_charge_of(session, organization, user_uid, caller, "members.deactivate")
    if member.user.is_active:
        member.user.deactivate_time = session.now
        session.emit(ChangeKind.UPDATED, member.user, fields=("state",))
        _require_administrators(session, store.members.of_user(session, user_uid))
    end_all(session, member.user, reason="deactivated", lifetimes=lifetimes)
    session.audited(resource=member.row.name, fields=("state",))
    return member


def reactivate(
    session: Session,
    organization: str,
    user_uid: UUID,
    *,
    caller: Subject,
    lifetimes: Lifetimes,
) -> MemberView:
    """Opens an account again; open already is fine."""
    member = _in_charge_of(session, organization, user_uid, caller, "members.reactivate")
    if not member.user.is_active:
        # A sign-in that raced with the shutting left a session that has not opened anything yet.
        end_all(session, member.user, reason="deactivated", lifetimes=lifetimes)
        member.user.deactivate_time = None
        session.emit(ChangeKind.UPDATED, member.user, fields=("state",))
    session.audited(resource=member.row.name, fields=("state",))
    return member


def erase(
    session: Session,
    organization: str,
    user_uid: UUID,
    *,
    caller: Subject,
    lifetimes: Lifetimes,
) -> None:
    """Replaces everything personal in an account, for good; its UUID stays taken."""
    member = _in_charge_of(session, organization, user_uid, caller, "members.erase")
    user = member.user
    end_all(session, user, reason="erased", lifetimes=lifetimes)
    memberships = store.members.of_user(session, user_uid)
    for row in memberships:
        leave(session, row)
    _require_administrators(session, memberships)
    store.sessions.forget_places(session, user_uid)
    store.identities.forget(session, user_uid)
    store.invitations.delete_of(session, email_key=user.email_key)
    user.deactivate_time = user.deactivate_time or session.now
    user.email = user.email_key = f"erased-{user_uid}"
    user.display_name, user.password_hash = _ERASED, None
    session.emit(ChangeKind.UPDATED, user, fields=("email", "display_name", "state"))
    session.audited(resource=user.name, fields=("email", "display_name", "password", "state"))


def recover(
    session: Session, organization: str, user_uid: UUID, *, caller: Subject, sid: UUID
) -> Recovery:
    """Makes a one-time token to choose a new password; the old one works until it is used."""
    sessions.require_signed_in(session, caller.uid, sid)
    member = _in_charge_of(session, organization, user_uid, caller, "members.recover")
    guards.require_may_become(session, caller, subject_of_user(user_uid))
    if not member.user.is_active:
        raise illegal(member.row.name, "deactivated", "recovered")
    token = users.new_password_token(session, user_uid, life=_RECOVERY_TOKEN_LIFE)
    session.audited(resource=member.row.name, fields=("password_token",))
    return Recovery(member.user.email, token, session.now + _RECOVERY_TOKEN_LIFE)


def end_all(session: Session, user: User, *, reason: str, lifetimes: Lifetimes) -> None:
    """Ends whatever lets somebody in as this user."""
    sessions.end_all(session, user, reason=reason, lifetimes=lifetimes)
    personal_tokens.delete_all(session, user.uid, lifetimes=lifetimes)
    store.users.delete_one_time_tokens(session, users.PURPOSE, user.uid)


def _in_charge_of(
    session: Session, organization: str, user_uid: UUID, caller: Subject, permission: str
) -> MemberView:
    """The member, if the caller may do this to the whole account."""
    member = _locked(session, organization, user_uid)
    guards.require_in_charge(session, caller, user_uid, permission, resource=member.row.name)
    return member


def _require_administrators(session: Session, memberships: Sequence[Member]) -> None:
    """None of these organizations has just lost its last administrator."""
    for row in memberships:
        guards.require_administrator(session, row.organization)


def leave(session: Session, member: Member) -> None:
    """Takes a membership away, with the teams and grants that come with it."""
    access.forget(session, member.organization, subject_of_user(member.user_uid))
    store.invitations.delete_of(
        session, organization=member.organization, email_key=member.email_key
    )
    session.delete(member)


def _locked(session: Session, organization: str, user_uid: UUID) -> MemberView:
    return _required(store.members.lock(session, organization, user_uid), organization, user_uid)


def _required(member: MemberView | None, organization: str, user_uid: UUID) -> MemberView:
    if member is None:
        raise absent(f"organizations/{organization}/members/{user_uid}")
    return member
