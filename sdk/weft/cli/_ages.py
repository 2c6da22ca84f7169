"""Ages as people type them."""

from __future__ import annotations

import re

from weft.cli._exit import CommandError, Exit

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def age_of(text: str) -> int:
    """Seconds of an age such as 7d; raises CommandError."""
    match = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    if match is None:
        raise CommandError(f"{text!r} is no age such as 30m, 12h, 7d or 4w", Exit.USAGE)
    return int(match[1]) * _UNITS[match[2]]
