"""What a workspace consists of, for a backup."""

from meshkit.backup.archive import Parts
from workspace.config import WorkspaceSettings
from workspace.store.base import metadata
from workspace.store.schema import MESH_TABLES
from workspace.store.schema_replicas import Replica
from workspace.upgrade import MIGRATIONS


def parts(settings: WorkspaceSettings) -> Parts:
    """The database and the data directory; the bytes of artifacts stay where they are."""
    return Parts(
        settings.database,
        settings.data_dir,
        metadata=metadata,
        mesh=MESH_TABLES,
        migrations=MIGRATIONS,
        left_out=frozenset({settings.data_dir / "artifacts"}),
        of_processes=frozenset({Replica.__table__.name}),
    )
