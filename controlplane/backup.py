"""`python -m controlplane.backup backup TO | restore FROM | list FOLDER`: as the server is set up.

A backup holds the keys of the certificate authority: who has it can be any service of the mesh.
"""

import argparse
import asyncio
import sys

import sqlalchemy as sa

from controlplane.config import Settings
from controlplane.store.schema import TABLES, Base
from controlplane.upgrade import MIGRATIONS
from meshkit.backup import command
from meshkit.backup.archive import BackupError, Parts
from meshkit.config import ConfigError


def parts(settings: Settings) -> Parts:
    """The database and the data directory, without what provisioned workspaces keep in it."""
    data = settings.data_dir.absolute()
    # As the provisioner has it; one of the two settings may be relative.
    workspaces = (settings.workspaces_dir or data / "workspaces").absolute()
    return Parts(
        settings.database,
        data,
        metadata=Base.metadata,
        mesh=TABLES,
        migrations=MIGRATIONS,
        left_out=frozenset({workspaces}),
    )


def main() -> int:
    """Runs one command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m controlplane.backup")
    command.add_commands(parser.add_subparsers(dest="command", required=True).add_parser)
    arguments = parser.parse_args()
    try:
        whole = parts(Settings.load())
    except ConfigError as error:
        sys.stderr.write(f"controlplane: {error}\n")
        return command.EXIT_CONFIG
    try:
        said = asyncio.run(command.run(whole, arguments))
    except (BackupError, OSError, sa.exc.SQLAlchemyError) as error:
        sys.stderr.write(f"{error}\n")
        return command.EXIT_FAILED
    sys.stdout.write(said)
    return 0


if __name__ == "__main__":
    command.run_to_end(main)
