"""What code says, as wires and databases take it: a text or a figure may be anything."""

from __future__ import annotations

from typing import Any

from weft import _json


def sayable(text: str) -> str:
    """Replaces lone surrogates, which no wire carries, and NUL, which not all databases keep."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")


def sendable(value: Any) -> Any:
    """The same of all texts in JSON data; NaN and infinities, which JSON lacks, as `_json` does."""
    if isinstance(value, float):
        return _json.encode(value)
    if isinstance(value, str):
        return sayable(value)
    if isinstance(value, dict):
        return {sayable(name): sendable(item) for name, item in value.items()}
    return [sendable(item) for item in value] if isinstance(value, list) else value
