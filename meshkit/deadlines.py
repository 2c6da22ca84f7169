"""The deadline of the call being served, for the calls it makes itself."""

import time
from contextvars import ContextVar

# What the answer needs to travel back after a call of ours has failed in time.
_MARGIN_S = 0.05

# In time.monotonic() seconds; None while no deadline binds the work under way.
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def bind(remaining_s: float | None) -> None:
    """Remembers how long the caller of the RPC under way will wait."""
    _deadline.set(None if remaining_s is None else time.monotonic() + remaining_s)


def limit(own_s: float) -> float:
    """The timeout for a call that would wait `own_s` seconds on its own: never negative."""
    deadline = _deadline.get()
    if deadline is None:
        return own_s
    return max(0.0, min(own_s, deadline - time.monotonic() - _MARGIN_S))
