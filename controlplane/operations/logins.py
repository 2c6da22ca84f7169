"""Sign-ins through a provider: begun, returned from once, and redeemed once."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from controlplane import store
from controlplane.identity import opaque
from controlplane.identity.opaque import OpaqueToken, Secret, invalid_grant, matches
from controlplane.identity.providers.model import Assertion
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import identities, identity_providers, sessions
from controlplane.operations.sessions import Started
from controlplane.store.schema_identity import IdentityProvider, Login
from meshkit.errors import NotFound
from meshkit.session import Session

LIFETIME = timedelta(minutes=10)
CODE_LIFETIME = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The client that waits for the end of a sign-in."""

    redirect_uri: str
    state: str
    code_challenge: str
    address: str


@dataclass(frozen=True, slots=True)
class Returned:
    """A sign-in whose person came back from the provider."""

    login: Login
    provider: IdentityProvider


def start(
    session: Session, provider_uid: UUID, waiting: Waiting, *, uid: UUID, state_digest: bytes
) -> Login:
    """Remembers a sign-in; raises NotFound where its provider went away meanwhile."""
    provider = store.identity_providers.find(session, provider_uid)
    if provider is None:
        raise NotFound("RESOURCE_NOT_FOUND", "There is no such identity provider any more.")
    row = Login(
        uid=uid,
        provider_uid=provider_uid,
        state_digest=state_digest,
        redirect_uri=waiting.redirect_uri,
        client_state=waiting.state,
        code_challenge=waiting.code_challenge,
        address=waiting.address,
        create_time=session.now,
        expire_time=session.now + LIFETIME,
    )
    session.add(row)
    session.audited(resource=provider.name)
    return row


def take(session: Session, organization: str, provider: str, presented: OpaqueToken) -> Returned:
    """Uses up a state; raises INVALID_GRANT unless it waits for exactly this provider.

    What follows may fail; the state is spent all the same, so that nothing can be tried twice.
    """
    row = store.identities.lock_login(session, UUID(presented.id))
    if row is None or not matches(presented, row.state_digest):
        raise invalid_grant()
    if row.return_time is not None or row.expire_time <= session.now:
        raise invalid_grant()
    found = store.identity_providers.find(session, row.provider_uid)
    # The answer came to this provider's address: another one's must not be taken for it.
    if found is None or (found.organization, found.id) != (organization, provider):
        raise invalid_grant()
    row.return_time = session.now
    session.audited(resource=found.name)
    return Returned(row, found)


def finish(session: Session, uid: UUID, person: Assertion, *, lifetimes: Lifetimes) -> Secret:
    """Admits the person and answers the code for the client; raises MEMBERSHIP_REQUIRED."""
    row = store.identities.lock_login(session, uid)
    if row is None:
        raise invalid_grant()
    # Judged by the settings of now: it may have been disabled while the person was away.
    provider = identity_providers.require_in_use(session, row.provider_uid)
    user = identities.admit(session, provider, person, lifetimes=lifetimes)
    secret, _, row.code_digest = opaque.make(opaque.LOGIN_CODE, row.uid)
    row.user_uid, row.code_expire_time = user.uid, session.now + CODE_LIFETIME
    session.audited(resource=user.name, fields=("identity",))
    return secret


def redeem(
    session: Session,
    presented: OpaqueToken,
    *,
    code_verifier: str,
    lifetimes: Lifetimes,
    browser: bool = False,
) -> Started:
    """Starts the session of whoever began the sign-in; raises INVALID_GRANT.

    A wrong verifier leaves the code as it is: whoever stole it must not spoil it as well.
    """
    row = store.identities.lock_login(session, UUID(presented.id))
    if row is None or row.code_digest is None or not matches(presented, row.code_digest):
        raise invalid_grant()
    assert row.user_uid is not None
    assert row.code_expire_time is not None
    user = store.users.get(session, row.user_uid)
    provider = store.identity_providers.keep(session, row.provider_uid)
    is_valid = row.code_expire_time > session.now and _is_challenge_of(row, code_verifier)
    if user is None or provider is None or provider.disabled or not is_valid:
        raise invalid_grant()
    session.delete(row)
    return sessions.start(session, user, origin=provider.name, lifetimes=lifetimes, browser=browser)


def _is_challenge_of(row: Login, code_verifier: str) -> bool:
    digest = hashlib.sha256(code_verifier.encode("utf-8", "surrogatepass")).digest()
    challenge = urlsafe_b64encode(digest).rstrip(b"=")
    return secrets.compare_digest(challenge, row.code_challenge.encode())
