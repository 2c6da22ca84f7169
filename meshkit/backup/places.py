"""Where backups lie: in a directory of this host, or in an object store, beside each other."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from meshkit.backup import archive
from meshkit.backup.archive import MANIFEST, BackupError, Manifest, Parts
from meshkit.backup.bucket import Bucket


class Folder(Protocol):
    """What holds backups, by their names. Every method raises BackupError."""

    uri: str

    async def write(self, parts: Parts, name: str) -> Manifest:
        """Writes a backup of a server, which may be running: it is there whole, or not at all."""
        ...

    async def restore(self, parts: Parts, name: str) -> Manifest:
        """Restores a backup into an empty data directory and an empty database."""
        ...

    async def found(self) -> dict[str, Manifest | None]:
        """The backups by their names; None for one that is not whole."""
        ...

    async def remove(self, name: str) -> None:
        """Removes a backup, or what there is of one."""
        ...


class Directory:
    """Backups beside each other in a directory of this host."""

    def __init__(self, path: Path) -> None:
        self.uri = str(path)
        self._path = path

    async def write(self, parts: Parts, name: str) -> Manifest:
        return await archive.write(parts, self._path / name)

    async def restore(self, parts: Parts, name: str) -> Manifest:
        return await archive.restore(parts, self._path / name)

    async def found(self) -> dict[str, Manifest | None]:
        try:
            places = sorted(self._path.iterdir())
        except OSError as error:
            raise BackupError(f"{self._path} cannot be read: {error}") from error
        whole = {it.name: Manifest.read(it) for it in places if (it / MANIFEST).is_file()}
        partial = [it.name for it in places if it.name.endswith(archive.PARTIAL)]
        return {**whole, **dict.fromkeys(partial)}

    async def remove(self, name: str) -> None:
        # What makes it whole goes first: half a backup is none.
        (self._path / name / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self._path / name)


@dataclass(frozen=True, slots=True)
class Place:
    """A backup's name, and the folder that it is in."""

    folder: Folder
    name: str

    @property
    def told(self) -> str:
        return f"{self.folder.uri}/{self.name}"


def folder_at(text: str, options: Mapping[str, str] | None = None) -> Folder:
    """The folder at a path or `s3://bucket/prefix`, `gs://...`, `az://...`. Raises BackupError.

    `options` are those of obstore; what they do not say, the environment does.
    """
    return Bucket(text, options) if "://" in text else Directory(Path(text).absolute())


def place_at(text: str, options: Mapping[str, str] | None = None) -> Place:
    """The place at a path or address, whose last part is the backup's name. Raises BackupError."""
    folder, _, name = text.rstrip("/").rpartition("/")
    if "://" in text and (not name or folder.endswith("/")):
        raise BackupError(f"{text} names no backup: give it one, as in {text.rstrip('/')}/NAME")
    if "://" in text:
        return Place(folder_at(folder, options), unquote(name))
    path = Path(text).absolute()
    return Place(Directory(path.parent), path.name)


async def take(parts: Parts, place: Place) -> Manifest:
    """Writes a backup, and tells the server of it once it is whole. Raises BackupError."""
    manifest = await place.folder.write(parts, place.name)
    archive.note(parts, manifest)
    return manifest


async def keep_newest(place: Place, manifest: Manifest, count: int) -> list[str]:
    """Removes what is older than the newest `count` backups; the names of what was removed.

    Only of the same history of the same server: other servers' backups in the folder, and those
    from before the server was itself restored, are not counted and stay. Raises BackupError.
    """
    found = await place.folder.found()
    others = [
        (it.revision, it.time, name)
        for name, it in found.items()
        if it and it.epoch == manifest.epoch and name != place.name
    ]
    surplus = [name for _, _, name in sorted(others, reverse=True)[count - 1 :]]
    for name in surplus:
        await place.folder.remove(name)
    return surplus
