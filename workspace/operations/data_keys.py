"""What happens to the keys that encrypt secrets."""

from uuid import UUID

from meshkit.session import Session
from workspace.store import data_keys as store
from workspace.store.base import insert
from workspace.store.schema_secrets import DataKey, DataKeyState


def add_first(session: Session, uid: UUID, wrapped: bytes, wrapped_by: str) -> None:
    """Adds a workspace's first key, unless another replica was quicker."""
    if not store.lock_all(session):
        now = session.now
        state = DataKeyState.CURRENT.value
        insert(session, [DataKey(uid, wrapped, wrapped_by, state, now, now)])
