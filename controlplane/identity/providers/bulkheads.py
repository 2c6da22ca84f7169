"""One provider's trouble stays its own: so many conversations at once, so long in all."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

from controlplane.identity.providers.model import ProviderUnavailableError

_PLACES = 16


class Bulkheads:
    """Bounds what each provider takes of us."""

    def __init__(self, *, seconds: float, places: int = _PLACES) -> None:
        self._seconds = seconds
        self._places = places
        self._taken: Counter[UUID] = Counter()

    @contextlib.asynccontextmanager
    async def enter(self, provider: UUID) -> AsyncIterator[None]:
        """Everything a sign-in does with a provider; raises ProviderUnavailableError.

        Who finds no place is refused at once: behind a provider that hangs, waiting is in vain.
        """
        if self._taken[provider] >= self._places:
            raise ProviderUnavailableError("too many sign-ins wait for it")
        self._taken[provider] += 1
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except TimeoutError as error:
            raise ProviderUnavailableError(
                f"it did not answer within {self._seconds:g} seconds"
            ) from error
        finally:
            self._taken[provider] -= 1
            if not self._taken[provider]:
                del self._taken[provider]
