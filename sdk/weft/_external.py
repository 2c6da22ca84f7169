"""Data that lies elsewhere and stays there: an artifact points to it, and knows what it was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from weft._copies import new_folder
from weft._objects import Bucket, local_path
from weft._store import files_of, hash_file, hash_files
from weft.errors import ArtifactCorruptedError, ArtifactStoreError

# Copies of this process, by what they are copies of.
_copies: dict[External, Path] = {}


@dataclass(frozen=True, slots=True)
class External:
    """A file, object or folder at a URI, as it was when somebody looked at it.

    Attributes:
        uri: `s3://`, `gs://`, `az://`, `file://`, or a path that every machine has.
        size_bytes: Of all its files.
        version: What changes with it: a digest over sizes and the store's own tags or times.
        sha256: Over its content, in hex, where that was asked for or is known: of a file its own,
            of a folder as of an artifact's files (see `weft._store`). "" otherwise.
    """

    # Its fields are no outputs of their own.
    IS_ONE_OUTPUT: ClassVar[bool] = True

    uri: str
    size_bytes: int
    version: str
    sha256: str = ""

    def path(self) -> Path:
        """Give its files on this machine: the place itself, else a copy for this process.

        Raises:
            ArtifactCorruptedError: It is not what it was.
            ArtifactStoreError: It is gone, or the store refuses.
        """
        found = _Place.at(self.uri)
        if _version(found.entries) != self.version:
            raise ArtifactCorruptedError(
                f"{self.uri} has changed since it was looked at: call weft.external() again"
            )
        if self not in _copies or not _copies[self].exists():
            path = found.fetch()
            if self.sha256 and _digest(path) != self.sha256:
                raise ArtifactCorruptedError(f"{self.uri} is not what its digest says")
            _copies[self] = path
        return _copies[self]


def external(uri: str | Path, *, digest: bool = False, sha256: str = "") -> External:
    """Look at data that lies elsewhere, so that it can be an artifact without being copied.

    The store is asked with the credentials of this process, as each cloud's own tools find them.
    Return it from a step, log it in `start_run`, or hand it to a step, which calls `path()`.

    Args:
        uri: A path, or a `file://`, `s3://`, `gs://` or `az://` URI of an object, a file, or of a
            folder.
        digest: Whether to read all of it, for a digest that `path()` checks.
        sha256: That digest, where it is known already.

    Raises:
        ArtifactStoreError: Nothing is there, or the store refuses.
    """
    said = str(uri) if local_path(str(uri)) is None else Path(local_path(str(uri)) or "").resolve()
    found = _Place.at(str(said))
    if digest and not sha256:
        fetched = found.fetch()
        sha256 = _digest(fetched)
    else:
        fetched = None
    size_bytes = sum(size for _, size, _ in found.entries)
    made = External(str(said), size_bytes, _version(found.entries), sha256)
    if fetched is not None:
        _copies[made] = fetched
    return made


@dataclass(frozen=True, slots=True)
class _Place:
    """What is at a URI now: names below it ("" for an object itself), sizes and tags."""

    uri: str
    entries: tuple[tuple[str, int, str], ...]

    @classmethod
    def at(cls, uri: str) -> _Place:
        path = local_path(uri)
        entries = _in_store(uri) if path is None else _on_disk(path)
        if not entries:
            raise ArtifactStoreError(f"nothing is at {uri}")
        return cls(uri, tuple(sorted(entries)))

    def fetch(self) -> Path:
        """Give the files on this machine."""
        if (path := local_path(self.uri)) is not None:
            return path
        bucket, name = _bucket_of(self.uri)
        target = new_folder() / name
        for below, _, _ in self.entries:
            local = target / below if below else target
            if not local.resolve().is_relative_to(target.parent.resolve()):
                raise ArtifactStoreError(f"{self.uri}/{below} is outside of its folder")
            local.parent.mkdir(parents=True, exist_ok=True)
            bucket.fetch(f"{name}/{below}" if below else name, local)
        return target


def _on_disk(path: Path) -> list[tuple[str, int, str]]:
    if path.is_file():
        return [_stat("", path)]
    return [_stat(name, path / name) for name in files_of(path)] if path.is_dir() else []


def _stat(name: str, path: Path) -> tuple[str, int, str]:
    found = path.stat()
    return name, found.st_size, str(found.st_mtime_ns)


def _in_store(uri: str) -> list[tuple[str, int, str]]:
    bucket, name = _bucket_of(uri)
    single = bucket.look(name)
    return [("", *single)] if single else bucket.below(name)


def _bucket_of(uri: str) -> tuple[Bucket, str]:
    folder, _, name = uri.rstrip("/").rpartition("/")
    if folder.endswith(("/", ":")):
        raise ArtifactStoreError(f"{uri} is a whole bucket: name something in it")
    return Bucket(folder), name


def _version(entries: Iterable[tuple[str, int, str]]) -> str:
    lines = "".join(f"{size} {tag} {name}\n" for name, size, tag in entries)
    return hashlib.sha256(lines.encode()).hexdigest()


def _digest(path: Path) -> str:
    return hash_files(path, files_of(path)) if path.is_dir() else hash_file(path)
