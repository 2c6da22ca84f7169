"""How fields are treated: what is hidden, what only the server sets, what an update changes."""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Literal, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.rules.shapes import is_map, item_field, type_of
from weftapi.options.v1 import options_pb2

M = TypeVar("M", bound=Message)
_Mark = Literal["sensitive", "output_only"]

MAX_MASK_PATHS = 100
# Standard fields of resources that only the server sets, whether or not they say so.
_STANDARD = frozenset(
    {"name", "uid", "creator", "create_time", "update_time", "delete_time", "revision", "etag"}
)
_SHOWN_PATH = 64


def redacted(message: M) -> M:
    """A copy without sensitive values, for logs and audit rows.

    What cannot be judged is taken away too: unknown fields and `Any`.
    """
    copy = type(message)()
    copy.CopyFrom(message)
    copy.DiscardUnknownFields()
    _clear(copy, "sensitive")
    return copy


def clear_output_only(message: Message) -> None:
    """Clears, in place, what a request says in fields that only the server sets."""
    _clear(message, "output_only")


def sensitive_paths(descriptor: Descriptor) -> tuple[str, ...]:
    """Dotted paths of sensitive fields, through lists and maps; a recursive type is cut off."""
    return tuple(sorted(_sensitive(descriptor, "", frozenset())))


def resolve_update_mask(resource: Message, mask: FieldMask | None) -> tuple[str, ...]:
    """Paths that an update changes, in the order of their fields and none inside another.

    Without a mask these are the populated fields that can change; "*" means all that can.
    Paths go into single messages, not into lists, maps or well-known types. InvalidArgument
    INVALID_FIELDS names every path that is unknown, immutable or output-only.
    """
    descriptor = type_of(resource)
    paths = list(mask.paths) if mask is not None else []
    if not paths:
        populated = {field for field, _ in resource.ListFields()}
        return tuple(
            f.name for f in descriptor.fields if f in populated and not _refusal(f, top=True)
        )
    if paths == ["*"]:
        return tuple(f.name for f in descriptor.fields if not _refusal(f, top=True))
    problems = [_path_problem(descriptor, path) for path in paths[: MAX_MASK_PATHS + 1]]
    if len(paths) > MAX_MASK_PATHS:
        problems = [f"must have at most {MAX_MASK_PATHS} paths"]
    found = [problem for problem in problems if problem]
    if found:
        violations = [FieldViolation("update_mask", problem) for problem in found]
        raise InvalidArgument("INVALID_FIELDS", f"update_mask: {found[0]}", violations=violations)
    return tuple(_outermost(sorted(set(paths), key=lambda path: _numbers(descriptor, path))))


def _path_problem(descriptor: Descriptor, path: str) -> str | None:
    if path == "*":
        return '"*" stands alone'
    here: Descriptor | None = descriptor
    for name in path.split("."):
        field = here.fields_by_name.get(name) if here is not None else None
        if field is None:
            return f"has no field {_shown(path)}"
        refusal = _refusal(field, top=here is descriptor)
        if refusal:
            return f"{_shown(path)} {refusal}"
        here = _inner(field)
    return None


def _shown(path: str) -> str:
    return json.dumps(path[:_SHOWN_PATH])


def _refusal(field: FieldDescriptor, *, top: bool) -> str:
    rules = field.GetOptions().Extensions[options_pb2.field]
    if rules.output_only or (top and field.name in _STANDARD):
        return "is set by the server"
    return "cannot change after creation" if rules.immutable else ""


def _inner(field: FieldDescriptor) -> Descriptor | None:
    type_ = field.message_type
    if type_ is None or field.is_repeated or type_.full_name.startswith("google.protobuf."):
        return None
    inner: Descriptor = type_
    return inner


def _numbers(descriptor: Descriptor, path: str) -> tuple[int, ...]:
    numbers: list[int] = []
    here: Any = descriptor
    for name in path.split("."):
        field = here.fields_by_name[name]
        numbers.append(field.index)
        here = field.message_type
    return tuple(numbers)


def _outermost(paths: Iterable[str]) -> Iterator[str]:
    """Drops paths inside another; sorted by field, the outer one comes first."""
    last = ""
    for path in paths:
        if not last or not path.startswith(f"{last}."):
            last = path
            yield path


def _clear(message: Message, mark: _Mark) -> None:
    marked = _marked(type_of(message), mark)
    for field, value in message.ListFields():
        if field.name in marked:
            message.ClearField(field.name)
        elif field.message_type is not None and _leads(field.message_type, mark):
            for inner in _messages(field, value):
                _clear(inner, mark)


def _messages(field: FieldDescriptor, value: Any) -> Iterable[Message]:
    if is_map(field):
        inner: Iterable[Message] = value.values()
        return inner
    return value if field.is_repeated else (value,)


@cache
def _marked(descriptor: Descriptor, mark: _Mark) -> frozenset[str]:
    return frozenset(field.name for field in descriptor.fields if _is_marked(field, mark))


def _is_marked(field: FieldDescriptor, mark: _Mark) -> bool:
    if mark == "sensitive" and _is_any(item_field(field)):
        return True
    return bool(getattr(field.GetOptions().Extensions[options_pb2.field], mark))


def _is_any(field: FieldDescriptor) -> bool:
    type_ = field.message_type
    return type_ is not None and type_.full_name == "google.protobuf.Any"


@cache
def _leads(descriptor: Descriptor, mark: _Mark) -> bool:
    """Whether a marked field can be reached from a message of this type."""
    seen, waiting = {descriptor}, [descriptor]
    while waiting:
        here = waiting.pop()
        if _marked(here, mark):
            return True
        inner = {field.message_type for field in here.fields if field.message_type} - seen
        seen |= inner
        waiting.extend(inner)
    return False


def _sensitive(descriptor: Descriptor, prefix: str, above: frozenset[Descriptor]) -> Iterator[str]:
    if descriptor in above:
        return
    for field in descriptor.fields:
        inner = item_field(field).message_type
        if field.name in _marked(descriptor, "sensitive"):
            yield prefix + field.name
        elif inner is not None and _leads(inner, "sensitive"):
            yield from _sensitive(inner, f"{prefix}{field.name}.", above | {descriptor})
