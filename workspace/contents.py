"""The bytes of artifacts, as far as the workspace itself reads them: never more than its own store.

What a version says of its place is somebody's word. So only what lies in the store under the
folder of the version's own project is read, and only where runs put artifacts is deleted.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import FailedPrecondition, MeshError, NotFound, Unavailable
from meshkit.jobs import Lease
from meshkit.objects import open_store
from meshkit.objects.keys import below, checked
from meshkit.objects.port import ObjectInfo, ObjectMissingError, ObjectStore, ObjectStoreError
from workspace.operations.refusals import absent
from workspace.secrets.sealer import Sealer
from workspace.store import artifact_use, artifacts
from workspace.store.schema_artifacts import ArtifactVersion, ContentRemoval

MAX_SHOWN_BYTES = 3 << 20
MAX_FILES = 1000
_LINK = "downloads"
# <project>/<run>/<step>/<attempt>/<output>: where runs put artifacts.
_RUN_DEPTH = 5
_AT_ONCE = 100
_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}
# Text is named as what it is, and sniffed by nobody (the gateway says nosniff).
_TEXTS = {
    "HTML": "text/html; charset=utf-8",
    "MARKDOWN": "text/markdown; charset=utf-8",
    "CSV": "text/csv; charset=utf-8",
    "JSON": "application/json",
    "PLOT": "application/json",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A visualization, with a type that is safe to serve."""

    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a file; `token` where it is ours, `uri` where it is the object store's own."""

    file: ObjectInfo
    uri: str = ""
    token: str = ""


class Contents:
    """Reads, links and deletes the bytes of artifacts."""

    def __init__(self, store_uri: str, database: Database, sealer: Sealer, *, clock: Clock) -> None:
        self._uri = store_uri.rstrip("/")
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._opened: ObjectStore | None = None

    async def visualization(self, version: ArtifactVersion, file: str) -> Shown:
        """A visualization by its file, the first one for ""; NotFound, FailedPrecondition."""
        found = [v for v in version.visualizations if file in ("", v["file"])]
        if not found:
            raise absent(f"{version.name}:visualization")
        key = self._key(version, found[0]["file"])
        try:
            data = await self._store.get(key, length=MAX_SHOWN_BYTES + 1)
        except ObjectMissingError as error:
            raise absent(f"{version.name}:visualization") from error
        except ObjectStoreError as error:
            raise _unavailable(version.name, error) from error
        if len(data) > MAX_SHOWN_BYTES:
            raise _unreadable(version.name, "is larger than 3 MiB: download it")
        return Shown(_content_type(version.name, found[0]["kind"], data), data)

    async def links(self, version: ArtifactVersion, expire_time: datetime) -> list[Link]:
        """Links to every file of a version, which open until then."""
        try:
            files = await self._files(version)
            lifetime = expire_time - self._clock.now()
            uris = await asyncio.gather(*(self._signed(f.key, lifetime) for f in files))
        except ObjectStoreError as error:
            raise _unavailable(version.name, error) from error
        folder = self._key(version) + "/"
        links = []
        for file, uri in zip(files, uris, strict=True):
            path = file.key.removeprefix(folder)
            token = "" if uri else self._seal(version, path, expire_time)
            links.append(Link(ObjectInfo(path, file.size_bytes, file.modify_time), uri, token))
        return links

    async def linked(self, token: str) -> tuple[ArtifactVersion, str]:
        """The version and the file of a link; NotFound for one that does not open any more."""
        try:
            plain = self._sealer.open(bytes.fromhex(token), bound_to=_LINK)
            uid, file, expires = json.loads(plain)
        except (ValueError, MeshError) as error:
            raise _expired() from error
        if self._clock.now().timestamp() >= expires:
            raise _expired()
        found = await self._database.read(artifacts.versions_by_uid, [UUID(uid)])
        version = found.get(UUID(uid))
        if version is None:
            raise _expired()
        return version, file

    async def stream(self, version: ArtifactVersion, file: str) -> AsyncIterator[bytes]:
        """A file of a version, in pieces."""
        try:
            async for piece in self._store.stream(self._key(version, file)):
                yield piece
        except ObjectMissingError as error:
            raise absent(f"{version.name}/{file}") from error
        except ObjectStoreError as error:
            raise _unavailable(version.name, error) from error

    async def remove_orphans(self, _lease: Lease) -> None:
        """A job: deletes the bytes of versions that were deleted with them."""
        while wanted := await self._database.read(artifact_use.removals, _AT_ONCE):
            done = [removal.uid for removal in wanted if await self._remove(removal)]
            await self._database.write(artifact_use.removed, done)
            if len(done) < len(wanted):
                return

    async def _remove(self, removal: ContentRemoval) -> bool:
        """Whether nothing is left to do: the bytes are gone, or not ours to delete."""
        try:
            key = below(self._uri, removal.uri)
        except ObjectStoreError:
            return True
        parts = key.split("/")
        if len(parts) != _RUN_DEPTH or parts[0] != removal.project:
            return True
        if await self._database.read(artifact_use.held, [removal.uri]):
            return True
        try:
            store = self._store
            await store.delete([info.key async for info in store.list(key)])
        except (ObjectStoreError, MeshError):
            return False
        return True

    @property
    def _store(self) -> ObjectStore:
        """Opened when first used: a server whose store is misnamed serves all else."""
        if self._opened is None:
            self._opened = open_store(self._uri)
        return self._opened

    def _key(self, version: ArtifactVersion, file: str = "") -> str:
        """The key of a version's folder, or of a file in it; FailedPrecondition elsewhere."""
        try:
            folder = below(self._uri, version.uri)
            key = checked(f"{folder}/{file}") if file else folder
        except ObjectStoreError as error:
            raise _unreadable(version.name, "is not in the workspace's store") from error
        if folder.split("/")[0] != version.project or "/" not in folder:
            raise _unreadable(version.name, "does not lie in the folder of its project")
        return key

    async def _files(self, version: ArtifactVersion) -> list[ObjectInfo]:
        found: list[ObjectInfo] = []
        async for info in self._store.list(self._key(version)):
            found.append(info)
            if len(found) > MAX_FILES:
                raise _unreadable(version.name, f"has more than {MAX_FILES} files")
        return found

    async def _signed(self, key: str, lifetime: timedelta) -> str:
        return await self._store.sign(key, lifetime=lifetime)

    def _seal(self, version: ArtifactVersion, file: str, expire_time: datetime) -> str:
        plain = json.dumps([str(version.uid), file, expire_time.timestamp()]).encode()
        return self._sealer.seal(plain, bound_to=_LINK).hex()


def _content_type(name: str, kind: str, data: bytes) -> str:
    if kind in _TEXTS:
        return _TEXTS[kind]
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    for beginning, content_type in _IMAGES.items():
        if data.startswith(beginning):
            return content_type
    raise _unreadable(name, "is no PNG, JPEG, GIF or WebP")


def _unreadable(name: str, why: str) -> FailedPrecondition:
    return FailedPrecondition(
        "CONTENT_NOT_READABLE", f"The content of {name} {why}.", metadata={"resource": name}
    )


def _unavailable(name: str, error: ObjectStoreError) -> Unavailable:
    return Unavailable(
        "ARTIFACT_STORE_UNAVAILABLE",
        f"The artifact store cannot be read now: {error}",
        metadata={"resource": name},
    )


def _expired() -> NotFound:
    return NotFound("LINK_EXPIRED", "The link is wrong or too old; make another one.")
