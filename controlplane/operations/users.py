"""Accounts: made by an administrator, claimed by the person with a one-time token."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from controlplane import store
from controlplane.identity import opaque
from controlplane.identity.opaque import OpaqueToken, Secret, invalid_grant, matches
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import personal_tokens, sessions
from controlplane.store.schema import Member, OneTimeToken, User
from meshkit.errors import Aborted, AlreadyExists, FieldViolation, InvalidArgument
from meshkit.feed import ChangeKind
from meshkit.session import Session

PURPOSE = "password"
_PASSWORD_TOKEN_LIFE = timedelta(days=3)


def create(session: Session, organization: str, *, email: str, display_name: str) -> User:
    """Makes an account without a password or a role; raises InvalidArgument, AlreadyExists."""
    if not email:
        problem = FieldViolation("user.email", "is required")
        raise InvalidArgument("INVALID_FIELDS", "An address is required.", violations=[problem])
    user = insert(session, organization, email=email, display_name=display_name, password_hash=None)
    session.audited(resource=user.name, fields=("email", "display_name"))
    return user


def insert(
    session: Session,
    organization: str,
    *,
    email: str,
    display_name: str,
    password_hash: str | None,
) -> User:
    """Inserts a user who belongs to an organization; raises AlreadyExists for a taken address."""
    if store.users.get_by_email(session, email) is not None:
        raise taken()
    user = User(
        email=email,
        email_key=email.casefold(),
        display_name=display_name,
        password_hash=password_hash,
        create_time=session.now,
    )
    if not store.unique.insert(session, user):
        raise taken()
    join(session, organization, user)
    session.emit(ChangeKind.CREATED, user)
    return user


def join(session: Session, organization: str, user: User) -> None:
    """Makes a user a member of an organization, without a role; one who is stays so.

    Who comes in at two replicas at once, by an invitation and a provider, comes in once.
    """
    store.users.lock(session, user.uid)
    if store.organizations.keep_member(session, organization, user.uid):
        return
    member = Member(
        organization=organization,
        user_uid=user.uid,
        email_key=user.email_key,
        create_time=session.now,
    )
    if not store.unique.insert(session, member):
        raise Aborted("REQUEST_IN_PROGRESS", "You join at this very moment; try again.")


def change(session: Session, user_uid: UUID, values: Mapping[str, str]) -> User:
    """Changes what a person may change of their own account."""
    user = store.users.get(session, user_uid)
    assert user is not None
    differing = {name: value for name, value in values.items() if getattr(user, name) != value}
    for name, value in differing.items():
        setattr(user, name, value)
    if differing:
        session.emit(ChangeKind.UPDATED, user, fields=tuple(differing))
    session.audited(resource=user.name, fields=tuple(differing))
    return user


def taken() -> AlreadyExists:
    """What whoever asks for an address hears that has an account."""
    return AlreadyExists("RESOURCE_EXISTS", "An account with this address exists already.")


def issue_password_token(session: Session, user_uid: UUID) -> Secret | None:
    """A one-time token to choose a password; None where the person signs in already.

    It replaces an earlier token, so a repeated CreateUser leaves one that works.
    """
    user = store.users.get(session, user_uid)
    if (
        user is None
        or user.password_hash is not None
        or store.identities.has_any(session, user_uid)
    ):
        return None
    session.audited(resource=user.name, fields=("password_token",))
    return new_password_token(session, user_uid, life=_PASSWORD_TOKEN_LIFE)


def new_password_token(session: Session, user_uid: UUID, *, life: timedelta) -> Secret:
    """A one-time token to choose a password, in place of any earlier one."""
    store.users.delete_one_time_tokens(session, PURPOSE, user_uid)
    secret, uid, digest = opaque.make(opaque.PASSWORD_TOKEN)
    session.add(
        OneTimeToken(
            uid=uid,
            purpose=PURPOSE,
            digest=digest,
            user_uid=user_uid,
            expire_time=session.now + life,
        )
    )
    return secret


def check_password_token(session: Session, user_uid: UUID, presented: OpaqueToken) -> None:
    """Raises INVALID_GRANT unless the token lets this user choose a password now."""
    token = session.get(OneTimeToken, UUID(presented.id))
    _require_password_token(session, token, user_uid, presented)


def set_password(
    session: Session,
    user_uid: UUID,
    *,
    proof: OpaqueToken | str,
    password_hash: str,
    lifetimes: Lifetimes,
) -> None:
    """Stores a new password and ends every session of the account.

    `proof` is the one-time token, or the stored hash that the current password was verified
    against: if that has changed meanwhile, somebody else was faster and the proof is void.
    """
    user = store.users.lock(session, user_uid)
    if user is None or not user.is_active:
        raise invalid_grant()
    if isinstance(proof, OpaqueToken):
        token = store.users.take_one_time_token(session, PURPOSE, UUID(proof.id), user_uid=user_uid)
        _require_password_token(session, token, user_uid, proof)
        session.delete(token)
    elif user.password_hash != proof:
        raise invalid_grant()
    user.password_hash = password_hash
    session.emit(ChangeKind.UPDATED, user)
    sessions.end_all(session, user, reason="password changed", lifetimes=lifetimes)
    if isinstance(proof, OpaqueToken):
        # Whoever lost the password may have lost these too.
        personal_tokens.delete_all(session, user_uid, lifetimes=lifetimes)
    session.audited(resource=user.name, fields=("password",))


def _require_password_token(
    session: Session, token: OneTimeToken | None, user_uid: UUID, presented: OpaqueToken
) -> None:
    if (
        token is None
        or token.purpose != PURPOSE
        or token.user_uid != user_uid
        or token.expire_time is None
        or token.expire_time <= session.now
        or not matches(presented, token.digest)
    ):
        raise invalid_grant()
