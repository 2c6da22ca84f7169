"""Plain data as JSON that reads back equal: same types, same order, same values.

What JSON knows stays plain JSON. The rest is an object with a `$type`, so that a browser can still
show it. Reading never imports a module: a class is found only where it is already loaded.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import decimal
import enum
import math
import sys
import uuid
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

_TAG = "$type"
_POSIX_PATH = type(Path())
# Classes written by this process: finds the local ones, which no module lists.
_written: weakref.WeakValueDictionary[str, type] = weakref.WeakValueDictionary()


class NotPlainError(TypeError):
    """The value holds something that JSON could not give back equal."""


def encode(value: Any) -> Any:
    """Give the JSON value of plain data.

    Raises:
        NotPlainError: The value is, or holds, something else; the message says what and where.
    """
    return _encode(value, "value", 0)


def decode(data: Any) -> Any:
    """Give back what `encode` took.

    Raises:
        NotPlainError: A class named in the data is not loaded here.
    """
    if isinstance(data, list):
        return [decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    if _TAG not in data:
        return {key: decode(item) for key, item in data.items()}
    return _DECODERS[data[_TAG]](data)


def class_name(cls: type) -> str:
    """Name a class as `module:Qualified.Name`; a script is named by its file, not `__main__`."""
    return f"{module_name(cls.__module__)}:{cls.__qualname__}"


def module_name(module: str) -> str:
    """Name a module the way another process can import it."""
    if module != "__main__":
        return module
    file = getattr(sys.modules["__main__"], "__file__", None)
    return Path(file).stem if file else module


def _encode(value: Any, where: str, depth: int) -> Any:
    if depth > 100:  # noqa: PLR2004 - far beyond honest data, far below the recursion limit
        raise NotPlainError(f"{where} is nested deeper than 100 levels or holds itself")
    kind = type(value)
    if value is None or kind in {bool, int, str}:
        return value
    if kind is float:
        return value if math.isfinite(value) else {_TAG: "float", "value": repr(value)}
    if kind is list:
        return [_encode(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    if kind is dict:
        return _encode_dict(value, where, depth)
    if kind in _SCALARS:
        return {_TAG: _SCALARS[kind][0], "value": _SCALARS[kind][1](value)}
    return _encode_object(value, where, depth)


def _encode_dict(value: dict[Any, Any], where: str, depth: int) -> Any:
    if all(type(key) is str for key in value) and _TAG not in value:
        return {k: _encode(item, f"{where}[{k!r}]", depth + 1) for k, item in value.items()}
    items = [
        [_encode(k, f"a key of {where}", depth + 1), _encode(v, f"{where}[{k!r}]", depth + 1)]
        for k, v in value.items()
    ]
    return {_TAG: "dict", "items": items}


def _encode_object(value: Any, where: str, depth: int) -> Any:
    kind = type(value)
    if kind in {tuple, set, frozenset}:
        items = [_encode(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
        if kind is not tuple:  # equal sets are equal files, whatever their order in memory
            items.sort(key=repr)
        return {_TAG: kind.__name__, "items": items}
    if isinstance(value, enum.Enum) and value.name in kind.__members__:
        return {_TAG: "enum", "class": remember(kind), "name": value.name}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return _encode_fields("namedtuple", value, kind._fields, where, depth)
    if _is_plain_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return _encode_fields("dataclass", value, names, where, depth)
    raise NotPlainError(f"{where} is a {kind.__module__}.{kind.__qualname__}")


def _encode_fields(tag: str, value: Any, names: Any, where: str, depth: int) -> Any:
    fields = {n: _encode(getattr(value, n), f"{where}.{n}", depth + 1) for n in names}
    return {_TAG: tag, "class": remember(type(value)), "fields": fields}


def _is_plain_dataclass(value: Any) -> bool:
    """Whether the fields are all there is, so that setting them gives an equal object."""
    if not dataclasses.is_dataclass(value) or type(value).__new__ is not object.__new__:
        return False
    names = {field.name for field in dataclasses.fields(value)}
    return getattr(value, "__dict__", {}).keys() <= names and all(hasattr(value, n) for n in names)


def remember(cls: type) -> str:
    """Name a class so that `resolve` finds it, in this process even if it is a local one."""
    name = class_name(cls)
    _written[name] = cls
    return name


def resolve(name: str) -> Any:
    """Find a class by its name, without importing anything.

    Raises:
        NotPlainError: It is not loaded here.
    """
    if name in _written:
        return _written[name]
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module)
    if found is None and module == module_name("__main__"):
        found = sys.modules["__main__"]
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise NotPlainError(f"{name} is not loaded here; import {module} first")
    return found


def _decode_enum(data: dict[str, Any]) -> Any:
    cls = resolve(data["class"])
    if not issubclass(cls, enum.Enum):
        raise NotPlainError(f"{data['class']} is not an enum here")
    return cls[data["name"]]


def _decode_namedtuple(data: dict[str, Any]) -> Any:
    cls = resolve(data["class"])
    if not (issubclass(cls, tuple) and hasattr(cls, "_fields")):
        raise NotPlainError(f"{data['class']} is not a NamedTuple here")
    return tuple.__new__(cls, [decode(data["fields"][name]) for name in cls._fields])


def _decode_dataclass(data: dict[str, Any]) -> Any:
    cls: type[Any] = resolve(data["class"])
    if not dataclasses.is_dataclass(cls) or cls.__new__ is not object.__new__:
        raise NotPlainError(f"{data['class']} is not a dataclass here")
    # Not through __init__: __post_init__ has already had its say over these values.
    value: Any = object.__new__(cls)
    for field in dataclasses.fields(cls):
        object.__setattr__(value, field.name, decode(data["fields"][field.name]))
    return value


def _encode_datetime(value: dt.datetime) -> Any:
    if not (value.tzinfo is None or type(value.tzinfo) is dt.timezone):
        raise NotPlainError("a datetime in a named time zone; use a fixed offset such as UTC")
    return [value.isoformat(), value.fold] if value.fold else value.isoformat()


def _decode_datetime(data: dict[str, Any]) -> dt.datetime:
    text, fold = data["value"] if isinstance(data["value"], list) else (data["value"], 0)
    return dt.datetime.fromisoformat(text).replace(fold=fold)


_SCALARS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    bytes: ("bytes", lambda value: base64.b64encode(value).decode()),
    dt.datetime: ("datetime", _encode_datetime),
    dt.date: ("date", dt.date.isoformat),
    dt.timedelta: ("timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    decimal.Decimal: ("decimal", str),
    uuid.UUID: ("uuid", str),
    _POSIX_PATH: ("path", str),
}
_DECODERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "float": lambda data: float(data["value"]),
    "dict": lambda data: {decode(key): decode(item) for key, item in data["items"]},
    "tuple": lambda data: tuple(map(decode, data["items"])),
    "set": lambda data: set(map(decode, data["items"])),
    "frozenset": lambda data: frozenset(map(decode, data["items"])),
    "bytes": lambda data: base64.b64decode(data["value"]),
    "datetime": _decode_datetime,
    "date": lambda data: dt.date.fromisoformat(data["value"]),
    "timedelta": lambda data: dt.timedelta(*data["value"]),
    "decimal": lambda data: decimal.Decimal(data["value"]),
    "uuid": lambda data: uuid.UUID(data["value"]),
    "path": lambda data: Path(data["value"]),
    "enum": _decode_enum,
    "namedtuple": _decode_namedtuple,
    "dataclass": _decode_dataclass,
}
