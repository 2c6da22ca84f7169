"""What a host of code is asked, and what it answers."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Place:
    """Where a repository is, and what opens it; `name` is its name here."""

    name: str
    url: str
    api_url: str = ""
    username: str = ""
    token: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        """Scheme and host, as an address of its own."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def path(self) -> str:
        """What the host calls the repository: "team/models"."""
        return urlsplit(self.url).path.strip("/").removesuffix(".git")


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit; `subject` is the first line of its message."""

    id: str
    time: datetime
    subject: str


@dataclass(frozen=True, slots=True)
class Head:
    """The newest commit of the default branch, whose name not every host says."""

    branch: str
    commit: Commit


@dataclass(frozen=True, slots=True)
class Tarball:
    """An archive as a host packs it; files stand `depth` folders below its root."""

    file: Path
    depth: int


class Host(Protocol):
    """One repository at its host. Every method raises the refusals of `failures`."""

    async def head(self) -> Head:
        """The newest commit of the default branch."""
        ...

    async def resolve(self, revision: str) -> Commit:
        """The commit that a revision means now."""
        ...

    async def fetch(self, commit: str, directory: Path) -> Tarball:
        """Writes an archive of a commit into an empty directory."""
        ...
