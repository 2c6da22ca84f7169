"""Where the servers of provisioned workspaces run: a port, and what stands behind it.

A provisioner has no memory of its own: what there is can be seen where it runs, whatever was
killed in between. Every method may be called again, and after any crash, with the same result.
"""

import enum
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class Presence(enum.Enum):
    """Whether the server of a workspace is there."""

    ABSENT = "absent"
    STOPPED = "stopped"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class Observation:
    """What is there for a workspace; `trouble` is why it stopped, or does not get on."""

    presence: Presence
    version: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """A server to run: the version for a workspace, and how it joins where it has not yet.

    `name` is for people who look at what runs. Whatever the server joined with before is
    forgotten where there is a token.
    """

    uid: UUID
    name: str
    version: str
    token: str = ""


class ProvisionError(Exception):
    """What was asked for cannot be had now; the message says why, and it is tried again."""


class Provisioner(Protocol):
    """Runs servers of workspaces. Methods raise ProvisionError."""

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that it can run, the newest last."""
        ...

    def host_names(self, uid: UUID) -> tuple[str, ...]:
        """The names and addresses under which a workspace's server is reached."""
        ...

    async def place(self, placement: Placement) -> None:
        """Has a server run as described, in place of any other of that workspace."""
        ...

    async def observe(self, uid: UUID) -> Observation:
        """What is there now."""
        ...

    async def forget_token(self, uid: UUID) -> None:
        """The server has joined: its one-time token is of no more use."""
        ...

    async def stop(self, uid: UUID) -> None:
        """Stops a server and returns once it has stopped; its data stays."""
        ...

    async def remove(self, uid: UUID, *, remove_data: bool) -> None:
        """Stops a server and takes away everything but its data, or that too."""
        ...

    async def placed(self) -> Collection[UUID]:
        """The workspaces of this control plane whose servers are there and not stopped."""
        ...

    async def close(self) -> None:
        """Lets go of connections; servers run on."""
        ...
