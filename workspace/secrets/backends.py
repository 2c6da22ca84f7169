"""The backends that keep values, opened as the database says, each call bounded in time."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from meshkit.breaker import Breaker
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import FailedPrecondition, MeshError, Unavailable
from workspace.secrets.sealer import Sealer, place
from workspace.secrets.stores import Ref, StoreError, ValueStore, open_store
from workspace.secrets.stores.database import DatabaseStore
from workspace.store import secret_stores
from workspace.store.schema_secrets import DATABASE, SecretBackend

T = TypeVar("T")

# A call has several round trips at most; a store that takes longer is down for us.
_CALL_S = 8.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A store, and the credentials that it was opened with."""

    credentials: bytes
    config: Mapping[str, str]
    store: ValueStore


class Backends:
    """Every backend of this workspace, by uid."""

    def __init__(self, database: Database, sealer: Sealer, clock: Clock) -> None:
        self._database = database
        self._breaker = Breaker(clock, "SECRET_STORE_UNAVAILABLE")
        self._sealer = sealer
        self._own = DatabaseStore(database, sealer)
        self._opened: dict[UUID, _Opened] = {}
        self._retired: list[ValueStore] = []

    async def put(self, backend: UUID, ref: Ref, values: Mapping[str, str]) -> None:
        """Keeps values; Unavailable or FailedPrecondition where the store does not."""
        store = await self._store(backend)
        await self._asked(backend, lambda: store.put(ref, values))

    async def get(self, backend: UUID, ref: Ref) -> dict[str, str]:
        """The values; Unavailable or FailedPrecondition where the store does not answer them."""
        found = await self.find(backend, ref)
        if found is None:
            raise FailedPrecondition(
                "SECRET_ALTERED",
                "The store does not hold the values any more: somebody deleted them there. "
                "Restore them, or set them anew.",
            )
        return found

    async def find(self, backend: UUID, ref: Ref) -> dict[str, str] | None:
        """As `get`, and None where the store holds no such values."""
        store = await self._store(backend)
        return await self._asked(backend, lambda: store.get(ref))

    async def delete(self, backend: UUID, ref: Ref) -> None:
        """Forgets values, if there are any."""
        store = await self._store(backend)
        await self._asked(backend, lambda: store.delete(ref))

    async def close(self) -> None:
        for store in (*self._retired, *(opened.store for opened in self._opened.values())):
            await store.close()

    async def _asked(self, backend: UUID, ask: Callable[[], Awaitable[T]]) -> T:
        """One call of a store that may be worth the wait."""
        with self._breaker.passing(
            backend, lambda told: _failed(backend, StoreError(f"it {told}"))
        ):
            return await bounded(backend, ask)

    async def _store(self, backend: UUID) -> ValueStore:
        if backend == DATABASE:
            return self._own
        row = (await self._database.read(secret_stores.backends, {backend})).get(backend)
        if row is None:
            raise _failed(backend, StoreError("its settings are gone", is_refusal=True))
        known = self._opened.get(backend)
        if known and (known.credentials, known.config) == (row.credentials, row.config):
            return known.store
        opened = self._opened[backend] = _Opened(row.credentials, row.config, self._open(row))
        if known:
            # Calls may still be under way there.
            self._retired.append(known.store)
        return opened.store

    def _open(self, row: SecretBackend) -> ValueStore:
        try:
            return open_store(row.kind, row.config, self.credentials(row))
        except StoreError as error:
            raise _failed(row.uid, error) from error

    def credentials(self, row: SecretBackend) -> dict[str, str]:
        """What signs in to a backend."""
        plain = self._sealer.open(row.credentials, bound_to=credentials_place(row.uid))
        credentials: dict[str, str] = json.loads(plain)
        return credentials


def credentials_place(backend: UUID) -> str:
    return place("secret_backends", backend, "credentials")


async def bounded(backend: UUID, ask: Callable[[], Awaitable[T]]) -> T:
    """One call of a store: Unavailable or FailedPrecondition instead of whatever goes wrong."""
    try:
        async with asyncio.timeout(_CALL_S):
            return await ask()
    except TimeoutError as error:
        raise _failed(backend, StoreError("it does not answer in time")) from error
    except StoreError as error:
        raise _failed(backend, error) from error


def _failed(backend: UUID, error: StoreError) -> MeshError:
    """Never with a value in it: stores do not put any into their errors."""
    metadata = {"store": str(backend)}
    _log.warning("secret store %s: %s", backend, error)
    if error.is_refusal:
        message = f"The store of secret values refuses: {error}."
        return FailedPrecondition("SECRET_STORE_REFUSED", message, metadata=metadata)
    message = f"The store of secret values is down: {error}."
    return Unavailable("SECRET_STORE_UNAVAILABLE", message, metadata=metadata, retry_after_s=5.0)
