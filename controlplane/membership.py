"""Which certificates of the mesh are denied, as this replica knows it."""

from controlplane import store
from meshkit.authentication import DeniedSerials
from meshkit.database import Database


class MeshMembers:
    """Keeps the deny-list of the own listeners in step with the database."""

    def __init__(self, database: Database) -> None:
        self.denied_serials = DeniedSerials()
        self._database = database

    async def reload(self) -> None:
        """Takes over what the database says; whoever revokes awaits it before answering."""
        serials = await self._database.read(store.enrollments.denied_serials)
        self.denied_serials.replace([int(serial, 16) for serial in serials])
