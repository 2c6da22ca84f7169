"""Puts values where they belong and gets them back: what servicers and connectors use."""

import logging
from collections.abc import Mapping

from meshkit.database import Database
from meshkit.errors import MeshError
from meshkit.ids import new_uid
from workspace.operations import secrets as operations
from workspace.operations.refusals import absent
from workspace.operations.secrets import Kept
from workspace.secrets.apart import apart
from workspace.secrets.backends import Backends
from workspace.secrets.stores import Ref
from workspace.store import secret_stores
from workspace.store import secrets as store
from workspace.store.schema_secrets import Secret, SecretLeftover

_log = logging.getLogger(__name__)


class SecretKeeper:
    """Values of secrets, wherever they are."""

    def __init__(self, database: Database, backends: Backends) -> None:
        self._database = database
        self._backends = backends

    async def keep(self, secret: str, values: Mapping[str, str], *, trial: bool = False) -> Kept:
        """Writes a new generation of values to the store, and to its backup.

        It is deleted again unless an operation names it within minutes. A trial writes nothing.
        Unavailable or FailedPrecondition where a store does not take it.
        """
        settings = await self._database.read(secret_stores.get)
        kept = Kept(sorted(values), new_uid(), settings.destination, settings.backup, trial)
        if trial:
            return kept
        await apart(
            self._database.write(operations.announce, secret, kept.generation, kept.backends)
        )
        for backend in kept.backends:
            await self._backends.put(backend, Ref(secret, kept.generation), values)
        return kept

    async def read(self, row: Secret) -> dict[str, str]:
        """The values of a secret; of its backup where the store fails."""
        ref = Ref(row.id, row.generation)
        try:
            return await self._backends.get(row.backend, ref)
        except MeshError as error:
            if row.backup is None:
                raise
            _log.warning("%s is read from the backup store: %s", row.name, error.message)
            return await self._backends.get(row.backup, ref)

    async def read_replaced(self, row: SecretLeftover) -> dict[str, str]:
        """Values that a secret held before; none where they are deleted already."""
        return await self._backends.find(row.backend, Ref(row.secret, row.generation)) or {}

    async def values(self, secret: str, *, reader: str) -> dict[str, str]:
        """The values that a secret holds for the server's own use on behalf of `reader`.

        NotFound where there is none that the reader may know of.
        """
        row = await self._database.read(store.get, secret)
        if row is None or not row.is_visible_to(reader):
            raise absent(f"secrets/{secret}")
        return await self.read(row)
