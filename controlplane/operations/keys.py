"""The change from one signing key to the next."""

from collections.abc import Sequence
from datetime import timedelta

from controlplane import store
from controlplane.identity.keys import ACTIVE, NEXT, RETIRING
from controlplane.store.schema import SigningKey
from meshkit.feed import ChangeKind
from meshkit.session import Session
from meshkit.tokens import SigningKey as PrivateKey


def rotate(
    session: Session,
    upcoming: PrivateKey,
    *,
    longest_token: timedelta,
    if_older_than: timedelta | None = None,
) -> Sequence[SigningKey]:
    """Lets the next key sign and publishes `upcoming` after it; answers all published keys.

    The old key verifies until the last token it signed has expired. Nothing happens while the
    active key is younger than `if_older_than`: of two replicas that both find it old, one
    rotates.
    """
    rows = store.keys.lock_all(session)
    (active,) = (row for row in rows if row.state == ACTIVE)
    (following,) = (row for row in rows if row.state == NEXT)
    active_since = active.activate_time or session.now
    if if_older_than is not None and active_since > session.now - if_older_than:
        return rows
    active.state, active.expire_time = RETIRING, session.now + longest_token
    following.state, following.activate_time = ACTIVE, session.now
    fresh = SigningKey(kid=upcoming.kid, jwk=upcoming.jwk, state=NEXT, create_time=session.now)
    session.add(fresh)
    session.flush()
    for row in (active, following):
        session.emit(ChangeKind.UPDATED, row, fields=("state",))
    session.emit(ChangeKind.CREATED, fresh)
    return [*rows, fresh]


def retire(session: Session) -> list[str]:
    """Stops publishing keys whose last token has expired; answers their ids."""
    over = [
        row
        for row in store.keys.lock_all(session)
        if row.state == RETIRING and row.expire_time and row.expire_time <= session.now
    ]
    for row in over:
        session.emit(ChangeKind.DELETED, row)
        session.delete(row)
    return [row.kid for row in over]
