"""`backup TO`, `restore FROM` and `list FOLDER` as every server's own program has them."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from meshkit.backup.archive import Manifest, Parts
from meshkit.backup.places import folder_at, keep_newest, place_at, take

EXIT_FAILED = 1
EXIT_CONFIG = 78


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds the commands; `add` is add_parser of argparse. A place is a path or an address."""
    backup = add("backup", help="write a backup into a new place; the server may run")
    backup.add_argument("place")
    backup.add_argument("--keep", type=_count, help="then remove what is older than the newest N")
    restore = add("restore", help="restore a backup into an empty data directory and database")
    restore.add_argument("place")
    found = add("list", help="print the backups in a folder")
    found.add_argument("place")
    found.add_argument("--output", choices=("text", "json"), default="text")


def run_to_end(main: Callable[[], int]) -> NoReturn:
    """Ends the process with the code that the program gives, without taking Python down.

    Threads of obstore let go of what they were given a moment after the answer is there. Where
    Python is being taken down by then, it aborts, and a backup that is whole would look failed.
    """
    try:
        code: object = main()
    except SystemExit as said:
        code = said.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else EXIT_FAILED)


async def run(parts: Parts, arguments: argparse.Namespace) -> str:
    """Does one of them; lines that say what was done or found. Raises BackupError.

    Whoever is told to end tidies up first: half a backup holds keys, too.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if arguments.command == "backup":
        return await _backup(parts, arguments.place, arguments.keep)
    if arguments.command == "restore":
        place = place_at(arguments.place)
        manifest = await place.folder.restore(parts, place.name)
        return f"restored {_amount(manifest)}, as of {manifest.time}\n"
    return await _list(arguments.place, is_json=arguments.output == "json")


async def _backup(parts: Parts, text: str, keep: int | None) -> str:
    place = place_at(text)
    manifest = await take(parts, place)
    # Said at once: the backup is there, also where what follows fails.
    sys.stdout.write(f"{place.told}: {_amount(manifest)}\n")
    sys.stdout.flush()
    removed = await keep_newest(place, manifest, keep) if keep else []
    return "".join(f"removed {place.folder.uri}/{name}\n" for name in removed)


async def _list(text: str, *, is_json: bool) -> str:
    folder = folder_at(text)
    found = (await folder.found()).items()
    if is_json:
        return json.dumps([_plain(name, it) for name, it in found], indent=2) + "\n"
    return "".join(
        f"{folder.uri}/{name}: {f'{_amount(it)}, as of {it.time}' if it else 'not whole'}\n"
        for name, it in found
    )


def _plain(name: str, manifest: Manifest | None) -> dict[str, str | int | bool]:
    if manifest is None:
        return {"name": name, "whole": False}
    return {
        "name": name,
        "whole": True,
        "time": manifest.time,
        "revision": manifest.revision,
        "schema": manifest.schema,
        "rows": sum(manifest.rows.values()),
    }


def _amount(manifest: Manifest) -> str:
    rows = sum(manifest.rows.values())
    files = sum(name.startswith("files/") for name in manifest.files)
    return f"{rows} rows and {files} files, at revision {manifest.revision}"


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count
