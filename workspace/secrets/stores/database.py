"""Values in the workspace's own database, encrypted."""

import json
from collections.abc import Mapping
from uuid import UUID

from meshkit.database import Database
from meshkit.session import Session
from workspace.secrets.apart import apart
from workspace.secrets.sealer import Sealer, place
from workspace.secrets.stores.base import Ref
from workspace.store import secrets as store
from workspace.store.base import Sealed, ignore_conflicts, insert_or
from workspace.store.schema_secrets import SecretValue


class DatabaseStore:
    """The default: nothing to set up, nothing else to be down."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def put(self, ref: Ref, values: Mapping[str, str]) -> None:
        plain = json.dumps(dict(values)).encode()
        sealed = self._sealer.seal(plain, bound_to=_place(ref.generation))
        await apart(self._database.write(_insert, ref.generation, sealed))

    async def get(self, ref: Ref) -> dict[str, str] | None:
        row = await self._database.read(store.value, ref.generation)
        if row is None:
            return None
        values: dict[str, str] = json.loads(
            self._sealer.open(row.value, bound_to=_place(ref.generation))
        )
        return values

    async def delete(self, ref: Ref) -> None:
        await apart(self._database.write(store.delete_value, ref.generation))

    async def close(self) -> None:
        """The database is not its own."""


def _place(generation: UUID) -> str:
    return place("secret_values", generation, "value")


def _insert(session: Session, generation: UUID, value: Sealed) -> None:
    insert_or(session, [SecretValue(generation, value)], ignore_conflicts)
