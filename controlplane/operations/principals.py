"""Who a caller is."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from controlplane import store
from controlplane.store.schema import RoleBinding, User
from meshkit.session import Session
from meshkit.tokens import unauthenticated


@dataclass(frozen=True, slots=True)
class Principal:
    """An account with its grants."""

    user: User
    bindings: Sequence[RoleBinding]


def get(session: Session, user_uid: UUID) -> Principal:
    """The caller's own account; reads only."""
    user = store.users.get(session, user_uid)
    if user is None:
        raise unauthenticated()
    return Principal(user, store.bindings.of_user(session, user_uid))
