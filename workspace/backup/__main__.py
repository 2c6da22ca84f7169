"""`python -m workspace.backup`: by the operator, with the settings of the server that it is of."""

import argparse
import asyncio
import sys
from pathlib import Path

import sqlalchemy as sa

from meshkit.config import ConfigError
from workspace.backup.archive import BackupError, Manifest, backup, restore
from workspace.backup.checks import check
from workspace.config import WorkspaceSettings

MIGRATIONS = Path(__file__).parents[1] / "migrations"
_EXIT_FOUND = 1
_EXIT_CONFIG = 78


def main() -> int:
    """Runs one command; the exit code."""
    arguments = _arguments()
    try:
        settings = WorkspaceSettings.load()
    except ConfigError as error:
        sys.stderr.write(f"workspace: {error}\n")
        return _EXIT_CONFIG
    try:
        return asyncio.run(_run(settings, arguments))
    except (BackupError, OSError, sa.exc.SQLAlchemyError) as error:
        sys.stderr.write(f"{error}\n")
        return _EXIT_FOUND


async def _run(settings: WorkspaceSettings, arguments: argparse.Namespace) -> int:
    if arguments.command == "check":
        found = await check(settings.database)
        sys.stdout.write("".join(f"{finding}\n" for finding in found) or "nothing is wrong\n")
        return _EXIT_FOUND if found else 0
    work = backup if arguments.command == "backup" else restore
    manifest = await work(settings, arguments.directory, migrations=MIGRATIONS)
    sys.stdout.write(_told(arguments, manifest))
    return 0


def _told(arguments: argparse.Namespace, manifest: Manifest) -> str:
    rows = sum(manifest.rows.values())
    files = sum(name.startswith("files/") for name in manifest.files)
    what = f"{rows} rows and {files} files, at revision {manifest.revision}"
    if arguments.command == "backup":
        return f"{arguments.directory}: {what}\n"
    return f"restored {what}, as of {manifest.time}\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workspace.backup")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, told in (
        ("backup", "write a backup into a new directory; the server may run"),
        ("restore", "restore a backup into an empty data directory and database"),
    ):
        command = commands.add_parser(name, help=told)
        command.add_argument("directory", type=Path)
    commands.add_parser("check", help="look for what should never be in the database")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
