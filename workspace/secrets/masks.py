"""Hides values in what steps print and report: the values themselves, and what they look like
when they are sent: in JSON, in URLs, in base64.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
WITHHELD = "[not shown: the secrets of this run cannot be read now]"
# Shorter ones stand in ordinary text by chance: hiding them would tell more than it hides. As
# in the SDK.
SHORTEST = 4
# Base64 of less would be found by chance.
_SHORTEST_ENCODED = 8
_BASE64_GROUP = 3
# What a failure says in words that the contract knows.
_OUR_WORDS = frozenset({"kind", "code", "step"})


class Mask:
    """Knows values, and nothing of where they come from."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in _forms(value)}
        # The longest first, so that none is left half hidden behind a part of it.
        longest = sorted(forms, key=len, reverse=True)
        # Looked for one by one: for the few values that runs have, this takes a tenth of the
        # time of one regular expression, and less than an automaton.
        self._needles = [form.encode() for form in longest]
        self._pattern = re.compile("|".join(map(re.escape, longest))) if longest else None

    def hits(self, data: bytes) -> bool:
        """Whether any of it is in a UTF-8 text, or in a message with such texts."""
        return any(needle in data for needle in self._needles)

    def text(self, text: str) -> str:
        """The text with everything hidden."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def document(self, value: Any) -> Any:
        """The same JSON, with everything hidden in its texts and its names."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(name): self.document(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.document(item) for item in value]
        return value

    def failure(self, failure: dict[str, Any]) -> dict[str, Any]:
        """The same failure: what the contract itself says of it stays."""
        return {
            name: value if name in _OUR_WORDS else self.document(value)
            for name, value in failure.items()
        }


class Withheld(Mask):
    """Hides everything: for when nobody can say what there is to hide."""

    def __init__(self) -> None:
        super().__init__(())

    def hits(self, data: bytes) -> bool:  # noqa: ARG002 - whatever it is
        return True

    def text(self, text: str) -> str:
        return WITHHELD if text else ""


def _forms(value: str) -> Iterator[str]:
    """What a value looks like; one of several lines also line by line, as logs print it."""
    for part in {value.strip(), *map(str.strip, value.splitlines())}:
        if len(part) >= SHORTEST:
            yield part
            yield json.dumps(part)[1:-1]
            yield json.dumps(part, ensure_ascii=False)[1:-1]
            yield quote(part, safe="")
            yield quote_plus(part)
            yield from _in_base64(part.encode())


def _in_base64(value: bytes) -> Iterator[str]:
    """What of a value stands in the base64 of any text that contains it.

    Three bytes become four characters: it depends on the place what the first and the last of
    them share with their neighbours.
    """
    if len(value) < _SHORTEST_ENCODED:
        return
    for before in range(_BASE64_GROUP):
        text = base64.b64encode(bytes(before) + value).decode().rstrip("=")
        first = -(-before * 8 // 6)
        last = (before + len(value)) * 8 // 6
        yield text[first:last]
        yield text[first:last].replace("+", "-").replace("/", "_")
