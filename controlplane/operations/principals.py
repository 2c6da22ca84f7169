"""Who a caller is."""

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane import store
from controlplane.operations import origins
from controlplane.store.bindings import Held
from controlplane.store.schema import User
from controlplane.store.schema_accounts import ServiceAccount
from meshkit.caller import Caller
from meshkit.session import Session


@dataclass(frozen=True, slots=True)
class Principal:
    """An account with what it holds, by itself and through its teams."""

    account: User | ServiceAccount
    held: Sequence[Held]


def get(session: Session, caller: Caller) -> Principal:
    """The caller's own account; reads only."""
    account = origins.of(session, caller).principal
    return Principal(account, store.bindings.held_by(session, account.subject))
