"""Rotation of the keys of secrets, while they are read and written.

A wrapping key is replaced by putting a new one first in the key file: data keys are wrapped
anew as soon as that is seen. A data key is published, used once every replica knows it, and
everything that the one before had encrypted is encrypted anew. Each step is one commit or can
be repeated, and keys stay openable, so that a kill anywhere loses nothing.
"""

import asyncio
import logging
from datetime import timedelta
from uuid import UUID

from meshkit.database import Database
from meshkit.errors import FailedPrecondition, MeshError
from meshkit.jobs import Lease
from workspace.operations import data_keys as operations
from workspace.operations.data_keys import Wrapped
from workspace.secrets import ciphers
from workspace.secrets.key_file import KeyFile, KeyFileError
from workspace.secrets.sealer import Sealer, place, wrapped
from workspace.store import data_keys as store
from workspace.store.base import Sealed
from workspace.store.data_keys import SealedIn
from workspace.store.schema_secrets import DataKeyState

_BATCH = 100
_FIRST = UUID(int=0)
_log = logging.getLogger(__name__)


class KeyRotation:
    """Begins rotations, and as a leased job carries them through."""

    def __init__(
        self, database: Database, sealer: Sealer, key_file: KeyFile, *, interval: timedelta
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._key_file = key_file
        # Replicas look for keys once in an interval; one may be missed.
        self._known_after = interval * 3

    async def new_data_key(self, uid: UUID) -> Wrapped:
        """A data key to publish. FailedPrecondition `SECRETS_KEY_MISSING` without a key file."""
        try:
            wrapping = await asyncio.to_thread(self._key_file.read)
        except KeyFileError as error:
            raise self._sealer.without(str(self._key_file.path)) from error
        return wrapped(uid, ciphers.new_key(), wrapping)

    async def add_wrapping_key(self, uid: UUID) -> None:
        """Puts a new key first in our key file, once for a uid.

        FailedPrecondition `KEY_FILE_NOT_OURS` where it is the operator's.
        """
        if not self._key_file.is_ours:
            raise FailedPrecondition(
                "KEY_FILE_NOT_OURS",
                "The operator keeps the key file: put a new key first there, on every replica.",
                metadata={"path": str(self._key_file.path)},
            )
        await asyncio.to_thread(self._key_file.add, f"k-{uid}")

    async def run(self, _lease: Lease) -> None:
        """Does what there is to do now."""
        await self._sealer.load()
        try:
            await self.rewrap()
        except KeyFileError:
            return  # `load` has said so
        await self._database.write(operations.advance, self._known_after)
        await self._sealer.load()
        rows = await self._database.read(store.list_all)
        if any(row.state == DataKeyState.REPLACED for row in rows):
            await self._reseal_everything()

    async def rewrap(self) -> None:
        """Wraps with the file's first key what an older one wraps."""
        wrapping = await asyncio.to_thread(self._key_file.read)
        rows = await self._database.read(store.list_all)
        rewrapped = self._sealer.rewrapped(rows, wrapping)
        if rewrapped:
            await self._database.write(operations.rewrap, rewrapped)
            _log.info("%d data keys are wrapped by %s now", len(rewrapped), wrapping.current)

    async def _reseal_everything(self) -> None:
        """One pass; what a slow replica wrote meanwhile is left to the next one."""
        for column in store.sealed_columns():
            after: UUID | None = _FIRST
            while after is not None:
                after = await self._database.write(
                    operations.reseal, column, after, _BATCH, anew=self._anew(column)
                )
        await self._database.write(operations.retire, self._known_after)

    def _anew(self, column: SealedIn) -> operations.Reseal:
        def anew(uid: UUID, value: Sealed) -> Sealed | None:
            bound_to = place(column.table.name, uid, column.column.name)
            try:
                if self._sealer.is_current(value):
                    return None
                return self._sealer.seal(
                    self._sealer.open(value, bound_to=bound_to), bound_to=bound_to
                )
            except (MeshError, ValueError) as error:
                # One bad row must not keep the others on the old key.
                _log.warning("a value of %s, row %s, stays as it is: %s", column.name, uid, error)
                return None

        return anew
