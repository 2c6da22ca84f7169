"""Identifiers that sort by the time of their making."""

import os
import time
from uuid import UUID

_RANDOM_MASK = (1 << 62) - 1


def new_uid() -> UUID:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, 12 bits of their fraction, 62 random bits.

    The fraction (method 3 of section 6.2) keeps ids of one process in order to about a quarter
    of a microsecond without any state, so that neighbours in time are neighbours in an index.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = (nanoseconds << 12) // 1_000_000
    random = int.from_bytes(os.urandom(8)) & _RANDOM_MASK
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random)
