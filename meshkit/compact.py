"""The compact form of a JWT, read strictly and not yet verified.

Lenient readers disagree: padding makes a second spelling of the same token, and of a name that
stands twice one takes the first, another the last. Neither is a token here.
"""

import base64
import json
import re
from typing import Any, NoReturn

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class NotCompactError(ValueError):
    """Whatever it is, it is no JWT."""


def read(encoded: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims; raises NotCompactError, or RecursionError for deep nesting."""
    if _FORM.fullmatch(encoded) is None:
        raise NotCompactError("not three parts of base64url")
    header, claims, _ = encoded.split(".")
    try:
        return _object(header), _object(claims)
    except ValueError as error:
        raise NotCompactError(str(error)) from error


def _object(part: str) -> dict[str, Any]:
    text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    document = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004 - malformed input, not a bug
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name stands twice")
    return document


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
