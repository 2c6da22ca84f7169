"""Queries of service accounts and their keys."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.locks import locked
from controlplane.store.schema_accounts import ApiKey, ServiceAccount
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

ORDERS = Orders(
    keys=(OrderKey("id", ServiceAccount.id),),
    uid=OrderKey("uid", ServiceAccount.uid),
    default="id",
)
KEY_ORDERS = Orders(
    keys=(OrderKey("create_time", ApiKey.create_time),),
    uid=OrderKey("uid", ApiKey.uid),
)
_IS_LIVE = ServiceAccount.delete_time.is_(None)


def get(session: Session, organization: str, account: str) -> ServiceAccount | None:
    return session.scalars(_named(organization, account)).first()


def lock(session: Session, organization: str, account: str) -> ServiceAccount | None:
    """The account, and no other transaction changes it or its keys until this one ends."""
    return session.scalars(locked(_named(organization, account))).first()


def find(session: Session, uid: UUID) -> ServiceAccount | None:
    """A live account by the UUID in its tokens."""
    query = sa.select(ServiceAccount).where(ServiceAccount.uid == uid, _IS_LIVE)
    return session.scalars(query).first()


def list_page(session: Session, organization: str, window: Window) -> Sequence[ServiceAccount]:
    query = sa.select(ServiceAccount).where(ServiceAccount.organization == organization, _IS_LIVE)
    return session.scalars(window.apply(query)).all()


def get_key(session: Session, account_uid: UUID, uid: UUID) -> ApiKey | None:
    query = sa.select(ApiKey).where(ApiKey.account_uid == account_uid, ApiKey.uid == uid)
    return session.scalars(query).first()


def find_key(session: Session, uid: UUID) -> ApiKey | None:
    """Whoever's key it is: for proving who calls, where the account is not known yet."""
    return session.get(ApiKey, uid)


def list_keys(session: Session, account_uid: UUID, window: Window) -> Sequence[ApiKey]:
    query = sa.select(ApiKey).where(ApiKey.account_uid == account_uid)
    return session.scalars(window.apply(query)).all()


def keys_of(session: Session, account_uid: UUID) -> Sequence[ApiKey]:
    """Every key of an account, expired ones too."""
    query = sa.select(ApiKey).where(ApiKey.account_uid == account_uid)
    return session.scalars(query.order_by(ApiKey.uid)).all()


def lock_replaced(session: Session) -> Sequence[ApiKey]:
    """Keys that worked on beside their successor, and whose time is over."""
    query = sa.select(ApiKey).where(ApiKey.is_retained, ApiKey.expire_time <= session.now)
    return session.scalars(locked(query)).all()


def purge_keys(session: Session, before: datetime) -> None:
    session.execute(sa.delete(ApiKey).where(ApiKey.expire_time < before))


def _named(organization: str, account: str) -> sa.Select[ServiceAccount]:
    return sa.select(ServiceAccount).where(
        ServiceAccount.organization == organization, ServiceAccount.id == account, _IS_LIVE
    )
