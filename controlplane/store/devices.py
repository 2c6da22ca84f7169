"""Queries of device authorizations."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.locks import locked
from controlplane.store.schema import DeviceAuthorization
from meshkit.session import Session


def get(session: Session, uid: UUID) -> DeviceAuthorization | None:
    return session.get(DeviceAuthorization, uid)


def lock(session: Session, uid: UUID) -> DeviceAuthorization | None:
    query = sa.select(DeviceAuthorization).where(DeviceAuthorization.uid == uid)
    return session.scalars(locked(query)).first()


def by_user_code(session: Session, digest: bytes) -> DeviceAuthorization | None:
    return session.scalars(_by_user_code(digest)).first()


def lock_by_user_code(session: Session, digest: bytes) -> DeviceAuthorization | None:
    return session.scalars(locked(_by_user_code(digest))).first()


def _by_user_code(digest: bytes) -> sa.Select[DeviceAuthorization]:
    return sa.select(DeviceAuthorization).where(DeviceAuthorization.user_code_digest == digest)


def purge(session: Session, before: datetime) -> None:
    session.execute(sa.delete(DeviceAuthorization).where(DeviceAuthorization.expire_time < before))


def forget_user(session: Session, user_uid: UUID) -> None:
    """Deletes what a user approved or refused: a code not yet fetched opens nothing any more."""
    query = sa.delete(DeviceAuthorization).where(DeviceAuthorization.user_uid == user_uid)
    session.execute(query)
