"""Queries of audit chains and their checkpoints."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from controlplane.store.schema import TABLES, Member, Organization
from controlplane.store.schema_accounts import ServiceAccount
from controlplane.store.schema_audit import AuditCheckpoint, AuditSource
from meshkit.audit import row_of
from meshkit.chain import Position, Row
from meshkit.filters import Choices, Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session

_events = TABLES.audit_events.c
_chains = TABLES.audit_chains.c

# Names of google.rpc.Code, by number.
CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
ORDERS = Orders(
    keys=(OrderKey("sequence", _events.sequence, value=lambda row: row.sequence),),
    uid=OrderKey("uid", _events.uid, value=lambda row: row.record.uid),
    default="sequence desc",
)
CHECKPOINT_ORDERS = Orders(
    keys=(OrderKey("sequence", AuditCheckpoint.sequence),),
    uid=OrderKey("kind", AuditCheckpoint.kind),
    default="sequence desc",
)
FIELDS = Fields(
    Field("actor", Kind.STRING, _events.actor),
    Field("action", Kind.STRING, _events.action),
    Field("resource", Kind.STRING, _events.resource),
    Field("workspace", Kind.STRING, _events.workspace),
    Field("time", Kind.TIMESTAMP, _events.time),
    Field(
        "outcome",
        Kind.ENUM,
        _events.code,
        choices=Choices({name: number for number, name in enumerate(CODES)}),
    ),
)


def _rows(session: Session, query: sa.Select[Any]) -> list[Row]:
    return [row_of(tuple(row)) for row in session.execute(query)]


def list_page(session: Session, chain: str, filter_: Filter, window: Window) -> list[Row]:
    query = sa.select(TABLES.audit_events).where(_events.chain == chain, filter_.where())
    return _rows(session, window.apply(query))


def find(session: Session, chains: Sequence[str], uid: UUID) -> Row | None:
    query = sa.select(TABLES.audit_events).where(_events.uid == uid, _events.chain.in_(chains))
    return next(iter(_rows(session, query)), None)


def after(session: Session, chain: str, sequence: int, limit: int) -> list[Row]:
    """The rows behind a number, in order."""
    query = sa.select(TABLES.audit_events).where(_events.chain == chain)
    query = query.where(_events.sequence > sequence).order_by(_events.sequence)
    return _rows(session, query.limit(limit))


def head(session: Session, chain: str) -> Position:
    """The newest row as the door knows it."""
    query = sa.select(_chains.sequence, _chains.hash).where(_chains.chain == chain)
    row = session.execute(query).first()
    return Position(row.sequence, row.hash) if row else Position()


def anchor(session: Session, chain: str) -> Position:
    """The newest row that retention has deleted."""
    query = sa.select(_chains.anchor_sequence, _chains.anchor_hash).where(_chains.chain == chain)
    row = session.execute(query).first()
    return Position(row.anchor_sequence, row.anchor_hash) if row else Position()


def all_chains(session: Session) -> Sequence[str]:
    return session.scalars(sa.select(_chains.chain).order_by(_chains.chain)).all()


def unsigned(session: Session, *, rows: int, before: datetime) -> list[str]:
    """Chains with so many rows behind their newest checkpoint, or one from before that time."""
    newest = (
        sa.select(sa.func.max(AuditCheckpoint.sequence))
        .where(AuditCheckpoint.chain == _chains.chain)
        .correlate(TABLES.audit_chains)
        .scalar_subquery()
    )
    signed = sa.func.coalesce(newest, 0)
    oldest = sa.and_(_events.chain == _chains.chain, _events.sequence == signed + 1)
    query = (
        sa.select(_chains.chain)
        .select_from(TABLES.audit_chains)
        .join(TABLES.audit_events, oldest)
        .where(sa.or_(_chains.sequence - signed >= rows, _events.time < before))
    )
    return list(session.scalars(query))


def newest_checkpoint(session: Session, chain: str) -> AuditCheckpoint | None:
    query = sa.select(AuditCheckpoint).where(AuditCheckpoint.chain == chain)
    return session.scalars(query.order_by(AuditCheckpoint.sequence.desc()).limit(1)).first()


def checkpoints(
    session: Session, chain: str, *, first: int, last: int
) -> Sequence[AuditCheckpoint]:
    """The checkpoints of rows in a range, in order."""
    query = sa.select(AuditCheckpoint).where(
        AuditCheckpoint.chain == chain, AuditCheckpoint.sequence.between(first, last)
    )
    return session.scalars(query.order_by(AuditCheckpoint.sequence)).all()


def checkpoint_page(session: Session, chain: str, window: Window) -> Sequence[AuditCheckpoint]:
    query = sa.select(AuditCheckpoint).where(AuditCheckpoint.chain == chain)
    return session.scalars(window.apply(query)).all()


def drop_before(session: Session, chain: str, anchor_: AuditCheckpoint) -> None:
    """Deletes the rows up to an anchor, and the checkpoints that vouched for them."""
    connection = session.connection()
    # The database lets nothing go that no anchor stands for.
    connection.execute(
        TABLES.audit_chains.update()
        .where(_chains.chain == chain)
        .values(anchor_sequence=anchor_.sequence, anchor_hash=anchor_.hash)
    )
    connection.execute(
        TABLES.audit_events.delete().where(
            _events.chain == chain, _events.sequence <= anchor_.sequence
        )
    )
    connection.execute(
        sa.delete(AuditCheckpoint).where(
            AuditCheckpoint.chain == chain, AuditCheckpoint.sequence < anchor_.sequence
        )
    )


def source(session: Session, workspace_uid: UUID) -> Position | None:
    """How far a workspace's rows have arrived."""
    return _position(session, _source(workspace_uid))


def lock_source(session: Session, workspace_uid: UUID) -> Position | None:
    """As `source`, and no other link of it goes on meanwhile."""
    return _position(session, _source(workspace_uid).with_for_update())


def _source(workspace_uid: UUID) -> sa.Select[int, bytes]:
    query = sa.select(AuditSource.sequence, AuditSource.hash)
    return query.where(AuditSource.workspace_uid == workspace_uid)


def _position(session: Session, query: sa.Select[int, bytes]) -> Position | None:
    row = session.execute(query).first()
    return Position(row.sequence, row.hash) if row else None


def keep_source(session: Session, workspace_uid: UUID, position: Position) -> None:
    """Keeps how far a workspace's rows have arrived."""
    session.merge(AuditSource(workspace_uid=workspace_uid, **position._asdict()))


def known(session: Session, uids: Sequence[UUID]) -> set[UUID]:
    """Which rows are here already."""
    query = sa.select(_events.uid).where(session.among(_events.uid, uids))
    return set(session.scalars(query))


def existing(session: Session, organizations: Sequence[str]) -> set[str]:
    """Which of these organizations there are."""
    if not organizations:
        return set()
    query = sa.select(Organization.id).where(session.among(Organization.id, organizations))
    return set(session.scalars(query))


def memberships(session: Session, principals: Sequence[UUID]) -> dict[UUID, list[str]]:
    """The organizations to which users, and service accounts, belong."""
    people = sa.select(Member.user_uid, Member.organization)
    programs = sa.select(ServiceAccount.uid, ServiceAccount.organization)
    query = sa.union_all(
        people.where(session.among(Member.user_uid, principals)),
        programs.where(session.among(ServiceAccount.uid, principals)),
    )
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    for principal, organization in session.execute(query):
        found[principal].append(organization)
    return found


def owners(session: Session, uids: Sequence[UUID]) -> dict[UUID | None, str]:
    """Organizations by their UUIDs."""
    query = sa.select(Organization.uid, Organization.id)
    rows = session.execute(query.where(session.among(Organization.uid, uids)))
    return {row.uid: row.id for row in rows}
