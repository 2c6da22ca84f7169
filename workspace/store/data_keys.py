"""Queries of the keys that encrypt secrets, and of every column that they encrypt."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from meshkit.session import Session
from workspace.store.base import Rows, Sealed, SealedColumn, columns, every, metadata
from workspace.store.schema import MESH_TABLES
from workspace.store.schema_secrets import DataKey

_C = columns(DataKey)

_ALL = every(DataKey).order_by(_C.create_time, _C.uid)
_LIST = Rows(DataKey, _ALL)
_LOCK = Rows(DataKey, _ALL.with_for_update())
_ALONE = sa.select(MESH_TABLES.feed_head.c.id).with_for_update()


def list_all(session: Session) -> list[DataKey]:
    """Every data key, the oldest first."""
    return _LIST.all(session)


def write_alone(session: Session) -> None:
    """Waits for every other writer, and keeps them waiting until the commit.

    Where there is no row yet, there is none to lock.
    """
    session.connection().execute(_ALONE)


def lock_all(session: Session) -> list[DataKey]:
    """Every data key, held until the commit."""
    return _LOCK.all(session)


@dataclass(frozen=True, slots=True)
class SealedIn:
    """A column of encrypted values."""

    table: sa.Table
    column: sa.Column[bytes]

    @property
    def name(self) -> str:
        return f"{self.table.name}.{self.column.name}"

    def lock_page(self, session: Session, after: UUID, limit: int) -> list[tuple[UUID, Sealed]]:
        """Values by the uid of their row, in its order, held until the commit."""
        uid = self.table.c.uid
        page = sa.select(uid, self.column).where(uid > after).order_by(uid).limit(limit)
        rows = session.connection().execute(page.with_for_update())
        return [(row_uid, Sealed(value)) for row_uid, value in rows]

    def replace(self, session: Session, values: Sequence[tuple[UUID, Sealed]]) -> None:
        """Writes other values into rows."""
        for uid, value in values:
            statement = self.table.update().where(self.table.c.uid == uid)
            session.connection().execute(statement.values({self.column.name: value}))


def sealed_columns() -> list[SealedIn]:
    """Every column of encrypted values in the database."""
    return [
        SealedIn(table, column)
        for table in metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, SealedColumn)
    ]
