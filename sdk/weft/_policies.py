"""What a step may ask for: resources and retries."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_UNITS = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]i?|Ki)?B?")


def parse_bytes(quantity: str | int) -> int:
    """Read a quantity of bytes: `512`, `"500M"` (10**6), `"4Gi"` (2**30).

    Raises:
        ValueError: The text is no quantity.
    """
    if isinstance(quantity, int):
        return quantity
    match = _QUANTITY.fullmatch(quantity.strip())
    if match is None or (match[2] or "") not in _UNITS:
        raise ValueError(f"{quantity!r} is no quantity of bytes; write 512, '500M' or '4Gi'")
    return int(float(match[1]) * _UNITS[match[2] or ""])


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one attempt of a step needs.

    Attributes:
        cpu: Cores; fractions are allowed.
        memory: Bytes, or a quantity such as `"4Gi"`.
        gpu: Number of GPUs.
    """

    cpu: float | None = None
    memory: str | int | None = None
    gpu: int = 0

    def __post_init__(self) -> None:
        if (self.cpu is not None and self.cpu <= 0) or self.gpu < 0:
            raise ValueError("Resources: cpu must be positive and gpu must not be negative")
        parse_bytes(self.memory or 0)

    @property
    def cpu_millis(self) -> int:
        """Thousandths of a core; 0 when nothing is asked for."""
        return round((self.cpu or 0) * 1000)

    @property
    def memory_bytes(self) -> int:
        """Memory in bytes; 0 when nothing is asked for."""
        return parse_bytes(self.memory or 0)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when a failed step is tried again.

    Attributes:
        max: Attempts after the first one.
        backoff_s: Seconds before the first retry; doubles with every further one.
        max_backoff_s: Longest wait in seconds.
        jitter: Share of the wait that is random, 0 to 1, so that many steps do not retry at once.
        retry_on: Exceptions worth another attempt. A timeout counts as `TimeoutError`.
        memory_growth: What the memory that the step asks for is multiplied by after an attempt
            in a workload of its own ran out of it; 1.0 leaves it as it is.
        max_memory: The most that any attempt gets so: bytes, or a quantity such as `"64Gi"`.
    """

    max: int = 3
    backoff_s: float = 1.0
    max_backoff_s: float = 60.0
    jitter: float = 0.2
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    memory_growth: float = 1.0
    max_memory: str | int | None = None

    def __post_init__(self) -> None:
        if self.max < 0 or self.backoff_s < 0 or not 0 <= self.jitter <= 1:
            raise ValueError("Retry: max and backoff_s must not be negative, jitter is 0 to 1")
        if not 1 <= self.memory_growth <= 10:  # noqa: PLR2004 - as the contract has it
            raise ValueError("Retry: memory_growth is 1 to 10")
        parse_bytes(self.max_memory or 0)

    def delay_s(self, failed_attempts: int, random: Callable[[], float]) -> float:
        """Give the wait in seconds after so many failed attempts; `random` yields [0, 1)."""
        # The exponent is capped so that 2**n never leaves the floats.
        wait = min(self.backoff_s * 2.0 ** min(failed_attempts - 1, 60), self.max_backoff_s)
        return wait * (1 - self.jitter * random())

    def grown(self, memory_bytes: int) -> int:
        """Give the memory in bytes that follows an attempt for which so much was too little."""
        most = parse_bytes(self.max_memory or 0) or memory_bytes * 10
        return max(memory_bytes, min(round(memory_bytes * self.memory_growth), most))
