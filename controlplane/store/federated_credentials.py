"""Queries of federated credentials, and of the tokens that were taken by them."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.schema_accounts import FederatedCredential, UsedAssertion
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("id", FederatedCredential.id),),
    uid=OrderKey("uid", FederatedCredential.uid),
    default="id",
)


def get(session: Session, account_uid: UUID, id_: str) -> FederatedCredential | None:
    query = _of(account_uid).where(FederatedCredential.id == id_)
    return session.scalars(query).first()


def find(session: Session, account_uid: UUID, uid: UUID) -> FederatedCredential | None:
    return session.scalars(_of(account_uid).where(FederatedCredential.uid == uid)).first()


def list_page(session: Session, account_uid: UUID, window: Window) -> Sequence[FederatedCredential]:
    return session.scalars(window.apply(_of(account_uid))).all()


def all_of(session: Session, account_uid: UUID) -> Sequence[FederatedCredential]:
    return session.scalars(_of(account_uid).order_by(FederatedCredential.id)).all()


def naming(
    session: Session, account_uid: UUID, issuer: str, audience: str
) -> Sequence[FederatedCredential]:
    """The credentials of an account that take tokens of an issuer for an audience."""
    query = _of(account_uid).where(
        FederatedCredential.issuer == issuer, FederatedCredential.audience == audience
    )
    return session.scalars(query.order_by(FederatedCredential.id)).all()


def is_used(session: Session, digest: bytes) -> bool:
    return session.get(UsedAssertion, digest) is not None


def purge_used(session: Session) -> None:
    session.execute(sa.delete(UsedAssertion).where(UsedAssertion.expire_time < session.now))


def _of(account_uid: UUID) -> sa.Select[FederatedCredential]:
    return sa.select(FederatedCredential).where(FederatedCredential.account_uid == account_uid)
