"""Who can hold a role: people and programs themselves, and teams on behalf of their members.

Pure: no database, no protobuf.
"""

import enum
from dataclasses import dataclass, field
from uuid import UUID


class SubjectKind(enum.Enum):
    """Kinds of subject; the values stand in tables."""

    USER = "user"
    SERVICE_ACCOUNT = "service_account"
    TEAM = "team"


_COLLECTIONS = {
    SubjectKind.USER: "users",
    SubjectKind.SERVICE_ACCOUNT: "serviceAccounts",
    SubjectKind.TEAM: "teams",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A holder of roles. Its UUID is never used again, whatever becomes of its name.

    `scope` is what the token of a caller is limited to; it says nothing about who they are.
    """

    kind: SubjectKind
    uid: UUID
    scope: frozenset[str] | None = field(default=None, compare=False)

    @property
    def claim(self) -> str:
        """As it stands in tokens and policies: "users/<uuid>", "serviceAccounts/<uuid>"."""
        return f"{_COLLECTIONS[self.kind]}/{self.uid}"


def user(uid: UUID) -> Subject:
    return Subject(SubjectKind.USER, uid)


def team(uid: UUID) -> Subject:
    return Subject(SubjectKind.TEAM, uid)
