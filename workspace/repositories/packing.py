"""Makes of a host's archive the one that runners take: plain files alone, the same every time.

What an archive says of itself is a stranger's word. Nothing of it is written to disk under a name
from it, nothing is read further than is taken, and no header is larger than headers are.
"""

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, cast

from workspace.repositories.model import Tarball

# As much as `weft run` sends and a runner takes.
MAX_PACKED_BYTES = 64 << 20
MAX_UNPACKED_BYTES = 256 << 20
MAX_FILES = 50_000
# All that a host may have an archive unpack to, the parts that nobody wants included.
_MAX_READ_BYTES = 1 << 30
_MAX_HEADER_BYTES = 1 << 20
_LONG = frozenset(
    {
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    }
)


class PackingError(Exception):
    """The archive cannot be taken; says why."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive as runners take it."""

    data: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class _File:
    """A plain file in a host's archive."""

    name: str
    size: int
    is_executable: bool
    content: IO[bytes]


class _Source(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Member(tarfile.TarInfo):
    """An entry whose headers are looked at before they are read into memory."""

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in _LONG and self.size > _MAX_HEADER_BYTES:
            raise PackingError("an entry's name is longer than any may be")
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise PackingError("it holds a sparse file, which hosts of code do not make")
        return super()._proc_member(archive)  # type: ignore[misc]

    def _refuse_sparse(self, *_: Any) -> Any:
        raise PackingError("it holds a sparse file, which hosts of code do not make")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse_sparse


class _Bounded:
    """A stream that ends in an error where it grows too large."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._left = _MAX_READ_BYTES

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise PackingError("it unpacks to more than any archive may")
        return data


def pack(tarball: Tarball, directory: str) -> Packed:
    """The files below a directory, as one archive; PackingError."""
    try:
        with tarball.file.open("rb") as file:
            return _packed(_files(file, tarball.depth, directory), tarball.file.parent)
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as error:
        raise PackingError("what the host sent is no whole archive") from error


def _files(file: IO[bytes], depth: int, directory: str) -> Iterator[_File]:
    """The files that are wanted, each to be read before the next."""
    is_zipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    source: Any = gzip.GzipFile(fileobj=file) if is_zipped else file
    wanted = [part for part in directory.split("/") if part]
    stream = cast("IO[bytes]", _Bounded(source))
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as archive:
        for member in archive:
            parts = _parts(member.name)[depth:]
            # Links are left out as `weft run` leaves them out: they could lead anywhere.
            if not member.isreg() or parts[: len(wanted)] != wanted or len(parts) == len(wanted):
                continue
            content = archive.extractfile(member)
            assert content
            name = "/".join(parts[len(wanted) :])
            yield _File(name, member.size, bool(member.mode & 0o100), content)


def _parts(name: str) -> list[str]:
    parts = name.rstrip("/").split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise PackingError("it holds a name that leads out of it")
    return parts


def _packed(files: Iterator[_File], folder: Path) -> Packed:
    place = folder / "packed.tar.gz"
    total = count = 0
    with (
        place.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|") as archive,
    ):
        for found in files:
            entry = tarfile.TarInfo(found.name)
            entry.size = found.size
            total, count = total + entry.size, count + 1
            if total > MAX_UNPACKED_BYTES or count > MAX_FILES:
                raise PackingError("it has more files, or larger ones, than a snapshot takes")
            entry.mode = 0o755 if found.is_executable else 0o644
            archive.addfile(entry, found.content)
            if file.tell() > MAX_PACKED_BYTES:
                break
    if not count:
        raise PackingError("there are no files at this place")
    if place.stat().st_size > MAX_PACKED_BYTES:
        raise PackingError("it has more files, or larger ones, than a snapshot takes")
    data = place.read_bytes()
    return Packed(data, hashlib.sha256(data).hexdigest())
