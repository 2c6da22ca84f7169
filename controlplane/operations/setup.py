"""The first start: the organization, the keys, and the first administrator's token."""

from controlplane import store
from controlplane.identity import keys, opaque
from controlplane.identity.opaque import OpaqueToken, Secret, invalid_grant, matches
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import access, sessions, users
from controlplane.operations.sessions import Started
from controlplane.store.schema import OneTimeToken, Organization, SigningKey
from meshkit.errors import FailedPrecondition, Unauthenticated
from meshkit.feed import ChangeKind
from meshkit.session import Session
from meshkit.tokens import SigningKey as PrivateKey

PURPOSE = "setup"


def ensure_organization(session: Session, organization: str, display_name: str) -> None:
    """Makes the organization if there is none of this id; raises where there was one."""
    row = store.organizations.get(session, organization)
    if row is not None and row.delete_time is not None:
        raise FailedPrecondition(
            "RESOURCE_EXISTS",
            f"The setting `organization` names {organization}, which was deleted; name another.",
        )
    if row is None:
        row = Organization(
            id=organization,
            display_name=display_name or organization,
            create_time=session.now,
            update_time=session.now,
        )
        session.add(row)
        session.flush()
        session.emit(ChangeKind.CREATED, row)


def ensure_keys(session: Session, active: PrivateKey, upcoming: PrivateKey) -> bool:
    """Publishes the first two signing keys; False where there are keys already."""
    if store.keys.lock_all(session):
        return False
    for key, state in ((active, keys.ACTIVE), (upcoming, keys.NEXT)):
        row = SigningKey(
            kid=key.kid,
            jwk=key.jwk,
            state=state,
            create_time=session.now,
            activate_time=session.now if state == keys.ACTIVE else None,
        )
        session.add(row)
        session.flush()
        session.emit(ChangeKind.CREATED, row)
    return True


def is_required(session: Session) -> bool:
    """Whether the first administrator is still missing."""
    return store.users.find_one_time_token(session, PURPOSE) is not None


def ensure_setup_token(session: Session, organization: str, kept: str) -> Secret | None:
    """The setup token, `kept` where that still works; None once there is an administrator."""
    if store.bindings.has_administrator(session, organization):
        return None
    row = store.users.find_one_time_token(session, PURPOSE)
    if row is not None and _is_token(kept, row):
        return Secret(kept)
    store.users.delete_one_time_tokens(session, PURPOSE, None)
    secret, uid, digest = opaque.make(opaque.SETUP_TOKEN)
    session.add(OneTimeToken(uid=uid, purpose=PURPOSE, digest=digest))
    return secret


def _is_token(text: str, row: OneTimeToken) -> bool:
    try:
        return matches(opaque.read(text, opaque.SETUP_TOKEN), row.digest)
    except Unauthenticated:
        return False


def check_setup_token(session: Session, presented: OpaqueToken | None) -> None:
    """Raises ALREADY_SET_UP or INVALID_GRANT unless the token is the one of the first start."""
    token = store.users.find_one_time_token(session, PURPOSE)
    _require_setup_token(token, presented)


def create_first_administrator(
    session: Session,
    presented: OpaqueToken,
    *,
    organization: str,
    email: str,
    display_name: str,
    password_hash: str | None,
    lifetimes: Lifetimes,
    browser: bool = False,
) -> Started:
    """Uses up the setup token, makes the administrator and signs them in."""
    row = store.users.find_one_time_token(session, PURPOSE)
    # Locked by its id: of many at once, the first commits, the others find it gone.
    token = store.users.take_one_time_token(session, PURPOSE, row.uid) if row else None
    _require_setup_token(token, presented)
    session.delete(token)
    user = users.insert(
        session,
        organization,
        email=email,
        display_name=display_name,
        password_hash=password_hash,
    )
    access.make_administrator(session, organization, user)
    return sessions.start(session, user, origin="setup", lifetimes=lifetimes, browser=browser)


def _require_setup_token(token: OneTimeToken | None, presented: OpaqueToken | None) -> None:
    if token is None:
        raise FailedPrecondition(
            "ALREADY_SET_UP", "The first administrator exists already; sign in instead."
        )
    if presented is None or not matches(presented, token.digest):
        raise invalid_grant()
