"""Who a caller is."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from controlplane import store
from controlplane.store.bindings import Held
from controlplane.store.schema import User
from controlplane.subjects import user as subject_of_user
from meshkit.session import Session
from meshkit.tokens import unauthenticated


@dataclass(frozen=True, slots=True)
class Principal:
    """An account with what it holds, by itself and through its teams."""

    user: User
    held: Sequence[Held]


def get(session: Session, user_uid: UUID) -> Principal:
    """The caller's own account; reads only."""
    user = store.users.get(session, user_uid)
    if user is None:
        raise unauthenticated()
    return Principal(user, store.bindings.held_by(session, subject_of_user(user_uid)))
