"""What every store of values does, and how it fails."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Ref:
    """One generation of the values of one secret."""

    secret: str
    generation: UUID

    @property
    def name(self) -> str:
        """Letters, digits and hyphens, 96 at most: every store takes such a name."""
        return f"{self.secret}-{self.generation.hex}"


class StoreError(Exception):
    """A store did not do as it was asked; the message says why, and holds no value.

    `is_refusal` where asking again cannot help until somebody changes rights or settings.
    """

    def __init__(self, message: str, *, is_refusal: bool = False) -> None:
        super().__init__(message)
        self.is_refusal = is_refusal


class ValueStore(Protocol):
    """Keeps values by reference. Everything may be repeated; whatever fails is a StoreError."""

    async def put(self, ref: Ref, values: Mapping[str, str]) -> None:
        """Keeps values under a reference that nothing else has."""

    async def get(self, ref: Ref) -> dict[str, str] | None:
        """The values; None where there are none."""

    async def delete(self, ref: Ref) -> None:
        """Forgets the values, if there are any."""

    async def close(self) -> None:
        """Lets go of connections."""
