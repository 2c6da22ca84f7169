"""Writes a folder as a layer of an image; part of the program that pods are sent."""

from __future__ import annotations

import gzip
import hashlib
import stat
import tarfile
from pathlib import Path
from typing import IO, Any


def pack(root: Path, gone: list[str], into: IO[bytes]) -> tuple[str, str]:
    """Writes a layer, the same for the same files; gives its digest, and that of what is in it."""
    plain = _Hashed(None)
    packed = _Hashed(into)
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as zipped:
        plain.file = zipped
        with tarfile.open(fileobj=plain, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
            for path in sorted(root.rglob("*")):
                _add(tar, path, path.relative_to(root).as_posix())
            for each in gone:
                folder, _, name = each.rpartition("/")
                tar.addfile(_entry(f"{folder}/.wh.{name}"))
    return packed.digest, plain.digest


class _Hashed:
    """A file that is only written, and knows the digest of what was."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self._found = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._found.update(data)
        self.file.write(data)
        return len(data)

    def flush(self) -> None:
        self.file.flush()

    @property
    def digest(self) -> str:
        return f"sha256:{self._found.hexdigest()}"


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    entry = _entry(name)
    if path.is_symlink():
        entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
        tar.addfile(entry)
    elif path.is_dir():
        # Folders that the base has stay as they are there.
        if not Path("/", name).is_dir():
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
    else:
        entry.size = path.stat().st_size
        entry.mode = 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644
        with path.open("rb") as content:
            tar.addfile(entry, content)


def _entry(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o644
    return entry
