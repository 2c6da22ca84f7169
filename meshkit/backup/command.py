"""`backup TO` and `restore FROM` as every server's own program has them."""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from meshkit.backup.archive import Manifest, Parts, backup, restore

EXIT_FAILED = 1
EXIT_CONFIG = 78


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds the two commands, each with a directory; `add` is add_parser of argparse."""
    for name, told in (
        ("backup", "write a backup into a new directory; the server may run"),
        ("restore", "restore a backup into an empty data directory and database"),
    ):
        command = add(name, help=told)
        command.add_argument("directory", type=Path)


async def run(parts: Parts, command: str, directory: Path) -> str:
    """Does one of them; a line that says what was done. Raises BackupError.

    Whoever is told to end tidies up first: half a backup holds keys, too.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    work = backup if command == "backup" else restore
    manifest = await work(parts, directory)
    return _told(command, directory, manifest)


def _told(command: str, directory: Path, manifest: Manifest) -> str:
    rows = sum(manifest.rows.values())
    files = sum(name.startswith("files/") for name in manifest.files)
    what = f"{rows} rows and {files} files, at revision {manifest.revision}"
    if command == "backup":
        return f"{directory}: {what}\n"
    return f"restored {what}, as of {manifest.time}\n"
