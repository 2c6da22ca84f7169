"""The port to where objects are kept.

Keys are relative to the store's root, with "/" between their parts; what could leave the root is
refused. Every method raises ObjectStoreError where the store cannot do it now, and says why in
words that hold no credential.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol


class ObjectStoreError(Exception):
    """The store could not do it."""


class ObjectMissingError(ObjectStoreError):
    """There is no such object."""


class ObjectDeniedError(ObjectStoreError):
    """The store refused: credentials that are missing, wrong, or allow too little."""


# What obstore asks for credentials: keys by their names there, and "expires_at".
CredentialSource = Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object, without its bytes; its time is to the second, as stores tell it."""

    key: str
    size_bytes: int
    modify_time: datetime


class ObjectStore(Protocol):
    """Objects below one root, which is a URI."""

    root: str

    async def put(self, key: str, data: bytes) -> None:
        """Writes an object whole, over what was there; durable when it returns."""
        ...

    async def create(self, key: str, data: bytes) -> bool:
        """Writes an object where there is none; whether there was none."""
        ...

    async def upload(self, key: str, source: Path) -> None:
        """Writes a file as an object, over what was there: whole or not at all, of any size."""
        ...

    async def get(self, key: str, *, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes from an offset on; fewer than `length` where the object ends before.

        Raises ObjectMissingError.
        """
        ...

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """The object in pieces of about a megabyte. Raises ObjectMissingError."""
        ...

    async def head(self, key: str) -> ObjectInfo | None:
        """What is known of an object, None where there is none."""
        ...

    def list(self, folder: str = "") -> AsyncIterator[ObjectInfo]:
        """The objects below a folder at any depth, in the order of their keys."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Removes objects; those that are gone already are no error."""
        ...

    async def sign(self, key: str, *, lifetime: timedelta) -> str:
        """A link by which anybody can read the object for a while; "" where there are none."""
        ...
