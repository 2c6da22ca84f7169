"""Scalar values as ProtoJSON and as URL text: rules 21-24 and 30-33.

`from_json` and `from_text` answer a function that reads one value of a field, or raises
ValueError with what is wrong, in words that fit behind the field's name.
"""

import base64
import math
import re
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

Convert = Callable[[Any], Any]

_F = FieldDescriptor
_RANGES = {
    **dict.fromkeys((_F.TYPE_INT32, _F.TYPE_SINT32, _F.TYPE_SFIXED32), (-(2**31), 2**31 - 1)),
    **dict.fromkeys((_F.TYPE_UINT32, _F.TYPE_FIXED32), (0, 2**32 - 1)),
    **dict.fromkeys((_F.TYPE_INT64, _F.TYPE_SINT64, _F.TYPE_SFIXED64), (-(2**63), 2**63 - 1)),
    **dict.fromkeys((_F.TYPE_UINT64, _F.TYPE_FIXED64), (0, 2**64 - 1)),
}
_ENUM_RANGE = (-(2**31), 2**31 - 1)
# The largest number that still rounds to a finite 32-bit float: the largest float is printed
# with so few digits that what is read back lies a little above it.
_MAX_FLOAT = math.nextafter(2.0**128 - 2.0**103, 0)
_BEYOND = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
# Go's ParseFloat takes these in any case.
_BEYOND_IN_TEXT = re.compile(r"([+-]?)inf(?:inity)?|nan", re.IGNORECASE)

_DIGITS = re.compile(r"-?[0-9]{1,20}")
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_TEXT_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*")
_TIMESTAMP = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})", re.ASCII
)
_SECONDS = re.compile(r"-?\d{1,12}(?:\.\d{1,9})?s", re.ASCII)
_GO_DURATION = re.compile(r"([+-]?)((?:\d{1,18}(?:\.\d*)?(?:ns|us|µs|μs|ms|s|m|h))+)", re.ASCII)
_GO_PART = re.compile(r"(\d+)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_NANOS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6}
_NANOS |= {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_JSON_MASK = re.compile(r"[a-zA-Z0-9.*,]*")
_TEXT_MASK = re.compile(r"[a-zA-Z0-9_.*,]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


def from_json(field: FieldDescriptor, *, is_key: bool = False) -> Convert:
    """Answers the reader of a scalar or enum field's JSON form; keys of maps are strings."""
    if field.type in _RANGES:
        return _integer_key(*_RANGES[field.type]) if is_key else _integer(*_RANGES[field.type])
    if field.type == _F.TYPE_BOOL:
        return _flag_key if is_key else _flag
    if field.type == _F.TYPE_BYTES:
        return _bytes
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.type in (_F.TYPE_FLOAT, _F.TYPE_DOUBLE):
        return _float(_MAX_FLOAT if field.type == _F.TYPE_FLOAT else math.inf)
    return text


def from_text(field: FieldDescriptor) -> Convert:
    """Answers the reader of a scalar or enum field's form in paths and queries."""
    if field.type in _RANGES:
        return _integer_key(*_RANGES[field.type])
    if field.type == _F.TYPE_BOOL:
        return _text_flag
    if field.type == _F.TYPE_BYTES:
        return _bytes
    if field.enum_type is not None:
        return _text_enum(field.enum_type)
    if field.type in (_F.TYPE_FLOAT, _F.TYPE_DOUBLE):
        return _text_float(_MAX_FLOAT if field.type == _F.TYPE_FLOAT else math.inf)
    return text


def text(value: Any) -> str:
    """Reads a string; JSON can spell half a surrogate pair, which is no text."""
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004 - one kind of error for callers
    if not value.isascii() and _SURROGATE.search(value):
        raise ValueError("is not valid Unicode")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004
    return value


def _flag_key(value: str) -> bool:
    if value not in ("true", "false"):
        raise ValueError("must be 'true' or 'false'")
    return value == "true"


def _text_flag(value: str) -> bool:
    if value not in _TRUE and value not in _FALSE:
        raise ValueError("must be true or false")
    return value in _TRUE


def _integer(low: int, high: int) -> Convert:
    def convert(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError("must be an integer")  # noqa: TRY004
        number = _integral(value)
        if number is None:
            raise ValueError("must be an integer")
        return _within(number, low, high)

    return convert


def _integral(value: float | str) -> int | None:
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        if _DIGITS.fullmatch(value):
            return int(value)
        if not _JSON_NUMBER.fullmatch(value):
            return None
        value = float(value)
    return int(value) if value.is_integer() else None


def _integer_key(low: int, high: int) -> Convert:
    def convert(value: str) -> int:
        if not _DIGITS.fullmatch(value):
            raise ValueError("must be a decimal integer")
        return _within(int(value), low, high)

    return convert


def _within(number: int, low: int, high: int) -> int:
    if not low <= number <= high:
        raise ValueError(f"must lie between {low} and {high}")
    return number


def _float(limit: float) -> Convert:
    def convert(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError("must be a number")  # noqa: TRY004
        if isinstance(value, str):
            if value in _BEYOND:
                return _BEYOND[value]
            if not _JSON_NUMBER.fullmatch(value):
                raise ValueError("must be a number")
        return _representable(value, limit)

    return convert


def _text_float(limit: float) -> Convert:
    def convert(value: str) -> float:
        if _BEYOND_IN_TEXT.fullmatch(value):
            return float(value)
        if not _TEXT_NUMBER.fullmatch(value):
            raise ValueError("must be a number")
        return _representable(value, limit)

    return convert


def _representable(value: float | str, limit: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not abs(number) <= limit or math.isinf(number):
        raise ValueError("is out of range")
    return number


def _bytes(value: Any) -> bytes:
    encoded = text(value).replace("-", "+").replace("_", "/")
    digits = encoded.rstrip("=")
    padding = len(encoded) - len(digits)
    missing = -len(digits) % 4
    if not _BASE64.fullmatch(digits) or missing == 3 or padding not in (0, missing):  # noqa: PLR2004
        raise ValueError("must be base64")
    return base64.b64decode(digits + "=" * missing)


def _enum(enum: EnumDescriptor) -> Convert:
    if enum.full_name == "google.protobuf.NullValue":
        return _null
    numbers = {value.name: value.number for value in enum.values}

    def convert(value: Any) -> int:
        if isinstance(value, str):
            return _named(value, numbers)
        return int(_integer(*_ENUM_RANGE)(value))

    return convert


def _null(value: Any) -> int:
    if value not in (None, "NULL_VALUE", 0) or isinstance(value, bool):
        raise ValueError("must be null")
    return 0


def _text_enum(enum: EnumDescriptor) -> Convert:
    numbers = {value.name: value.number for value in enum.values}
    declared = frozenset(numbers.values())

    def convert(value: str) -> int:
        if _DIGITS.fullmatch(value) and int(value) in declared:
            return int(value)
        return _named(value, numbers)

    return convert


def _named(name: str, numbers: dict[str, int]) -> int:
    if name not in numbers:
        raise ValueError(f"must be one of {', '.join(sorted(numbers)[:20])}")
    return numbers[name]


def set_timestamp(message: Any, value: str) -> None:
    """Sets a Timestamp from RFC 3339 text in any offset."""
    if not _TIMESTAMP.fullmatch(value):
        raise ValueError("must be an RFC 3339 time such as 2024-05-01T12:00:00Z")
    try:
        message.FromJsonString(value)
    except (ValueError, OverflowError):
        raise ValueError("is not a time between the years 1 and 9999") from None


def set_duration(message: Any, value: str) -> None:
    """Sets a Duration from seconds such as "1.5s"."""
    if not _SECONDS.fullmatch(value):
        raise ValueError('must be seconds such as "1.5s"')
    try:
        message.FromJsonString(value)
    except ValueError:
        raise ValueError("is out of range") from None


def set_text_duration(message: Any, value: str) -> None:
    """Sets a Duration from "90s" or Go's "1h30m"."""
    match = _GO_DURATION.fullmatch(value)
    if match is None:
        raise ValueError('must be a duration such as "90s" or "1h30m"')
    nanos = sum(_part_nanos(*part) for part in _GO_PART.findall(match[2]))
    if nanos > 315_576_000_000 * 10**9:
        raise ValueError("is out of range")
    message.FromNanoseconds(-nanos if match[1] == "-" else nanos)


def _part_nanos(whole: str, fraction: str, unit: str) -> int:
    digits = fraction[:18]
    part: int = int(digits or "0") * _NANOS[unit] // 10 ** len(digits)
    return int(whole) * _NANOS[unit] + part


def set_field_mask(message: Any, value: str) -> None:
    """Sets a FieldMask from comma-separated camel-case paths."""
    if not _JSON_MASK.fullmatch(value):
        raise ValueError("must be comma-separated camel-case paths")
    message.FromJsonString(value)


def set_text_field_mask(message: Any, value: str) -> None:
    """Sets a FieldMask from comma-separated paths in snake or camel case."""
    if not _TEXT_MASK.fullmatch(value):
        raise ValueError("must be comma-separated field paths")
    message.paths.extend(snake_case(path) for path in value.split(",") if value)


def snake_case(path: str) -> str:
    """Turns "a.bC" into "a.b_c"; snake case stays as it is."""
    return re.sub(r"[A-Z]", lambda upper: f"_{upper[0].lower()}", path)
