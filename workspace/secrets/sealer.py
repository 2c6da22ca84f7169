"""The one door of encryption: `seal` before a value is stored, `open` after it was read.

    connector.credentials = sealer.seal(plain, bound_to=place("connectors", uid, "credentials"))
    plain = sealer.open(row.credentials, bound_to=place("connectors", row.uid, "credentials"))

A column is declared with the annotation `Sealed` (workspace.store.base) in a table whose key is
`uid`, and bound with `place`; then rotation of the data key encrypts it anew.
"""

import asyncio
import hashlib
import hmac
import logging
from uuid import UUID

from meshkit.database import Database
from meshkit.errors import FailedPrecondition
from meshkit.ids import new_uid
from workspace.operations import data_keys as operations
from workspace.operations.data_keys import Wrapped
from workspace.secrets import ciphers
from workspace.secrets.ciphers import AlteredError
from workspace.secrets.key_file import KeyFile, KeyFileError, WrappingKeys
from workspace.store import data_keys as store
from workspace.store.base import Sealed
from workspace.store.schema_secrets import DataKey, DataKeyState

_log = logging.getLogger(__name__)


def place(table: str, uid: UUID, column: str) -> str:
    """What a value is bound to: the one column of the one row where it stands."""
    return f"{table}/{uid}/{column}"


class Sealer:
    """Encrypts with the current data key; opens with any that this workspace ever had.

    `load` first. Without the keys, sealing and opening fail, and nothing else does.
    """

    def __init__(self, database: Database, key_file: KeyFile) -> None:
        self._database = database
        self._key_file = key_file
        self._keys: dict[UUID, bytes] = {}
        self._current: UUID | None = None
        self._oldest: UUID | None = None
        # What was said about the key file last, to say it once; and the key that lacks.
        self._complaint = ""
        self._missing = ""

    def seal(self, plain: bytes, *, bound_to: str) -> Sealed:
        """Encrypts a value for one place; FailedPrecondition `SECRETS_KEY_MISSING`."""
        if self._current is None:
            raise self.without(self._missing)
        key = self._keys[self._current]
        return Sealed(ciphers.seal(plain, key=key, key_uid=self._current, bound_to=bound_to))

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Decrypts what was sealed for this place.

        FailedPrecondition `SECRET_ALTERED` for anything else, `SECRETS_KEY_MISSING` where the
        key file lacks what opens it.
        """
        try:
            uid = ciphers.key_uid_of(sealed)
            if uid not in self._keys:
                raise self.without(self._missing or str(uid))
            return ciphers.unseal(sealed, key=self._keys[uid], bound_to=bound_to)
        except AlteredError as error:
            raise FailedPrecondition(
                "SECRET_ALTERED",
                "The stored value is not what was encrypted for this place. "
                "Restore it from a backup, or set it anew.",
            ) from error

    def is_current(self, sealed: bytes) -> bool:
        """Whether the newest key encrypted it."""
        return ciphers.key_uid_of(sealed) == self._current

    def digest(self, content: bytes) -> bytes:
        """A keyed hash, equal on every replica and through rotations: of what may be guessed."""
        if self._oldest is None:
            raise self.without(self._missing)
        return hmac.digest(self._keys[self._oldest], b"digest" + content, hashlib.sha256)

    def rewrapped(self, rows: list[DataKey], wrapping: WrappingKeys) -> dict[UUID, Wrapped]:
        """Those data keys that an older key of the file wraps, wrapped by the first one."""
        return {
            row.uid: wrapped(row.uid, self._keys[row.uid], wrapping)
            for row in rows
            if row.wrapped_by != wrapping.current and row.uid in self._keys
        }

    async def load(self) -> None:
        """Reads key file and data keys; makes the first data key of a new workspace."""
        try:
            wrapping = await asyncio.to_thread(self._key_file.read)
        except KeyFileError as error:
            if self._complaint != str(error):
                self._complaint = str(error)
                _log.error("secrets cannot be used: %s", error)
            return
        rows = await self._database.read(store.list_all)
        if not rows:
            await self._database.write(
                operations.add_first, wrapped(new_uid(), ciphers.new_key(), wrapping)
            )
            rows = await self._database.read(store.list_all)
        self._take(rows, wrapping)

    async def keep_fresh(self, interval_s: float) -> None:
        """Learns for ever of keys that other replicas, and operators, have added."""
        while True:
            await asyncio.sleep(interval_s)
            try:
                await self.load()
            except Exception:  # noqa: BLE001 - the database may be away; the keys stay
                _log.warning("keys of secrets cannot be looked at now", exc_info=True)

    def _take(self, rows: list[DataKey], wrapping: WrappingKeys) -> None:
        self._complaint = self._missing = ""
        for row in rows:
            if row.uid not in self._keys:
                self._unwrap(row, wrapping)
            self._oldest = self._oldest or (row.uid if row.uid in self._keys else None)
            if row.state == DataKeyState.CURRENT and row.uid in self._keys:
                self._current = row.uid

    def _unwrap(self, row: DataKey, wrapping: WrappingKeys) -> None:
        key_id = row.wrapped_by
        try:
            key = wrapping.by_id[key_id]
            self._keys[row.uid] = ciphers.unwrap(row.wrapped, key=key, key_id=key_id, uid=row.uid)
        except (KeyError, AlteredError):
            self._missing = key_id
            _log.error("key %s of secrets is not in %s", key_id, self._key_file.path)

    def without(self, key_id: str) -> FailedPrecondition:
        """The refusal of what needs a key that is not there."""
        return FailedPrecondition(
            "SECRETS_KEY_MISSING",
            "The server's key file lacks the key that encrypts secrets. "
            "Its operator must put the key back; every replica needs the same file.",
            metadata={"keyId": key_id},
        )


def wrapped(uid: UUID, key: bytes, wrapping: WrappingKeys) -> Wrapped:
    """A data key, wrapped by the first key of the file."""
    key_id = wrapping.current
    outer = wrapping.by_id[key_id]
    return Wrapped(uid, ciphers.wrap(key, key=outer, key_id=key_id, uid=uid), key_id)
