"""A leased job that brings values where the settings say they should be.

Every step may be repeated and may be cut off anywhere: values are copied first, named in one
commit, and only then deleted where they were. So reads work throughout, and a restart goes on.
"""

import logging
from collections.abc import AsyncIterator, Callable
from uuid import UUID

from meshkit.database import Database
from meshkit.errors import MeshError
from meshkit.jobs import Lease
from workspace.operations import secret_stores as store_operations
from workspace.operations import secrets as operations
from workspace.secrets.backends import Backends
from workspace.secrets.keeper import SecretKeeper
from workspace.secrets.stores import Ref
from workspace.store import secret_stores
from workspace.store import secrets as store
from workspace.store.schema_secrets import Secret

_BATCH = 100
_FIRST = UUID(int=0)
_log = logging.getLogger(__name__)


class SecretUpkeep:
    """`run` works until nothing is left to do, or what is left does not succeed now."""

    def __init__(self, database: Database, backends: Backends, keeper: SecretKeeper) -> None:
        self._database = database
        self._backends = backends
        self._keeper = keeper

    async def run(self, _lease: Lease) -> None:
        """Deletes what is left over, moves what is elsewhere, copies what has no backup."""
        await self._delete_leftovers()
        await self._migrate()
        await self._back_up()
        await self._database.write(secret_stores.delete_unused)

    async def _delete_leftovers(self) -> None:
        """A backend that is down keeps its leftovers; the next run tries again."""
        while rows := await self._database.write(operations.doom_leftovers, _BATCH):
            for row in rows:
                ref = Ref(row.secret, row.generation)
                try:
                    await self._backends.delete(row.backend, ref)
                except MeshError as error:
                    _log.warning("values of %s stay in a store: %s", row.secret, error.message)
                else:
                    await self._database.write(store.delete_leftover, row.uid)

    async def _migrate(self) -> None:
        settings = await self._database.read(secret_stores.get)
        if settings.target is None or settings.end_time is not None:
            return
        problem = ""
        async for row in self._pages(store.elsewhere, settings.target):
            problem = await self._move(row) or problem
        if problem:
            await self._database.write(store_operations.note_problem, problem)
        else:
            await self._database.write(store_operations.finish)

    async def _move(self, row: Secret) -> str:
        """What keeps a secret from moving; "" where nothing does."""
        try:
            kept = await self._keeper.keep(row.id, await self._keeper.read(row))
            await self._database.write(operations.move, row.id, kept, instead_of=row.generation)
        except MeshError as error:
            return f"{row.name}: {error.message}"
        return ""

    async def _back_up(self) -> None:
        backup = (await self._database.read(secret_stores.get)).backup
        async for row in self._pages(store.with_another_backup, backup):
            try:
                await self._copy(row, backup)
            except MeshError as error:
                _log.warning("%s is not in the backup store: %s", row.name, error.message)

    async def _copy(self, row: Secret, backup: UUID | None) -> None:
        if backup is not None:
            values = await self._keeper.read(row)
            await self._database.write(operations.announce, row.id, row.generation, [backup])
            await self._backends.put(backup, Ref(row.id, row.generation), values)
        await self._database.write(
            operations.back_up, row.id, generation=row.generation, backup=backup
        )

    async def _pages(
        self, query: Callable[..., list[Secret]], wanted: UUID | None
    ) -> AsyncIterator[Secret]:
        """Every row of a query once, read in batches."""
        after = _FIRST
        while rows := await self._database.read(query, wanted, after, _BATCH):
            for row in rows:
                yield row
            after = rows[-1].uid
