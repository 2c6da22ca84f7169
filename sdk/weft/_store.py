"""Where artifacts are: directories of files in a local folder or in an object store.

An artifact is written beside its place and moved there whole, so that a reader never finds half of
one. Its hash is the SHA-256 of lines `<sha256 of a file>  <path of the file>`, sorted by path: what
`sha256sum` prints.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, unquote, urlsplit

from weft.errors import ArtifactCorruptedError, ArtifactStoreError

if TYPE_CHECKING:
    from weft._objects import Access

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Place:
    """The address of an artifact inside a store.

    Raises:
        ArtifactStoreError: A part could leave the store's folder, or is empty.
    """

    project: str
    run: str
    step: str
    attempt: int
    output: str

    def __post_init__(self) -> None:
        for part in self.parts:
            if not _PART.fullmatch(part):
                raise ArtifactStoreError(f"{part!r} cannot be part of an artifact's path")

    @property
    def parts(self) -> tuple[str, ...]:
        """Folders from the root down."""
        return (self.project, self.run, self.step, str(self.attempt), self.output)


@dataclass(slots=True)
class Staged:
    """A directory to fill; the rest is known once it has been published."""

    directory: Path
    uri: str = ""
    content_hash: str = ""
    size_bytes: int = 0
    files: list[str] = field(default_factory=list)


class ArtifactStore(Protocol):
    """Keeps artifacts under one root."""

    root: str

    def write(self, place: Place) -> Any:
        """Give a context: `Staged` to fill; leaving it without an error publishes the artifact."""

    def read(self, uri: str, content_hash: str) -> Any:
        """Give a context: the local directory of an artifact, its hash checked."""

    def exists(self, uri: str) -> bool:
        """Whether the artifact is there."""


def open_store(root: str, access: Access | None = None) -> ArtifactStore:
    """Open the store at a path, or at a `file://`, `s3://`, `gs://` or `az://` URI.

    `access` says how an object store is reached; without it the environment does.
    """
    scheme = urlsplit(root).scheme
    if scheme in {"", "file"}:
        return LocalStore(Path(unquote(urlsplit(root).path) if scheme else root))
    return BucketStore(root.rstrip("/"), access)


class LocalStore:
    """Artifacts in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self.root = f"file://{quote(str(self._folder))}"

    @contextmanager
    def write(self, place: Place) -> Iterator[Staged]:
        """Stage beside the final place, so that publishing is one rename."""
        target = self._folder.joinpath(*place.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{place.output}-", dir=target.parent))
        try:
            staged = Staged(staging)
            yield staged
            _describe(staged)
            _sync(staging, staged.files)
            _replace(staging, target)
            staged.uri = "/".join([self.root, *map(quote, place.parts)])
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    @contextmanager
    def read(self, uri: str, content_hash: str) -> Iterator[Path]:
        """Give the artifact's own directory."""
        directory = self._path(uri)
        if not directory.is_dir():
            raise ArtifactStoreError(f"{uri} is gone")
        _check(directory, content_hash, uri)
        yield directory

    def exists(self, uri: str) -> bool:
        """Whether the artifact is there; one of another store is not."""
        return uri.startswith(f"{self.root}/") and self._path(uri).is_dir()

    def _path(self, uri: str) -> Path:
        parts = _parts_below(self.root, uri)
        return self._folder.joinpath(*parts)


class BucketStore:
    """Artifacts in an object store."""

    def __init__(self, root: str, access: Access | None = None) -> None:
        from weft._objects import Bucket

        self.root = root
        self.access = access
        self._bucket = Bucket(root, access)

    @contextmanager
    def write(self, place: Place) -> Iterator[Staged]:
        """Stage on local disk, then upload; a version is known only once all of it is there."""
        with tempfile.TemporaryDirectory(prefix="weft-") as folder:
            staged = Staged(Path(folder) / place.output)
            staged.directory.mkdir()
            yield staged
            _describe(staged)
            target = "/".join(place.parts)
            # The same attempt again, as in `_replace`.
            self._bucket.delete(self._bucket.keys(target))
            for file in staged.files:
                self._bucket.put(f"{target}/{file}", staged.directory / file)
            staged.uri = "/".join([self.root, *map(quote, place.parts)])

    @contextmanager
    def read(self, uri: str, content_hash: str) -> Iterator[Path]:
        """Give a local copy that lives as long as the context."""
        source = self._key(uri)
        with tempfile.TemporaryDirectory(prefix="weft-") as folder:
            keys = self._bucket.keys(source)
            if not keys:
                raise ArtifactStoreError(f"{uri} is gone")
            for key in keys:
                local = Path(folder).joinpath(*_relative(key, source))
                local.parent.mkdir(parents=True, exist_ok=True)
                self._bucket.fetch(key, local)
            _check(Path(folder), content_hash, uri)
            yield Path(folder)

    def exists(self, uri: str) -> bool:
        """Whether the artifact is there; one of another store is not."""
        return uri.startswith(f"{self.root}/") and bool(self._bucket.keys(self._key(uri)))

    def _key(self, uri: str) -> str:
        return "/".join(_parts_below(self.root, uri))


def hash_files(directory: Path, files: list[str]) -> str:
    """Give the hash of an artifact over its files, named relative to the directory."""
    lines = [f"{hash_file(directory / file)}  {file}\n" for file in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def hash_file(path: Path) -> str:
    """Give the SHA-256 of one file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of(directory: Path) -> list[str]:
    """List files relative to a directory, sorted; `/` separates.

    Raises:
        ArtifactStoreError: There is a symbolic link, which could point outside.
    """
    found = []
    for folder, folders, names in os.walk(directory):
        for name in [*folders, *names]:
            if (path := Path(folder, name)).is_symlink():
                raise ArtifactStoreError(f"{path} is a symbolic link; artifacts hold real files")
        found += [Path(folder, name).relative_to(directory).as_posix() for name in names]
    return sorted(found)


def _describe(staged: Staged) -> None:
    staged.files = files_of(staged.directory)
    staged.content_hash = hash_files(staged.directory, staged.files)
    staged.size_bytes = sum((staged.directory / file).stat().st_size for file in staged.files)


def _check(directory: Path, content_hash: str, uri: str) -> None:
    if hash_files(directory, files_of(directory)) != content_hash:
        raise ArtifactCorruptedError(f"{uri} is not what was stored: its hash differs")


def _sync(directory: Path, files: list[str]) -> None:
    for path in [*(directory / file for file in files), directory]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _replace(staging: Path, target: Path) -> None:
    staging.chmod(0o755)  # mkdtemp makes it private; the store's folder decides who may read
    if target.exists():  # the same attempt again, after a crash between publishing and reporting
        shutil.rmtree(target)
    staging.rename(target)


def _parts_below(root: str, uri: str) -> list[str]:
    if not uri.startswith(f"{root}/"):
        raise ArtifactStoreError(f"{uri} is not in the artifact store {root}")
    parts = [unquote(part) for part in uri[len(root) + 1 :].split("/")]
    if not all(_PART.fullmatch(part) for part in parts):
        raise ArtifactStoreError(f"{uri} is no address of an artifact")
    return parts


def _relative(remote: str, source: str) -> list[str]:
    _, found, path = remote.partition(source.lstrip("/") + "/")
    parts = path.split("/")
    if not found or {"", ".", ".."} & set(parts):
        raise ArtifactStoreError(f"{remote} is outside {source}")
    return parts
