"""The directory of a backup: written whole or not at all, and restored only where nothing is."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from meshkit.backup import last, tables
from meshkit.backup.databases import snapshot, transaction
from meshkit.feed import read_head, renew_epoch
from meshkit.files import sync, sync_all
from meshkit.migrations import migrate
from meshkit.schema import MeshTables

FORMAT = 1
MANIFEST = "manifest.json"
# How the name of a directory ends while a backup is written into it.
PARTIAL = ".partial"
_PIECE_BYTES = 1 << 20
# Files of the data directory that are of this place alone.
_UNKEPT = (".lock", last.FILE)


class BackupError(Exception):
    """It cannot be done; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a server consists of, and where its migrations are; URLs and paths of this host."""

    database: str
    data_dir: Path
    metadata: sa.MetaData
    mesh: MeshTables
    migrations: Path
    left_out: frozenset[Path] = frozenset()
    """Directories in the data directory that are kept, and backed up, elsewhere."""
    of_processes: frozenset[str] = frozenset()
    """Tables of what processes say of themselves, beside leases."""

    @property
    def kept(self) -> list[sa.Table]:
        """The tables, each behind those that it refers to; what is of processes ends with them."""
        every = tables.ordered(self.metadata)
        unkept = self.of_processes | {self.mesh.leases.name}
        return [table for table in every if table.name not in unkept]

    @property
    def schemas(self) -> list[str]:
        """The schema revisions that this version knows, as the names of their files begin."""
        names = (path.stem for path in (self.migrations / "versions").glob("[0-9]*.py"))
        return sorted(name.partition("_")[0] for name in names)

    @property
    def newest(self) -> str:
        """The newest of them."""
        return self.schemas[-1]


@dataclass(slots=True)
class Manifest:
    """What a backup holds: rows by table, and the hash of every file of it."""

    schema: str
    revision: int
    time: str
    epoch: str = ""
    """Which history of the server it is of; a restored server begins another."""
    rows: dict[str, int] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def write(self, directory: Path) -> None:
        content = {name: getattr(self, name) for name in self.__slots__}
        text = json.dumps({"format": FORMAT, **content}, indent=1, sort_keys=True)
        (directory / MANIFEST).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, directory: Path) -> "Manifest":
        """BackupError where it is missing, or of a form that this version does not know."""
        try:
            data = (directory / MANIFEST).read_bytes()
        except OSError as error:
            raise BackupError(f"{directory} holds no whole backup: {error}") from error
        return cls.parse(data, str(directory))

    @classmethod
    def parse(cls, data: bytes, place: str) -> "Manifest":
        """What the manifest at a place says. BackupError, as of `read`."""
        try:
            content: dict[str, Any] = json.loads(data)
        except ValueError as error:
            raise BackupError(f"{place} holds no whole backup: {error}") from error
        if content.pop("format", None) != FORMAT:
            raise BackupError(f"{place} was written by another version of Weft")
        return cls(**content)


async def backup(parts: Parts, target: Path) -> Manifest:
    """Writes a backup of a server, which may be running. Raises BackupError."""
    manifest = await write(parts, target)
    note(parts, manifest)
    return manifest


async def write(parts: Parts, target: Path) -> Manifest:
    """Writes a backup of which nobody is told yet. Raises BackupError.

    Rows come of one snapshot; files are copied after it, so that logs hold all lines of which the
    rows know.
    """
    partial = _begun(target)
    try:
        manifest = await snapshot(parts.database, lambda c: _dump(c, partial, parts))
        _copy_files(parts, partial, manifest)
        manifest.write(partial)
        # What is named as a whole backup is one, also after a loss of power.
        sync_all(partial)
        partial.rename(target)
        sync(target.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def note(parts: Parts, manifest: Manifest) -> None:
    """Tells the server of its last backup."""
    rows, time = sum(manifest.rows.values()), datetime.fromisoformat(manifest.time)
    last.note(parts.data_dir, last.LastBackup(time, manifest.revision, rows))


async def restore(parts: Parts, source: Path) -> Manifest:
    """Restores a backup into an empty data directory and an empty database.

    The feed goes on under another epoch: whoever watched the lost history begins again. Where it
    fails, no file is left behind, and no row unless what failed came after the last of them: the
    files. Raises BackupError.
    """
    manifest = Manifest.read(source)
    if manifest.schema != parts.newest:
        raise BackupError(
            f"the backup is of schema {manifest.schema}, this version has {parts.newest}: "
            "restore it with the version that wrote it, then upgrade"
        )
    _verify(source, manifest, parts)
    data = parts.data_dir
    if data.exists() and any(data.iterdir()):
        raise BackupError(f"{data} is not empty: restore into a new data directory")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        await migrate(parts.database, parts.migrations, parts.metadata)
        await transaction(parts.database, lambda c: _load(c, source, manifest, parts))
        _put_files(source, data, manifest)
        sync_all(data)
    except BaseException:
        for entry in data.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        raise
    return manifest


def _begun(target: Path) -> Path:
    """An empty directory beside the target, which it becomes when it is whole."""
    if target.exists():
        raise BackupError(f"{target} exists: name a new directory")
    partial = target.with_name(f".{target.name}{PARTIAL}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    return partial


def _dump(connection: sa.Connection, directory: Path, parts: Parts) -> Manifest:
    version = sa.text("SELECT version_num FROM alembic_version")
    schema = str(connection.execute(version).scalar_one())
    if schema not in parts.schemas:
        raise BackupError(
            f"the database is of schema {schema}, which is newer than {parts.newest} of this "
            "version: back up with the version that serves it"
        )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    head = read_head(connection, parts.mesh)
    manifest = Manifest(schema, head.revision, now, str(head.epoch))
    (directory / "tables").mkdir()
    for table, columns in _held(connection, parts, schema):
        name = f"tables/{table.name}.jsonl"
        written = _write(directory / name, tables.lines(connection, table, columns))
        manifest.rows[table.name], manifest.files[name] = written
    return manifest


def _held(connection: sa.Connection, parts: Parts, schema: str) -> tables.Held:
    """What of the tables is in the database: all, or what an older version has made so far.

    An upgrade is backed up by the new version, before it migrates.
    """
    if schema == parts.newest:
        return [(table, list(table.columns)) for table in parts.kept]
    unknown = tables.unknown(connection, parts.metadata)
    if unknown:
        raise BackupError(
            f"this version does not know {', '.join(unknown)} of schema {schema}: "
            "back up with the version that serves it"
        )
    return tables.held(connection, parts.kept)


def _load(connection: sa.Connection, source: Path, manifest: Manifest, parts: Parts) -> None:
    if not tables.is_empty(connection, tables.ordered(parts.metadata)):
        raise BackupError("the database is not empty: restore into a new one")
    for table in parts.kept:
        with (source / f"tables/{table.name}.jsonl").open(encoding="utf-8") as file:
            count = tables.insert(connection, table, file)
        if count != manifest.rows[table.name]:
            raise BackupError(f"{table.name} has {count} rows, not {manifest.rows[table.name]}")
    renew_epoch(connection, parts.mesh)


def _write(path: Path, texts: Iterable[str]) -> tuple[int, str]:
    """Writes lines; how many, and the hash of the file."""
    count, digest = 0, hashlib.sha256()
    with path.open("wb") as file:
        for text in texts:
            data = text.encode()
            file.write(data)
            digest.update(data)
            count += 1
    return count, digest.hexdigest()


def _copy_files(parts: Parts, directory: Path, manifest: Manifest) -> None:
    for path in _files(parts):
        name = f"files/{path.relative_to(parts.data_dir).as_posix()}"
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        # A log that is being written grows: what was there at first is what the hash is of.
        try:
            shutil.copy2(path, target)
        except FileNotFoundError:
            if path.exists():
                raise
            # Its time was over meanwhile, as that of an old log.
            continue
        manifest.files[name] = _hash(target)


def _files(parts: Parts) -> Iterator[Path]:
    """What belongs to a backup of the data directory, beside the database."""
    data = parts.data_dir
    url = sa.make_url(parts.database)
    database = Path(url.database or "").name if url.get_backend_name() == "sqlite" else ""
    for folder, folders, names in os.walk(data):
        folders[:] = [name for name in folders if Path(folder, name) not in parts.left_out]
        for name in names:
            path = Path(folder, name)
            is_database = bool(database) and path.parent == data and name.startswith(database)
            if path.is_file() and not path.is_symlink() and not is_database and name not in _UNKEPT:
                yield path


def _put_files(source: Path, data: Path, manifest: Manifest) -> None:
    for name in manifest.files:
        if name.startswith("files/"):
            target = data / name.removeprefix("files/")
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy2(source / name, target)


def _verify(source: Path, manifest: Manifest, parts: Parts) -> None:
    for name, expected in manifest.files.items():
        steps = name.split("/")
        if {"", ".", ".."} & set(steps) or steps[0] not in ("tables", "files"):
            raise BackupError(f"the manifest names {name!r}, which is no file of a backup")
        if not (source / name).is_file() or _hash(source / name) != expected:
            raise BackupError(f"{source / name} is missing or damaged: use another backup")
    missing = [t.name for t in parts.kept if f"tables/{t.name}.jsonl" not in manifest.files]
    if missing:
        raise BackupError(f"the backup lacks the tables {', '.join(missing)}")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
