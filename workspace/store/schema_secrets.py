"""The tables of secrets."""

import enum
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


class DataKeyState(enum.StrEnum):
    """What a data key is used for; the values stand in the database."""

    # Every replica learns of it before anything is encrypted with it.
    PUBLISHED = "PUBLISHED"
    # Encrypts.
    CURRENT = "CURRENT"
    # Opens what has not been encrypted anew yet.
    REPLACED = "REPLACED"
    # Nothing was left of it; kept, because a slow replica may have written one value more.
    UNUSED = "UNUSED"


@stored(
    "data_keys",
    sa.CheckConstraint("state IN ('PUBLISHED', 'CURRENT', 'REPLACED', 'UNUSED')", name="state"),
)
@dataclass(slots=True)
class DataKey(Row):
    """A key of this workspace that encrypts values; `wrapped` by a key outside the database."""

    uid: UUID
    wrapped: bytes
    wrapped_by: str
    state: str
    create_time: datetime
    state_time: datetime
