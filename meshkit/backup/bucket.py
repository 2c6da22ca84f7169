"""Backups in an object store: the files of the directory, each an object below the backup's name.

They are written and checked here first. The manifest is uploaded last, so that what has one is
whole; until then an object says that somebody writes there.
"""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO

from meshkit.backup import archive
from meshkit.backup.archive import MANIFEST, BackupError, Manifest, Parts
from meshkit.objects import open_store
from meshkit.objects.port import ObjectMissingError, ObjectStore, ObjectStoreError

_UNFINISHED = "unfinished"
_AT_ONCE = 8


class Bucket:
    """Backups beside each other in a bucket, or below a prefix of one."""

    def __init__(self, uri: str, options: Mapping[str, str] | None = None) -> None:
        self.uri = uri.rstrip("/")
        with _told(self.uri):
            self._store = open_store(self.uri, options)

    async def write(self, parts: Parts, name: str) -> Manifest:
        """Writes a backup; what fails leaves none. Raises BackupError."""
        with _told(self.uri), tempfile.TemporaryDirectory(prefix="weft-backup-") as scratch:
            await self._begin(name)
            try:
                staged = Path(scratch, "backup")
                manifest = await archive.write(parts, staged)
                await self._upload(name, staged, manifest)
            except BaseException:
                # What cannot be removed is listed as not whole.
                with suppress(BackupError):
                    await self.remove(name)
                raise
            await self._store.delete([f"{name}/{_UNFINISHED}"])
        return manifest

    async def restore(self, parts: Parts, name: str) -> Manifest:
        """Fetches a backup, checks it, and restores it. Raises BackupError."""
        with tempfile.TemporaryDirectory(prefix="weft-backup-") as scratch:
            with _told(f"{self.uri}/{name}"):
                manifest = await self._manifest(name)
                await _each(
                    _download(self._store, f"{name}/{file}", Path(scratch, file))
                    for file in [*manifest.files, MANIFEST]
                )
            return await archive.restore(parts, Path(scratch))

    async def found(self) -> dict[str, Manifest | None]:
        """The backups by their names; None for one that is not whole."""
        seen: dict[str, Manifest | None] = {}
        with _told(self.uri):
            async for info in self._store.list():
                name, _, file = info.key.partition("/")
                if file in (MANIFEST, _UNFINISHED) and seen.get(name) is None:
                    seen[name] = await self._manifest(name) if file == MANIFEST else None
        return seen

    async def remove(self, name: str) -> None:
        """Removes a backup, or what there is of one; what makes it whole goes first."""
        with _told(self.uri):
            await self._store.delete([f"{name}/{MANIFEST}"])
            keys = [info.key async for info in self._store.list(name)]
            await self._store.delete(keys)

    async def _begin(self, name: str) -> None:
        """Takes the name, of which nothing may be there."""
        there = anext(aiter(self._store.list(name)), None)
        if await there or not await self._store.create(f"{name}/{_UNFINISHED}", b""):
            raise BackupError(f"{self.uri}/{name} exists: name a new place")

    async def _upload(self, name: str, staged: Path, manifest: Manifest) -> None:
        files = manifest.files
        await _each(self._store.upload(f"{name}/{file}", staged / file) for file in files)
        await self._store.upload(f"{name}/{MANIFEST}", staged / MANIFEST)

    async def _manifest(self, name: str) -> Manifest:
        try:
            data = await self._store.get(f"{name}/{MANIFEST}")
        except ObjectMissingError as error:
            raise BackupError(
                f"{self.uri}/{name} holds no whole backup: `weft admin backups {self.uri}` says "
                "what is there"
            ) from error
        return Manifest.parse(data, f"{self.uri}/{name}")


async def _download(store: ObjectStore, key: str, target: Path) -> None:
    """For us alone, as keys are; the store refuses what would lead out of the directory."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # What is missing has another hash than the manifest says, and is told with all that is so.
    with suppress(ObjectMissingError), _private(target) as file:
        async for piece in store.stream(key):
            file.write(piece)


def _private(path: Path) -> IO[bytes]:
    return open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))


async def _each(works: Iterable[Awaitable[None]]) -> None:
    """Does some at a time; where one fails, the others end before it is said."""
    waiting = iter(works)
    while some := list(islice(waiting, _AT_ONCE)):
        for answer in await asyncio.gather(*some, return_exceptions=True):
            if answer is not None:
                raise answer


@contextmanager
def _told(place: str) -> Iterator[None]:
    """What the store refuses, with what to do about it."""
    try:
        yield
    except ObjectStoreError as error:
        raise BackupError(
            f"{place}: {error}. The bucket must exist, and the environment (AWS_..., GOOGLE_..., "
            "AZURE_...) or the machine have credentials to list, read, write and delete there"
        ) from error
