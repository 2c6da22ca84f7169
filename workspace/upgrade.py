"""The database brought to this version: by every start, and by `python -m workspace migrate`."""

from pathlib import Path

from meshkit.migrations import migrate
from workspace.config import WorkspaceSettings
from workspace.store.base import metadata

MIGRATIONS = Path(__file__).parent / "migrations"


async def upgrade(settings: WorkspaceSettings) -> None:
    """Runs the migrations that are missing; DatabaseTooNewError."""
    await migrate(settings.database, MIGRATIONS, metadata)
