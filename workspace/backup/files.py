"""What stands beside the database, against what the database says of it: logs, and artifacts.

The server may work meanwhile. What changes under a look is looked at once more.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa

from meshkit.backup.databases import snapshot
from meshkit.objects import open_store
from meshkit.objects.keys import below
from meshkit.objects.port import ObjectMissingError, ObjectStore, ObjectStoreError
from workspace.backup.checks import Finding, findings
from workspace.config import WorkspaceSettings
from workspace.logs.archive import INDEX, folder_of
from workspace.logs.backend import LogKey
from workspace.logs.segments import files_in, inspect
from workspace.store.base import columns, every
from workspace.store.schema_artifacts import ArtifactVersion
from workspace.store.schema_logs import LogRemoval, LogStream
from workspace.store.schema_retention import ArchivedLog, ArchivedRun

R = TypeVar("R", LogStream, ArchivedLog, ArtifactVersion, ArchivedRun)
_AT_ONCE = 500
# What is looked at, and how many of it were.
Progress = Callable[[str, int], None]
Look = Callable[[R], Awaitable[list[str]]]


async def check_logs(settings: WorkspaceSettings, progress: Progress) -> list[Finding]:
    """Every line that a log should hold is there, and is what was written."""
    strays = _directories(settings.log_directory)
    logs = Logs(settings)
    problems = await _each(settings.database, LogStream, logs.problems, progress, "logs")
    of_archive = logs.problems
    problems += await _each(settings.database, ArchivedLog, of_archive, progress, "archived logs")
    known = await snapshot(settings.database, _uids)
    problems += [
        f"{path} holds lines of a log that nobody knows: remove it if no backup needs it"
        for uid, path in strays.items()
        if uid not in known and path.exists()
    ]
    return findings("logs", problems)


async def check_content(settings: WorkspaceSettings, progress: Progress) -> list[Finding]:
    """Artifacts in the workspace's own store, and archived runs, are what was stored."""
    root = settings.artifact_store.rstrip("/")
    store, archive = open_store(root), open_store(settings.archive_store)

    async def look(row: ArtifactVersion) -> list[str]:
        try:
            folder = below(root, row.uri)
        except ObjectStoreError:
            return []  # in somebody else's store
        problem = await _content_problem(store, folder, row)
        return [f"{row.name} {problem}"] if problem else []

    async def look_in_archive(row: ArchivedRun) -> list[str]:
        try:
            data = await archive.get(row.key)
        except ObjectMissingError:
            return [f"{row.name} is gone from the archive"]
        is_whole = hashlib.sha256(data).hexdigest() == row.sha256
        return [] if is_whole else [f"{row.name} is not what was written: its hash differs"]

    url = settings.database
    problems = await _each(url, ArtifactVersion, look, progress, "artifacts")
    problems += await _each(url, ArchivedRun, look_in_archive, progress, "archived runs")
    return findings("content", problems)


class Logs:
    """Looks at the lines of logs: here, or in the object store where they are archived."""

    def __init__(self, settings: WorkspaceSettings) -> None:
        self._root = settings.log_directory
        self._objects: ObjectStore | None = None
        if settings.archives_logs:
            self._objects = open_store(settings.log_store_uri, settings.log_store_options)

    async def problems(self, row: LogStream | ArchivedLog) -> list[str]:
        path = self._root / row.project / str(row.uid)
        try:
            end, lost = _inspected(path)
        except FileNotFoundError:
            return [f"{row.name} lost a file while it was looked at"]
        if path.exists() or self._objects is None:
            if row.is_sealed and end < row.next_offset:
                lost.append((end, row.next_offset))
            return [f"{row.name} has lost its lines {first} to {end - 1}" for first, end in lost]
        missing = await self._missing(self._objects, LogKey(row.project, row.uid))
        is_lost = missing is None and row.is_sealed and row.next_offset
        names = [INDEX] if is_lost else missing or []
        return [f"{row.name} lacks {name} in the store of logs" for name in names]

    async def _missing(self, objects: ObjectStore, key: LogKey) -> list[str] | None:
        """Segments that the archive of a log should hold; None where there is no archive."""
        folder = folder_of(key)
        try:
            index = json.loads(await objects.get(f"{folder}/{INDEX}"))
        except ObjectMissingError:
            return None
        names = index["segments"]
        return [name for name in names if await objects.head(f"{folder}/{name}") is None]


def _inspected(path: Path) -> tuple[int, list[tuple[int, int]]]:
    """Where a log in files ends, and which of its lines before that are not readable."""
    files = sorted(files_in(path).items())
    lost: list[tuple[int, int]] = []
    end = 0
    for place, (first, file) in enumerate(files):
        # What a log that is too long has dropped at its beginning is not lost by accident.
        if place and end < first:
            lost.append((end, first))
        ends_at = files[place + 1][0] if place + 1 < len(files) else None
        found = inspect(file, ends_at=ends_at)
        lost += found.damaged
        end = found.next_offset
    return end, lost


async def _content_problem(store: ObjectStore, folder: str, row: ArtifactVersion) -> str:
    """What is wrong with the bytes of a version; "" where nothing is."""
    lines, hashes, size = [], [], 0
    async for info in store.list(folder):
        digest = hashlib.sha256()
        async for piece in store.stream(info.key):
            digest.update(piece)
        hashes.append(digest.hexdigest())
        lines.append((info.key.removeprefix(f"{folder}/"), hashes[-1]))
        size += info.size_bytes
    if not lines:
        return "has no bytes: they are gone"
    if row.size_bytes and size != row.size_bytes:
        return f"has {size} bytes, and says {row.size_bytes}"
    whole = "".join(f"{hash_}  {name}\n" for name, hash_ in sorted(lines))
    # Whoever stores a single file may give that file's own hash.
    right = {hashlib.sha256(whole.encode()).hexdigest(), *(hashes if len(hashes) == 1 else ())}
    return "" if row.content_hash in right else "has other bytes than were stored: its hash differs"


async def _each(url: str, cls: type[R], look: Look[R], progress: Progress, what: str) -> list[str]:
    """Looks at every row; a second time at one that was wrong, if it is still there then."""
    problems: list[str] = []
    own, count, after = columns(cls), 0, UUID(int=0)
    while rows := await snapshot(url, _some(cls, own.uid > after)):
        for row in rows:
            if await look(row):
                again = await snapshot(url, _some(cls, own.uid == row.uid))
                problems += [problem for now in again for problem in await look(now)]
            count += 1
            progress(what, count)
        after = rows[-1].uid
    return problems


def _some(cls: type[R], which: sa.ColumnElement[bool]) -> Callable[[sa.Connection], list[R]]:
    statement = every(cls).where(which).order_by(columns(cls).uid).limit(_AT_ONCE)
    return lambda connection: [cls(*values) for values in connection.execute(statement)]


def _uids(connection: sa.Connection) -> set[UUID]:
    """Every log whose lines are somebody's, or are about to go."""
    return {
        uid
        for cls in (LogStream, ArchivedLog, LogRemoval)
        for uid in connection.execute(sa.select(columns(cls).uid)).scalars()
    }


def _directories(root: Path) -> dict[UUID, Path]:
    """The directories of logs, by the uid of the log."""

    def uids() -> Iterator[tuple[UUID, Path]]:
        for path in root.glob("*/*"):
            try:
                yield UUID(path.name), path
            except ValueError:
                continue  # not ours

    return dict(uids())
