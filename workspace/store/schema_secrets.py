"""The tables of secrets."""

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, Sealed, stored

# Stands for the workspace's own database wherever a backend is named, and has no row.
DATABASE = UUID(int=0)
# The one row of `secret_stores`.
THE_STORE = UUID(int=0)


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


class SecretScope(enum.StrEnum):
    """Who may know of a secret; the values stand in the database, and prefixed on the wire."""

    SHARED = "SHARED"
    PRIVATE = "PRIVATE"


@stored(
    "secrets",
    sa.UniqueConstraint("id"),
    sa.Index(None, "create_time", "uid"),
    sa.Index(None, "creator", "create_time", "uid"),
    # What a migration still has to move.
    sa.Index(None, "backend"),
    sa.CheckConstraint("scope IN ('SHARED', 'PRIVATE')", name="scope"),
)
@dataclass(slots=True)
class Secret(Row):
    """A secret without its values: those are in `backend`, and in `backup`, under `generation`.

    Each change of values is a new generation, so that what the row names is always whole.
    """

    resource_type: ClassVar[str] = "weft.dev/Secret"
    project: ClassVar[str] = ""

    uid: UUID
    id: str
    display_name: str
    description: str
    labels: dict[str, str]
    scope: str
    creator: str
    keys: list[str]
    generation: UUID
    backend: UUID
    backup: UUID | None
    create_time: datetime
    update_time: datetime
    revision: int = 0
    changes: int = 1
    # Ids of those whose runs read it for editors of no more than the project.
    projects: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"secrets/{self.id}"

    @property
    def is_shared(self) -> bool:
        return self.scope == SecretScope.SHARED

    def is_visible_to(self, subject: str) -> bool:
        return self.is_shared or self.creator == subject


@stored("secret_values")
@dataclass(slots=True)
class SecretValue(Row):
    """One generation of a secret's values in this database; its uid is the generation."""

    uid: UUID
    value: Sealed


@stored("secret_leftovers", sa.Index(None, "due_time"), sa.Index(None, "generation"))
@dataclass(slots=True)
class SecretLeftover(Row):
    """A generation to delete from a backend: replaced, or never committed.

    Written before a backend is, and removed by the commit that names the generation, unless it
    was doomed before: whoever deletes it says so first, and nobody names it any more.
    """

    uid: UUID
    secret: str
    generation: UUID
    backend: UUID
    is_doomed: bool
    due_time: datetime

    @property
    def name(self) -> str:
        return f"secrets/{self.secret}"


@stored("secret_backends")
@dataclass(slots=True)
class SecretBackend(Row):
    """An external store; `credentials` are the fields of its settings that nobody reads again."""

    uid: UUID
    kind: str
    config: dict[str, Any]
    credentials: Sealed


@stored("secret_stores")
@dataclass(slots=True)
class SecretStore(Row):
    """Where values are kept, and how moving them to `target` fares; absent until it is set."""

    uid: UUID
    backend: UUID
    update_time: datetime
    backup: UUID | None = None
    target: UUID | None = None
    moved: int = 0
    problem: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    changes: int = 0

    @property
    def destination(self) -> UUID:
        """Where new values go."""
        return self.backend if self.target is None or self.end_time else self.target


@stored(
    "run_secrets",
    sa.ForeignKeyConstraint(["project", "run"], ["runs.project", "runs.id"]),
    key=("project", "run", "secret"),
)
@dataclass(slots=True)
class RunSecret(Row):
    """That a run was given a secret: written before it gets it, and kept for as long as it."""

    project: str
    run: str
    secret: str
