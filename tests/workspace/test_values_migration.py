"""What was there before lists were led by values: the migration keeps what the store would."""

import importlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from meshkit.clock import SystemClock
from meshkit.session import Session
from tests.templates import WORKSPACE
from tests.workspace.listing_rows import NOW, P, on
from workspace.store import values
from workspace.store.base import Row, insert
from workspace.store.schema import Project, Run
from workspace.store.schema_artifacts import Artifact, ArtifactVersion
from workspace.store.schema_models import Model, ModelVersion
from workspace.store.schema_snapshots import Snapshot
from workspace.store.schema_values import ListedValue

MIGRATION = importlib.import_module("workspace.migrations.versions.0026_values")
LABELS = {"team": "vision", "empty": ""}
METADATA = {"f1": 0.9, "n": 3, "ok": True, "none": None, "tried": [1], "long": "x" * 300}


def rows() -> list[Row]:
    """One of each kind, with everything that its maps can hold."""
    by, at = "users/1", NOW + timedelta(microseconds=5)
    run = Run(UUID(int=1), P, "run", "", "", by, "SDK", at, at, LABELS)
    run.metadata = METADATA
    artifact = Artifact(UUID(int=2), P, "table", by, at, at, 1)
    artifact.labels, artifact.metadata = LABELS, METADATA
    version = ArtifactVersion(
        UUID(int=3), P, "table", 1, "DATA", *[""] * 4, 1, *[""] * 3, {}, False, {}, by, at
    )
    version.labels, version.metadata = LABELS, METADATA
    model = Model(UUID(int=4), P, "fraud", "", "", by, at, at)
    scored = ModelVersion(UUID(int=5), model.uid, P, "fraud", 1, "", "", by, at, at)
    scored.labels, scored.metadata = LABELS, METADATA
    snapshot = Snapshot(UUID(int=6), P, "snap", "train", by, at, at, [], {})
    snapshot.labels = LABELS
    project = Project(UUID(int=7), P, "", "", {}, by, at, at)
    return [project, run, artifact, version, model, scored, snapshot]


def compare(connection: sa.Connection) -> tuple[set[Any], set[Any]]:
    """The values as the store keeps them, and as the migration finds them."""
    table = ListedValue.__table__
    session = Session(connection, SystemClock())
    made = rows()
    for row in made:
        insert(session, [row])
    values.add(session, [row for row in made if not isinstance(row, Project | Model)])
    kept = set(map(tuple, connection.execute(sa.select(table))))
    connection.execute(table.delete())
    with Operations.context(MigrationContext.configure(connection)):
        MIGRATION._take_over(table)
    return kept, set(map(tuple, connection.execute(sa.select(table))))


async def test_what_was_there_is_found_after_the_migration(database_url: str) -> None:
    WORKSPACE.fill(database_url)
    kept, found = await on(database_url, compare)
    # Versions stand in two lists each; snapshots have labels alone.
    assert len(kept) == 6 * 7 + 2
    assert found == kept
