"""Works with the hosts of code: one repository's trouble stays its own."""

import asyncio
import contextvars
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.egress import Egress, EgressPolicy
from meshkit.errors import Unavailable
from meshkit.ids import new_uid
from meshkit.objects import open_store
from meshkit.objects.port import ObjectStore, ObjectStoreError
from workspace.config import WorkspaceSettings
from workspace.operations import code_repositories as operations
from workspace.repositories.failures import rejected, unavailable, unusable
from workspace.repositories.git import GitHost
from workspace.repositories.github import GitHubHost
from workspace.repositories.gitlab import GitLabHost
from workspace.repositories.model import Commit, Head, Host, Place
from workspace.repositories.packing import Packed, PackingError, pack
from workspace.secrets.keeper import SecretKeeper
from workspace.store import code_repositories as store
from workspace.store.schema_code_repositories import CodeArchive, CodeRepository

# Conversations about one repository at once; behind a host that hangs, waiting is in vain.
_PLACES = 4
_DEFAULT_KEY = "token"
# A repository, a commit and a directory.
_Wanted = tuple[UUID, str, str]


class RepositoryDesk:
    """Verifies, resolves and fetches; close it to end what is under way."""

    def __init__(
        self,
        database: Database,
        keeper: SecretKeeper,
        settings: WorkspaceSettings,
        clock: Clock,
    ) -> None:
        self._policy = EgressPolicy(settings.egress_networks, settings.egress_ca_file)
        self._egress = Egress(self._policy)
        self._timeout_s = settings.connector_timeout_s
        self._fetch_timeout_s = settings.code_fetch_timeout_s
        self._artifact_store = settings.artifact_store.rstrip("/")
        self._database = database
        self._keeper = keeper
        self._clock = clock
        self._taken: Counter[UUID] = Counter()
        self._fetching: dict[_Wanted, asyncio.Task[CodeArchive]] = {}
        self._opened: ObjectStore | None = None

    async def head(self, row: CodeRepository) -> Head:
        """The newest commit of the default branch."""
        async with self._speaking(row, self._timeout_s) as host:
            return await host.head()

    async def resolve(self, row: CodeRepository, revision: str) -> Commit:
        """The commit that a revision means now."""
        async with self._speaking(row, self._timeout_s) as host:
            return await host.resolve(revision)

    async def archive(self, row: CodeRepository, commit: str, directory: str) -> CodeArchive:
        """The archive of a directory at a commit: fetched now, or once before.

        However many want the same at once, it is fetched once; whoever gives up leaves the others
        waiting. Replicas may each fetch it: they store the same bytes under the same key.
        """
        key = (row.uid, commit, directory)
        task = self._fetching.get(key)
        if task is None:
            # It serves several calls, so it belongs to none of them.
            context = contextvars.Context()
            work = self._archive(row, commit, directory)
            task = asyncio.create_task(work, name="fetch code", context=context)
            self._fetching[key] = task
            task.add_done_callback(lambda done: self._fetched(key, done))
        return await asyncio.shield(task)

    def _fetched(self, key: _Wanted, done: asyncio.Task[CodeArchive]) -> None:
        del self._fetching[key]
        # Those who waited may all have given up: nobody else looks at its end.
        if not done.cancelled():
            done.exception()

    async def _archive(self, row: CodeRepository, commit: str, directory: str) -> CodeArchive:
        known = await self._database.read(store.archive, row.uid, commit, directory)
        if known and await self._is_stored(known.sha256):
            return known
        packed = await self._fetch(row, commit, directory)
        await self._store(packed)
        fetched = CodeArchive(
            uid=new_uid(),
            repository_uid=row.uid,
            commit_id=commit,
            directory=directory,
            sha256=packed.sha256,
            size_bytes=len(packed.data),
            create_time=self._clock.now(),
        )
        await self._database.write(operations.keep_archive, fetched, row.project, row.id)
        return fetched

    def uri(self, archive: CodeArchive) -> str:
        """Where runners find an archive."""
        return f"{self._artifact_store}/{_key(archive.sha256)}"

    async def close(self) -> None:
        for task in self._fetching.values():
            task.cancel()
        await asyncio.gather(*self._fetching.values(), return_exceptions=True)
        self._egress.close()

    async def _fetch(self, row: CodeRepository, commit: str, directory: str) -> Packed:
        async with self._speaking(row, self._fetch_timeout_s) as host:
            with tempfile.TemporaryDirectory(prefix="weft-code-") as folder:
                tarball = await host.fetch(commit, Path(folder))
                try:
                    return await asyncio.to_thread(pack, tarball, directory)
                except PackingError as error:
                    raise unusable(row.name, str(error)) from error

    async def _is_stored(self, sha256: str) -> bool:
        try:
            return await self._objects.head(_key(sha256)) is not None
        except ObjectStoreError as error:
            raise self._store_unavailable(error) from error

    async def _store(self, packed: Packed) -> None:
        try:
            await self._objects.create(_key(packed.sha256), packed.data)
        except ObjectStoreError as error:
            raise self._store_unavailable(error) from error

    def _store_unavailable(self, error: ObjectStoreError) -> Unavailable:
        return Unavailable(
            "ARTIFACT_STORE_UNAVAILABLE",
            f"The artifact store cannot keep code now: {error}",
            metadata={"resource": self._artifact_store},
        )

    @property
    def _objects(self) -> ObjectStore:
        """Opened when first used: a server whose store is misnamed serves all else."""
        if self._opened is None:
            self._opened = open_store(self._artifact_store)
        return self._opened

    @asynccontextmanager
    async def _speaking(self, row: CodeRepository, timeout_s: float) -> AsyncIterator[Host]:
        """A conversation with the host, within its time and its places."""
        if self._taken[row.uid] >= _PLACES:
            raise unavailable(row.name, "is asked by too many callers at once")
        self._taken[row.uid] += 1
        try:
            async with asyncio.timeout(timeout_s):
                yield self._host(row, await self._token(row))
        except TimeoutError as error:
            raise unavailable(row.name, "takes too long") from error
        finally:
            self._taken[row.uid] -= 1
            if not self._taken[row.uid]:
                del self._taken[row.uid]

    async def _token(self, row: CodeRepository) -> str:
        if not row.secret:
            return ""
        values = await self._keeper.values(row.secret, reader=row.secret_reader)
        token = values.get(row.secret_key or _DEFAULT_KEY, "")
        # What goes into a header is one line.
        if not token or not token.isascii() or not token.isprintable():
            raise rejected(row.name)
        return token

    def _host(self, row: CodeRepository, token: str) -> Host:
        place = Place(row.name, row.url, row.api_url.rstrip("/"), row.username, token)
        if row.kind == "GITHUB":
            return GitHubHost(place, self._egress)
        if row.kind == "GITLAB":
            return GitLabHost(place, self._egress)
        return GitHost(place, self._egress, self._policy)


def _key(sha256: str) -> str:
    return f"code/{sha256}.tar.gz"
