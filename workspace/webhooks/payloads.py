"""Bodies of webhooks' messages as JSON: only what databases, parameters and filters can hold."""

import json
import math
from collections.abc import Iterable
from typing import Any

from meshkit.errors import InvalidArgument

MAX_BYTES = 1 << 20
_MAX_DEPTH = 64
_INT64 = range(-(1 << 63), 1 << 63)
# Digits of the longest number that is read at all: reading takes quadratic time.
_MAX_DIGITS = 400


class _RefusedError(ValueError):
    """Says what of the JSON is not taken."""


def parse(body: bytes) -> dict[str, Any]:
    """The object in a body; InvalidArgument `INVALID_PAYLOAD` for what is none that Weft takes.

    Stricter than JSON: strict UTF-8, no name twice in an object, numbers of 64 bits or finite
    floats, no lone surrogates, no NUL, 64 levels at most.
    """
    try:
        value = json.loads(
            body.decode(),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_int,
            parse_float=_float,
        )
    except UnicodeDecodeError:
        raise _invalid("is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _invalid(f"is not JSON: {error}") from None
    except _RefusedError as error:
        raise _invalid(str(error)) from None
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(value, dict):
        raise _invalid("must be a JSON object")
    _check(value)
    return value


def _check(value: Any) -> None:
    """Level by level, so that nothing descends as deep as a stranger wants."""
    level: list[Any] = [value]
    for _ in range(_MAX_DEPTH):
        texts = [item for item in level if isinstance(item, str)]
        if not all(map(_is_storable, texts)):
            raise _invalid("holds a character that is none: a NUL, or half of a pair")
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise _too_deep()


def _children(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        return [*item, *item.values()]
    return item if isinstance(item, list) else ()


def _is_storable(text: str) -> bool:
    # Nearly all are ASCII, which says enough in one look.
    if "\0" in text:
        return False
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RefusedError("has a name twice in one object")
    return members


def _refuse_constant(text: str) -> Any:
    raise _RefusedError(f"holds {text}, which is no number")


def _int(text: str) -> int:
    number = int(text) if len(text) <= _MAX_DIGITS else None
    if number is None or number not in _INT64:
        raise _RefusedError("holds a whole number beyond 64 bits")
    return number


def _float(text: str) -> float:
    number = float(text) if len(text) <= _MAX_DIGITS else math.inf
    if not math.isfinite(number):
        raise _RefusedError("holds a number beyond what a float can be")
    return number


def _too_deep() -> InvalidArgument:
    return _invalid(f"nests deeper than {_MAX_DEPTH} levels")


def _invalid(problem: str) -> InvalidArgument:
    return InvalidArgument("INVALID_PAYLOAD", f"The body {problem}.")
