"""The table of service connectors. They belong to the workspace: no row has a project."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, Sealed, stored


@stored(
    "service_connectors",
    sa.UniqueConstraint("id"),
    sa.Index(None, "create_time", "uid"),
    sa.Index(None, "display_name"),
    sa.Index(None, "type"),
    sa.Index(None, "secret"),
)
@dataclass(slots=True)
class ServiceConnector(Row):
    """A connector; `secrets` is a JSON object, encrypted, of those that `secret_fields` names.

    Others are in the secret of the id `secret`, read as `secret_reader`, who named it, may.
    """

    resource_type: ClassVar[str] = "weft.dev/ServiceConnector"

    uid: UUID
    id: str
    display_name: str
    description: str
    labels: dict[str, str]
    annotations: dict[str, str]
    type: str
    auth_method: str
    resource_types: list[str]
    resource_id: str
    config: dict[str, str]
    secrets: Sealed
    secret_fields: list[str]
    creator: str
    create_time: datetime
    update_time: datetime
    secret: str = ""
    secret_reader: str = ""
    expire_time: datetime | None = None
    revision: int = 0
    changes: int = 1

    @property
    def name(self) -> str:
        return f"serviceConnectors/{self.id}"

    @property
    def project(self) -> str:
        return ""
