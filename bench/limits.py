"""What the bare limits are on a quiet machine: performance.md, section 1, as numbers.

A share of a limit means little where something else holds the limit down: such a figure is
printed, and says neither that its target is met nor that it is missed. References are for
mutual TLS, which takes 5 to 10 % of what plaintext allows.
"""

from dataclasses import dataclass

# How far a limit may lie outside of its reference; another machine has another clock.
_SLACK = 0.30


@dataclass(frozen=True, slots=True)
class Reference:
    """Between what a limit lies on a quiet machine, in the figure's own unit."""

    low: float
    high: float

    def holds(self, limit: float) -> bool:
        """Whether a limit that was measured is close enough to mean something."""
        return self.low * (1 - _SLACK) <= limit <= self.high * (1 + _SLACK)

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.low:,.0f}"
        return f"{self.low:,.0f} to {self.high:,.0f}"


UNARY_CALLS = Reference(5_400, 6_900)
STREAMED_MESSAGES = Reference(45_000, 60_000)
LOG_LINES = Reference(1_620_000, 3_000_000)
# Deliveries of one event to so many watchers, from memory.
FAN_OUT = {100: Reference(275_000, 275_000), 1_000: Reference(82_000, 82_000)}
