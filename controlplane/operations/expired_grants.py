"""Grants whose time is over: they count no more, and go when somebody comes by."""

from controlplane import store
from controlplane.chains import chain_of
from controlplane.operations import own_acts
from controlplane.store.schema_access import RoleBinding
from meshkit.feed import ChangeKind
from meshkit.session import Session


def remove_all(session: Session) -> None:
    """An operation: removes them, which also has open streams decided anew."""
    for row in store.bindings.expired(session):
        remove(session, row)


def remove(session: Session, row: RoleBinding) -> None:
    """Removes one, and says so: nobody took it back."""
    session.emit(ChangeKind.DELETED, row)
    session.delete(row)
    own_acts.record(session, chain_of(row.organization), "RoleBinding.Expire", row.name)
