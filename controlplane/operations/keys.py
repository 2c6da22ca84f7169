"""The change from one signing key to the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane import store
from controlplane.chains import PLATFORM
from controlplane.identity.keys import ACTIVE, NEXT, RETIRING
from controlplane.operations import own_acts
from controlplane.store.schema import SigningKey
from meshkit.errors import FailedPrecondition
from meshkit.feed import ChangeKind
from meshkit.session import Session
from meshkit.tokens import SigningKey as PrivateKey


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """How long a key signs, is published before, and verifies afterwards."""

    max_age: timedelta
    notice: timedelta
    longest_token: timedelta

    def ready_at(self, following: SigningKey) -> datetime:
        """From when on the next key may sign."""
        return following.create_time + self.notice

    def is_due(self, active: SigningKey, following: SigningKey, now: datetime) -> bool:
        """Whether the active key has signed for long enough, and the next one may follow."""
        since = active.activate_time or active.create_time
        return now >= max(since + self.max_age, self.ready_at(following))


def rotate(
    session: Session, upcoming: PrivateKey, *, times: KeyTimes, compromised: bool = False
) -> Sequence[SigningKey]:
    """Lets the next key sign and publishes `upcoming` after it; answers all published keys.

    The old key verifies until the last token it signed has expired; a compromised one not a
    moment longer. Raises SIGNING_KEY_TOO_NEW.
    """
    active, following = _pair(session)
    if not compromised and session.now < times.ready_at(following):
        raise _too_new(times.ready_at(following))
    _change(session, active, following, upcoming)
    if compromised:
        session.emit(ChangeKind.DELETED, active)
        session.delete(active)
        session.flush()
    else:
        active.state, active.expire_time = RETIRING, session.now + times.longest_token
        session.emit(ChangeKind.UPDATED, active, fields=("state",))
    return store.keys.all_keys(session)


def rotate_by_age(session: Session, upcoming: PrivateKey, *, times: KeyTimes) -> None:
    """As `rotate`, where it is due: of two replicas that both find it so, one rotates."""
    if times.is_due(*_pair(session), session.now):
        rotate(session, upcoming, times=times)
        own_acts.record(session, PLATFORM, "SigningKey.Rotate", f"signingKeys/{upcoming.kid}")


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


def _pair(session: Session) -> tuple[SigningKey, SigningKey]:
    """The key that signs and the next one, which only this transaction changes."""
    rows = store.keys.lock_all(session)
    (active,) = (row for row in rows if row.state == ACTIVE)
    (following,) = (row for row in rows if row.state == NEXT)
    return active, following


def _change(
    session: Session, active: SigningKey, following: SigningKey, upcoming: PrivateKey
) -> None:
    active.state = RETIRING
    following.state, following.activate_time = ACTIVE, session.now
    fresh = SigningKey(kid=upcoming.kid, jwk=upcoming.jwk, state=NEXT, create_time=session.now)
    session.add(fresh)
    session.flush()
    session.emit(ChangeKind.UPDATED, following, fields=("state",))
    session.emit(ChangeKind.CREATED, fresh)


def _too_new(ready: datetime) -> FailedPrecondition:
    return FailedPrecondition(
        "SIGNING_KEY_TOO_NEW",
        f"The next key signs from {ready:%Y-%m-%d %H:%M} UTC on: until then some verifier may "
        "not know it.",
        metadata={"readyTime": ready.isoformat()},
    )
