"""From an identity to an account: found by issuer and subject, never by address alone.

An address decides in one case only: the first time, where the provider has verified it, the
organization has proven that its domain is its own, and the account of this address belongs to
this organization alone and is not known to the issuer under another name already. Whoever made
that account may not have been the person: every other way into it ends with the link.
"""

from controlplane import store
from controlplane.identity.providers.model import Assertion
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import group_teams, members, trusted_domains, users
from controlplane.store.schema import User
from controlplane.store.schema_identity import Identity, IdentityProvider
from meshkit.errors import Aborted, PermissionDenied
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session

MEMBERS_ONLY = "MEMBERS_ONLY"
TRUSTED_DOMAINS = "TRUSTED_DOMAINS"
ANYONE = "ANYONE"


def admit(
    session: Session, provider: IdentityProvider, person: Assertion, *, lifetimes: Lifetimes
) -> User:
    """The account of the person, made where they may join; raises MEMBERSHIP_REQUIRED."""
    if provider.allowed_groups and person.groups.isdisjoint(provider.allowed_groups):
        raise _not_admitted("You are in none of the groups that may sign in here.")
    organization = provider.organization
    is_trusted = person.email_verified and trusted_domains.is_trusted(
        session, organization, person.email
    )
    identity = store.identities.get(session, person.issuer, person.subject)
    if identity is not None:
        identity.last_login_time = session.now
        user = store.users.get(session, identity.user_uid)
        assert user is not None
        _require_active(user)
        _follow(session, user, person, is_trusted=is_trusted)
    else:
        user = _linkable(session, organization, person) if is_trusted else None
        if user is None:
            _require_joining(provider, is_trusted=is_trusted)
            user = _new_user(session, person, is_trusted=is_trusted)
        else:
            _hand_over(session, user, lifetimes)
        _require_active(user)
        _remember(session, person, user)
    if not store.organizations.keep_member(session, organization, user.uid):
        _require_joining(provider, is_trusted=is_trusted)
        users.join(session, organization, user)
    group_teams.follow(session, provider, user, person.groups)
    return user


def _linkable(session: Session, organization: str, person: Assertion) -> User | None:
    """The account that a trusted address means; None where that is not beyond doubt."""
    user = store.users.get_by_email(session, person.email)
    if user is None or not store.organizations.keep_member(session, organization, user.uid):
        return None
    # What it holds elsewhere is not this organization's to give to whom its provider names.
    if list(store.organizations.of_user(session, user.uid)) != [organization]:
        return None
    # The issuer's other subject had this address before: it was given to somebody else.
    if store.identities.is_known_to(session, person.issuer, user.uid):
        return None
    return user


def _hand_over(session: Session, user: User, lifetimes: Lifetimes) -> None:
    """Leaves the account to the person whose address it has, with nobody else inside.

    An inviter can accept an invitation to somebody else's address, and wait in that account.
    """
    members.end_all(session, user, reason="identity linked", lifetimes=lifetimes)
    if user.password_hash is not None:
        user.password_hash = None
        session.emit(ChangeKind.UPDATED, user, fields=("password",))


def _require_joining(provider: IdentityProvider, *, is_trusted: bool) -> None:
    policy = provider.join_policy
    if policy == ANYONE or (policy == TRUSTED_DOMAINS and is_trusted):
        return
    raise _not_admitted("You are not a member of this organization; ask to be invited.")


def _new_user(session: Session, person: Assertion, *, is_trusted: bool) -> User:
    uid = new_uid()
    email, email_key = _own_address(session, uid.hex, person, is_trusted=is_trusted)
    user = User(
        uid=uid,
        email=email,
        email_key=email_key,
        display_name=person.display_name or email or person.subject,
        password_hash=None,
        create_time=session.now,
    )
    if not store.unique.insert(session, user):
        raise _raced()
    session.emit(ChangeKind.CREATED, user)
    return user


def _own_address(
    session: Session, fallback: str, person: Assertion, *, is_trusted: bool
) -> tuple[str, str]:
    """The address that is the account's own, with its key; none, and a key that is no address,
    where that is not proven.

    What a provider merely says takes no address from the person who really has it, and is shown
    to nobody: colleagues would believe it.
    """
    key = person.email.casefold()
    is_free = is_trusted and store.users.get_by_email(session, key) is None
    return (person.email, key) if is_free else ("", fallback)


def _follow(session: Session, user: User, person: Assertion, *, is_trusted: bool) -> None:
    """Takes over a name or an address that changed at the provider.

    An account with a password keeps its address: it signs in with it.
    """
    if user.password_hash is not None:
        return
    if person.display_name and user.display_name != person.display_name:
        user.display_name = person.display_name
    if person.email_verified and user.email.casefold() != person.email.casefold():
        user.email, user.email_key = _own_address(
            session, user.uid.hex, person, is_trusted=is_trusted
        )
        session.flush()
        store.organizations.set_email_key(session, user.uid, user.email_key)
    if session.is_modified(user):
        session.emit(ChangeKind.UPDATED, user)


def _remember(session: Session, person: Assertion, user: User) -> None:
    identity = Identity(
        issuer=person.issuer,
        subject=person.subject,
        user_uid=user.uid,
        create_time=session.now,
        last_login_time=session.now,
    )
    if not store.unique.insert(session, identity):
        raise _raced()


def _require_active(user: User) -> None:
    if not user.is_active:
        raise _not_admitted("This account was deactivated; ask an administrator.")


def _not_admitted(message: str) -> PermissionDenied:
    return PermissionDenied("MEMBERSHIP_REQUIRED", message)


def _raced() -> Aborted:
    return Aborted("REQUEST_IN_PROGRESS", "You signed in twice at once; sign in again.")
