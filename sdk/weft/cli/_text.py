"""Text from elsewhere, made safe for a terminal.

Names, reasons and log lines come from other people's code. Colours are let through in logs;
everything else that a terminal would obey is made visible or dropped.
"""

from __future__ import annotations

import re
import unicodedata

# CSI and OSC sequences (the latter hold titles, links and clipboards), and other escapes.
_ESCAPES = re.compile(
    r"(?P<colour>\x1b\[[0-9;:]*m)"
    r"|\x1b\[[0-?]*[ -/]*[@-~]"
    r"|[\x1b\x9b-\x9f][\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_RESET = "\x1b[0m"
# Characters that reorder or hide what follows them: a name could show as another.
_DECEPTIVE = frozenset(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F]))


def plain(text: str) -> str:
    """One line without anything that a terminal obeys."""
    return "".join(map(_visible, _ESCAPES.sub("", text)))


def lines(text: str) -> list[str]:
    """Several lines, each `plain`; tabs become spaces."""
    return [plain(line.expandtabs(4)) for line in text.splitlines()]


def coloured(text: str) -> str:
    """One line that keeps its colours, and nothing else that a terminal obeys."""
    parts: list[str] = []
    end = 0
    has_colour = False
    for found in _ESCAPES.finditer(text):
        parts.append(_shown(text[end : found.start()]))
        if colour := found["colour"]:
            parts.append(colour)
            has_colour = True
        end = found.end()
    parts.append(_shown(text[end:]))
    return "".join(parts) + (_RESET if has_colour else "")


def width(text: str) -> int:
    """How many columns a line without escapes takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def fitted(text: str, columns: int) -> str:
    """A line without escapes, cut to so many columns."""
    if width(text) <= columns:
        return text
    kept = ""
    for character in text:
        if width(kept + character) > columns - 1:
            break
        kept += character
    return f"{kept}…"


def _shown(text: str) -> str:
    # What comes after a carriage return would paint over what came before it.
    return "".join(map(_visible, text.expandtabs(8).rstrip("\r").rpartition("\r")[2]))


def _visible(character: str) -> str:
    if character.isprintable() and character not in _DECEPTIVE:
        return character
    return "\N{REPLACEMENT CHARACTER}"
