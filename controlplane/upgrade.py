"""The database brought to this version: by every start, and by `python -m controlplane migrate`."""

from pathlib import Path

from controlplane.config import Settings
from controlplane.store.schema import Base
from meshkit.migrations import migrate

MIGRATIONS = Path(__file__).parent / "migrations"


async def upgrade(settings: Settings) -> None:
    """Runs the migrations that are missing; DatabaseTooNewError."""
    await migrate(settings.database, MIGRATIONS, Base.metadata)
