"""What happens to the keys that encrypt secrets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from meshkit.errors import FailedPrecondition
from meshkit.session import Session
from workspace.store import data_keys as store
from workspace.store.base import Sealed, insert, update
from workspace.store.data_keys import SealedIn
from workspace.store.schema_secrets import DataKey, DataKeyState


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A data key, encrypted with a key of the key file."""

    uid: UUID
    wrapped: bytes
    wrapped_by: str


# Encrypts a value of a row anew; None where it is up to date, or cannot be opened.
Reseal = Callable[[UUID, Sealed], Sealed | None]


def add_first(session: Session, new: Wrapped) -> None:
    """Adds a workspace's first key, unless another replica was quicker."""
    store.write_alone(session)
    if not store.lock_all(session):
        _add(session, new, DataKeyState.CURRENT)


def publish(session: Session, new: Wrapped) -> None:
    """Adds the next key; FailedPrecondition while the last one is not in use everywhere."""
    rows = store.lock_all(session)
    if any(row.uid == new.uid for row in rows):
        return
    under_way = {DataKeyState.PUBLISHED.value, DataKeyState.REPLACED.value}
    if any(row.state in under_way for row in rows):
        raise FailedPrecondition(
            "ROTATION_UNDER_WAY",
            "The data key is being replaced: wait until values are encrypted anew.",
        )
    _add(session, new, DataKeyState.PUBLISHED)
    session.audited(resource="secretStore", fields=("keys.data_key",))


def advance(session: Session, known_after: timedelta) -> None:
    """Lets a published key encrypt, once every replica has had the time to learn of it."""
    rows = store.lock_all(session)
    ready = session.now - known_after
    following = [row for row in rows if row.state == DataKeyState.PUBLISHED]
    if following and all(row.state_time <= ready for row in following):
        for row in rows:
            if row.state == DataKeyState.CURRENT:
                _set(session, row, DataKeyState.REPLACED)
        _set(session, following[-1], DataKeyState.CURRENT)


def retire(session: Session, replaced_before: timedelta) -> None:
    """Notes that nothing is left of keys that were replaced so long ago."""
    for row in store.lock_all(session):
        is_old = row.state_time <= session.now - replaced_before
        if row.state == DataKeyState.REPLACED and is_old:
            _set(session, row, DataKeyState.UNUSED)


def rewrap(session: Session, wrapped: Mapping[UUID, Wrapped]) -> None:
    """Replaces how data keys are wrapped; each is the same key as before."""
    rows = [row for row in store.lock_all(session) if row.uid in wrapped]
    for row in rows:
        row.wrapped, row.wrapped_by = wrapped[row.uid].wrapped, wrapped[row.uid].wrapped_by
    update(session, rows, ("wrapped", "wrapped_by"))


def reseal(
    session: Session, sealed_in: SealedIn, after: UUID, limit: int, *, anew: Reseal
) -> UUID | None:
    """Encrypts one page of a column anew; where the next one begins, None at the end."""
    page = sealed_in.lock_page(session, after, limit)
    fresh = ((uid, anew(uid, value)) for uid, value in page)
    sealed_in.replace(session, [(uid, value) for uid, value in fresh if value is not None])
    return page[-1][0] if page else None


def note_wrapping(session: Session) -> None:
    """The audit row of a key that was put into the key file."""
    session.audited(resource="secretStore", fields=("keys.wrapping_key",))


def _add(session: Session, new: Wrapped, state: DataKeyState) -> None:
    now = session.now
    insert(session, [DataKey(new.uid, new.wrapped, new.wrapped_by, state.value, now, now)])


def _set(session: Session, row: DataKey, state: DataKeyState) -> None:
    row.state, row.state_time = state.value, session.now
    update(session, [row], ("state", "state_time"))
