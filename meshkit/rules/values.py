"""Checks of single values. Descriptions say what is expected and never repeat the value."""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp

from meshkit.resources import ID_PATTERN, UUID_PATTERN
from meshkit.rules.patterns import compile_pattern
from weftapi.options.v1.options_pb2 import FieldRules

# Says what is wrong with a value, None if nothing is.
ValueCheck = Callable[[Any], str | None]

# Longest map key, as in labels of Kubernetes with their prefix.
MAX_KEY_LENGTH = 317
KEY = re.compile(rf"[^\x00-\x1f\x7f]{{1,{MAX_KEY_LENGTH}}}")

# Longest text that a pattern without a `max_length` is tried on.
PATTERN_LENGTH = 1024

DURATION = "google.protobuf.Duration"
TIMESTAMP = "google.protobuf.Timestamp"
_JSON = "google.protobuf.Value"

_F = FieldDescriptor
_FLOATS = frozenset({_F.CPPTYPE_FLOAT, _F.CPPTYPE_DOUBLE})
_INTEGERS = frozenset({_F.CPPTYPE_INT32, _F.CPPTYPE_INT64, _F.CPPTYPE_UINT32, _F.CPPTYPE_UINT64})
NANOS = 1_000_000_000
_MAX_DURATION_S = 315_576_000_000
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799

_DOMAIN = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# Format -> longest text, expression, what people are told.
_FORMATS: dict[int, tuple[int, str, str]] = {
    FieldRules.FORMAT_RESOURCE_ID: (
        63,
        ID_PATTERN,
        "an id: a lower-case letter, then letters, digits and hyphens, 63 at most; or a UUID",
    ),
    FieldRules.FORMAT_UUID: (36, UUID_PATTERN, "a UUID in lower case"),
    FieldRules.FORMAT_EMAIL: (
        254,
        rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_DOMAIN}(?:\.{_DOMAIN})*",
        "an e-mail address",
    ),
    FieldRules.FORMAT_URI: (
        2048,
        r"[A-Za-z][A-Za-z0-9+.-]{0,31}:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+",
        "an absolute URI",
    ),
    FieldRules.FORMAT_SHA256: (64, r"[0-9a-f]{64}", "a SHA-256 in lower-case hexadecimal"),
}


def value_checks(field: FieldDescriptor, rules: FieldRules) -> list[ValueCheck]:
    """Checks of one value (or item) of this field; ValueError for a rule that does not fit."""
    return [
        *_text_checks(field, rules),
        *_number_checks(field, rules),
        *_built_in_checks(field),
    ]


def _text_checks(field: FieldDescriptor, rules: FieldRules) -> Iterator[ValueCheck]:
    is_text = field.cpp_type == _F.CPPTYPE_STRING  # bytes too
    if rules.min_length or rules.max_length:
        fits(is_text, "a length", "strings and bytes")
        unit = "bytes" if field.type == _F.TYPE_BYTES else "characters"
        yield _length(rules.min_length, rules.max_length, unit)
    is_string = field.type == _F.TYPE_STRING
    if rules.pattern:
        fits(is_string, "a pattern", "strings")
        yield _pattern(rules.pattern, rules.max_length or PATTERN_LENGTH)
    if rules.format:
        fits(is_string, "a format", "strings")
        yield _format(rules.format)


def _number_checks(field: FieldDescriptor, rules: FieldRules) -> Iterator[ValueCheck]:
    if not (rules.HasField("minimum") or rules.HasField("maximum")):
        return
    is_duration = _message(field) == DURATION
    fits(field.cpp_type in _FLOATS | _INTEGERS or is_duration, "a range", "numbers and durations")
    least = rules.minimum if rules.HasField("minimum") else -math.inf
    most = rules.maximum if rules.HasField("maximum") else math.inf
    if not least <= most:
        raise ValueError("the minimum exceeds the maximum")
    yield _range(least, most, is_duration=is_duration)


def _built_in_checks(field: FieldDescriptor) -> Iterator[ValueCheck]:
    """What holds without any rule: such values cannot be stored, compared or printed."""
    if field.full_name == "google.protobuf.Value.number_value":
        yield lambda value: None if math.isfinite(value) else "must be a finite number"
    elif field.cpp_type in _FLOATS:
        yield lambda value: "must be a number, not NaN" if math.isnan(value) else None
    elif field.cpp_type == _F.CPPTYPE_ENUM:
        yield _enum(field)
    elif _message(field) == DURATION:
        yield _duration
    elif _message(field) == TIMESTAMP:
        yield _timestamp
    elif _message(field) == _JSON:
        yield _json


def _message(field: FieldDescriptor) -> str:
    return field.message_type.full_name if field.message_type else ""


def fits(fit: bool, rule: str, kinds: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not fit:
        raise ValueError(f"{rule} is a rule for {kinds}")


def _length(least: int, most: int, unit: str) -> ValueCheck:
    if most and least > most:
        raise ValueError("min_length exceeds max_length")

    def check(value: Any) -> str | None:
        size = len(value)
        if size < least:
            return f"must have at least {least} {unit}" if size else None
        return f"must have at most {most} {unit}" if most and size > most else None

    return check


def _pattern(pattern: str, longest: int) -> ValueCheck:
    expression = compile_pattern(pattern)
    description = f"must match {pattern}"

    def check(value: str) -> str | None:
        if len(value) > longest:
            return f"must have at most {longest} characters"
        return None if not value or expression.fullmatch(value) else description

    return check


def _format(format_: int) -> ValueCheck:
    if format_ not in _FORMATS:
        raise ValueError(f"unknown format {format_}")
    longest, pattern, noun = _FORMATS[format_]
    expression = re.compile(pattern)
    description = f"must be {noun}"

    def check(value: str) -> str | None:
        if not value or (len(value) <= longest and expression.fullmatch(value)):
            return None
        return description

    return check


def _range(least: float, most: float, *, is_duration: bool) -> ValueCheck:
    unit = " seconds" if is_duration else ""
    bounds = [
        f"at least {least:.15g}{unit}" if least > -math.inf else "",
        f"at most {most:.15g}{unit}" if most < math.inf else "",
    ]
    description = "must be " + " and ".join(filter(None, bounds))

    def check(value: Any) -> str | None:
        number = value.seconds + value.nanos / NANOS if is_duration else value
        # NaN is told by a check of its own.
        return description if number < least or number > most else None

    return check


def _enum(field: FieldDescriptor) -> ValueCheck:
    known = frozenset(field.enum_type.values_by_number) if field.enum_type else frozenset()
    return lambda value: None if value in known else "must be a known value"


def _duration(value: Duration) -> str | None:
    seconds, nanos = value.seconds, value.nanos
    within = abs(seconds) <= _MAX_DURATION_S and abs(nanos) < NANOS
    return None if within and seconds * nanos >= 0 else "must be a valid duration"


def _timestamp(value: Timestamp) -> str | None:
    valid = FIRST_SECOND <= value.seconds <= LAST_SECOND and 0 <= value.nanos < NANOS
    return None if valid else "must be a valid time in the years 1 to 9999"


def _json(value: Value) -> str | None:
    return None if value.WhichOneof("kind") else "must hold a value; null is one"
