"""The tables of code repositories, and of what was fetched of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


@stored(
    "code_repositories",
    sa.UniqueConstraint("project", "id"),
    sa.Index(None, "project", "create_time", "uid"),
    sa.Index(None, "project", "kind"),
    sa.Index(None, "project", "url"),
    sa.Index(None, "secret"),
    sa.ForeignKeyConstraint(["project"], ["projects.id"]),
)
@dataclass(slots=True)
class CodeRepository(Row):
    """A code repository. Its token is a key of the secret of the id `secret`.

    It is read as `secret_reader`, who named it, may.
    """

    resource_type: ClassVar[str] = "weft.dev/CodeRepository"

    uid: UUID
    project: str
    id: str
    display_name: str
    description: str
    labels: dict[str, str]
    annotations: dict[str, str]
    kind: str
    url: str
    api_url: str
    secret: str
    secret_key: str
    username: str
    creator: str
    create_time: datetime
    update_time: datetime
    secret_reader: str = ""
    revision: int = 0
    changes: int = 1

    @property
    def name(self) -> str:
        return f"projects/{self.project}/codeRepositories/{self.id}"


@stored(
    "code_archives",
    sa.UniqueConstraint("repository_uid", "commit_id", "directory"),
    sa.ForeignKeyConstraint(["repository_uid"], ["code_repositories.uid"]),
)
@dataclass(slots=True)
class CodeArchive(Row):
    """The archive of a directory at a commit, which the artifact store has under its hash."""

    uid: UUID
    repository_uid: UUID
    commit_id: str
    directory: str
    sha256: str
    size_bytes: int
    create_time: datetime
