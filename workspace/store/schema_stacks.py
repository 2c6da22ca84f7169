"""The tables of stacks, of their components, and of the flavors that people made.

They belong to the workspace: no row has a project.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


@stored(
    "flavors",
    sa.UniqueConstraint("id"),
)
@dataclass(slots=True)
class Flavor(Row):
    """A flavor: a row where people made it, an object of the code where it is built in."""

    resource_type: ClassVar[str] = "weft.dev/Flavor"
    project: ClassVar[str] = ""

    uid: UUID
    id: str
    display_name: str
    description: str
    labels: dict[str, str]
    type: str
    config_schema: dict[str, Any]
    creator: str
    create_time: datetime
    revision: int = 0

    @property
    def name(self) -> str:
        return f"flavors/{self.id}"


@stored(
    "components",
    sa.UniqueConstraint("id"),
    sa.Index(None, "create_time", "uid"),
    sa.Index(None, "display_name"),
    sa.Index(None, "type", "id"),
    sa.Index(None, "flavor", "id"),
    sa.Index(None, "connector"),
)
@dataclass(slots=True)
class Component(Row):
    """A part of stacks; `type` repeats what its flavor says."""

    resource_type: ClassVar[str] = "weft.dev/Component"
    project: ClassVar[str] = ""

    uid: UUID
    id: str
    display_name: str
    description: str
    labels: dict[str, str]
    type: str
    flavor: str
    config: dict[str, Any]
    connector: str
    connector_resource: str
    creator: str
    create_time: datetime
    update_time: datetime
    revision: int = 0
    changes: int = 1

    @property
    def name(self) -> str:
        return f"components/{self.id}"


@stored(
    "stacks",
    sa.UniqueConstraint("id"),
    sa.Index(None, "create_time", "uid"),
    sa.Index(None, "display_name"),
    # One at most, whatever replicas do at the same time.
    sa.Index(
        "uq_stacks_workspace_default",
        "workspace_default",
        unique=True,
        sqlite_where=sa.text("workspace_default"),
        postgresql_where=sa.text("workspace_default"),
    ),
)
@dataclass(slots=True)
class Stack(Row):
    """A stack: ids of its components by type, and of further ones of the same types."""

    resource_type: ClassVar[str] = "weft.dev/Stack"
    project: ClassVar[str] = ""

    uid: UUID
    id: str
    display_name: str
    description: str
    labels: dict[str, str]
    components: dict[str, str]
    additional_components: list[str]
    workspace_default: bool
    creator: str
    create_time: datetime
    update_time: datetime
    revision: int = 0
    changes: int = 1

    @property
    def name(self) -> str:
        return f"stacks/{self.id}"

    @property
    def component_ids(self) -> list[str]:
        """All of them, those that serve by default first."""
        return [*self.components.values(), *self.additional_components]


@stored(
    "stack_parts",
    sa.Index(None, "component_uid"),
    sa.ForeignKeyConstraint(["stack_uid"], ["stacks.uid"]),
    sa.ForeignKeyConstraint(["component_uid"], ["components.uid"]),
    key=("stack_uid", "component_uid"),
)
@dataclass(slots=True)
class StackPart(Row):
    """That a component is in a stack: what the stack's own row says, the other way round."""

    stack_uid: UUID
    component_uid: UUID
