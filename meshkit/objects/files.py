"""Objects in a folder of this machine, or of a mounted file system."""

import asyncio
import io
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TypeVar
from urllib.parse import quote

from meshkit.objects.keys import checked
from meshkit.objects.port import ObjectDeniedError, ObjectInfo, ObjectMissingError
from meshkit.objects.port import ObjectStoreError as Failed

T = TypeVar("T")

_PIECE_BYTES = 1 << 20
_STAGED = ".staged-"


class FileStore:
    """An ObjectStore whose objects are files. It follows no symbolic link out of its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self.root = f"file://{quote(str(self._folder))}"

    async def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        await _run(lambda: _write(self._inside(path), io.BytesIO(data), os.replace))

    async def create(self, key: str, data: bytes) -> bool:
        path = self._path(key)
        try:
            # A link, unlike a rename, never takes the place of what is there.
            await _run(lambda: _write(self._inside(path), io.BytesIO(data), os.link))
        except FileExistsError:
            return False
        return True

    async def upload(self, key: str, source: Path) -> None:
        path = self._path(key)

        def copy() -> None:
            with source.open("rb") as file:
                _write(self._inside(path), file, os.replace)

        await _run(copy)

    async def get(self, key: str, *, offset: int = 0, length: int | None = None) -> bytes:
        path = self._path(key)
        return await _run(lambda: self._read(path, offset, length))

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        offset = 0
        while piece := await self.get(key, offset=offset, length=_PIECE_BYTES):
            offset += len(piece)
            yield piece

    async def head(self, key: str) -> ObjectInfo | None:
        path = self._path(key)
        try:
            return await _run(lambda: self._info(path))
        except ObjectMissingError:
            return None

    async def list(self, folder: str = "") -> AsyncIterator[ObjectInfo]:
        top = self._path(folder) if folder else self._folder
        for info in await _run(lambda: sorted(self._below(top), key=lambda found: found.key)):
            yield info

    async def delete(self, keys: Sequence[str]) -> None:
        paths = [self._path(key) for key in keys]
        await _run(lambda: self._remove(paths))

    async def sign(self, key: str, *, lifetime: timedelta) -> str:  # noqa: ARG002 - the port's
        return ""

    def _path(self, key: str) -> Path:
        return self._folder.joinpath(*checked(key).split("/"))

    def _inside(self, path: Path) -> Path:
        """The path itself where nothing on its way leads out of the folder."""
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise ObjectDeniedError(f"{path.name} is a link out of the store")
        return path

    def _read(self, path: Path, offset: int, length: int | None) -> bytes:
        with self._inside(path).open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def _info(self, path: Path) -> ObjectInfo:
        known = self._inside(path).stat()
        if not path.is_file():
            raise ObjectMissingError(f"{path.name} is no file")
        key = path.relative_to(self._folder).as_posix()
        return ObjectInfo(key, known.st_size, datetime.fromtimestamp(int(known.st_mtime), UTC))

    def _below(self, top: Path) -> Iterator[ObjectInfo]:
        for folder, _folders, names in os.walk(top):
            for name in names:
                path = Path(folder, name)
                if not name.startswith(_STAGED) and not path.is_symlink():
                    yield self._info(path)

    def _remove(self, paths: Sequence[Path]) -> None:
        for path in paths:
            with suppress(FileNotFoundError, ObjectMissingError):
                self._inside(path.parent)
                path.unlink()
            # Folders are no objects: one that holds none any more goes too.
            with suppress(OSError):
                for parent in path.parents:
                    if parent == self._folder:
                        break
                    parent.rmdir()


def _write(path: Path, data: IO[bytes], place: Callable[[str, Path], None]) -> None:
    """Writes beside the place and puts it there whole, so that nobody reads a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, staged = tempfile.mkstemp(prefix=_STAGED, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(data, file)
            file.flush()
            os.fsync(file.fileno())
        place(staged, path)
        _sync_folder(path.parent)
    finally:
        Path(staged).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _run(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise ObjectMissingError(f"{Path(str(error.filename)).name} does not exist") from error
    except PermissionError as error:
        raise ObjectDeniedError(str(error)) from error
    except FileExistsError:
        raise
    except OSError as error:
        raise Failed(str(error)) from error
