"""What trying a component finds: one check for each thing that is tried, each bounded in time."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field

import httpx2

from meshkit.clock import Clock
from meshkit.egress import EgressError
from meshkit.errors import MeshError
from meshkit.objects.port import ObjectStoreError

_MAX_WORDS = 1024


class FailedCheckError(Exception):
    """Something is not as it should be; says what, and what to do where that is special."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


_EXPECTED = (FailedCheckError, MeshError, ObjectStoreError, EgressError, httpx2.HTTPError, OSError)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried; `component` is a name, empty where it is about a whole stack."""

    component: str
    check: str
    ok: bool
    reason: str
    remedy: str = ""
    duration_s: float = 0.0


@dataclass(slots=True)
class Report:
    """The checks of one component, in their order."""

    component: str
    clock: Clock
    timeout_s: float
    checks: list[Check] = field(default_factory=list)

    async def attempt(self, check: str, work: Awaitable[str], *, remedy: str) -> bool:
        """Tries one thing, which answers in words how it went; whether it went well.

        Whatever goes wrong in an expected way becomes a check that failed.
        """
        started = self.clock.monotonic()
        try:
            async with asyncio.timeout(self.timeout_s):
                words, advice = await work, ""
        except TimeoutError:
            words, advice = f"It took longer than {self.timeout_s:g} seconds.", remedy
        except _EXPECTED as error:
            words = error.message if isinstance(error, MeshError) else str(error)
            advice = getattr(error, "remedy", "") or remedy
        took = self.clock.monotonic() - started
        ok = not advice
        self.checks.append(Check(self.component, check, ok, words[:_MAX_WORDS], advice, took))
        return ok
