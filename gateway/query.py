"""Reads query strings and path captures into messages: rules 25-34."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from gateway.parser import Parser, invalid_field, loads
from gateway.printer import is_map
from gateway.scalars import (
    from_text,
    set_text_duration,
    set_text_field_mask,
    set_timestamp,
)
from gateway.templates import decode
from meshkit.errors import InvalidArgument

MAX_PARAMETERS = 100
# Credentials in URLs end in logs and histories (rule 63): RFC 6750's name, its kin, and ours.
_CREDENTIALS = frozenset(("access_token", "refresh_token", "id_token", "authorization"))
_CREDENTIAL_PREFIXES = ("weft_pat_", "weft_key_", "weft_session_", "weft_refresh_")
_TEXT_FORMS: dict[str, Callable[[Any, str], None]] = {
    "google.protobuf.Duration": set_text_duration,
    "google.protobuf.FieldMask": set_text_field_mask,
    "google.protobuf.Timestamp": set_timestamp,
}
_JSON_FORMS = frozenset(f"google.protobuf.{name}" for name in ("ListValue", "Struct", "Value"))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One name of a query string and its values in order."""

    name: str
    values: tuple[str, ...]


def parse(query_string: bytes) -> list[Parameter]:
    """Decodes a query string; raises InvalidArgument where it is malformed or holds tokens."""
    if not query_string:
        return []
    pairs = query_string.split(b"&")
    if len(pairs) > MAX_PARAMETERS:
        raise InvalidArgument("TOO_MANY_PARAMETERS", f"at most {MAX_PARAMETERS} parameters")
    values: dict[str, list[str]] = {}
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        if pair:
            values.setdefault(_decoded(name), []).append(_decoded(value))
    refuse_credentials(values)
    return [Parameter(name, tuple(found)) for name, found in values.items()]


def _decoded(raw: bytes) -> str:
    try:
        return decode(raw.decode("ascii").replace("+", " "))
    except ValueError:
        raise InvalidArgument("MALFORMED_QUERY", "malformed escape or text in the query") from None


def refuse_credentials(values: dict[str, list[str]]) -> None:
    """Refuses a query that carries a token, whoever would read it."""
    for name, found in values.items():
        if name.lower() in _CREDENTIALS or any(v.startswith(_CREDENTIAL_PREFIXES) for v in found):
            raise InvalidArgument(
                "TOKEN_IN_QUERY", "send credentials in the Authorization header, never in a URL"
            )


class QueryReader:
    """Fills the fields of one request type that neither path nor body covers.

    `covered` holds field paths in proto names, separated by dots.
    """

    def __init__(self, descriptor: Descriptor, parser: Parser, covered: Iterable[str]) -> None:
        self._descriptor = descriptor
        self._parser = parser
        self._covered = frozenset(covered)

    def fill(self, message: Message, parameters: Iterable[Parameter]) -> None:
        """Sets the parameters' fields; raises InvalidArgument naming the first bad one."""
        chosen: dict[str, str] = {}
        filled: set[str] = set()
        for parameter in parameters:
            name, bracket, rest = parameter.name.partition("[")
            fields = list(self._resolve(name, parameter.name))
            proto_path = ".".join(field.name for field in fields)
            self._refuse_covered(fields, parameter.name)
            if not bracket and proto_path in filled:
                raise _invalid(parameter.name, "stands twice, by both of its names")
            filled.add(proto_path)
            _refuse_second_choice(chosen, fields, parameter.name)
            target = _descend(message, fields[:-1])
            if bracket:
                self._fill_map(target, fields[-1], rest, parameter)
            else:
                self._fill_field(target, fields[-1], parameter)

    def _resolve(self, path: str, shown: str) -> Iterator[FieldDescriptor]:
        descriptor: Descriptor | None = self._descriptor
        for part in path.split("."):
            if descriptor is None:
                raise _invalid(shown, "no such field", reason="UNKNOWN_PARAMETER")
            field = _field(descriptor, part)
            if field is None:
                raise _invalid(shown, "no such field", reason="UNKNOWN_PARAMETER")
            yield field
            # Nothing lies below a list, a map, or a type with a text form of its own.
            descriptor = None if field.is_repeated else _open(field.message_type)

    def _refuse_covered(self, fields: list[FieldDescriptor], shown: str) -> None:
        path = ""
        for field in fields:
            path = f"{path}.{field.name}" if path else field.name
            if path in self._covered:
                raise _invalid(shown, "belongs to the path or the body", reason="NOT_A_PARAMETER")

    def _fill_map(
        self, target: Any, field: FieldDescriptor, rest: str, parameter: Parameter
    ) -> None:
        if not is_map(field) or not rest.endswith("]"):
            raise _invalid(parameter.name, "brackets name the key of a map")
        assert field.message_type is not None
        key_field, value_field = (field.message_type.fields_by_name[n] for n in ("key", "value"))
        entries = getattr(target, field.name)
        key = _read(key_field, rest[:-1], parameter.name)
        value = _only(parameter)
        if key in entries:
            raise _invalid(parameter.name, "the key stands twice")
        if value_field.message_type is not None:
            self._fill_message(entries[key], value_field.message_type, value, parameter.name)
        else:
            entries[key] = _read(value_field, value, parameter.name)

    def _fill_field(self, target: Any, field: FieldDescriptor, parameter: Parameter) -> None:
        if is_map(field):
            raise _invalid(parameter.name, f"is a map: write {field.json_name}[key]=value")
        if field.is_repeated:
            if field.message_type is not None:
                raise _invalid(parameter.name, "a list of messages does not fit a query")
            values = [_read(field, value, parameter.name) for value in parameter.values]
            getattr(target, field.name).extend(values)
        elif field.message_type is not None:
            inner = getattr(target, field.name)
            inner.SetInParent()
            self._fill_message(inner, field.message_type, _only(parameter), parameter.name)
        else:
            setattr(target, field.name, _read(field, _only(parameter), parameter.name))

    def _fill_message(self, message: Any, descriptor: Descriptor, value: str, shown: str) -> None:
        if descriptor.file.name == "google/protobuf/wrappers.proto":
            message.value = _read(descriptor.fields_by_name["value"], value, shown)
        elif descriptor.full_name in _TEXT_FORMS:
            _apply(lambda: _TEXT_FORMS[descriptor.full_name](message, value), shown)
        elif descriptor.full_name in _JSON_FORMS:
            self._parser.fill(loads(value.encode()), message, shown)
        else:
            raise _invalid(shown, "is a message: name one of its fields")


def capture_setter(fields: Sequence[FieldDescriptor]) -> Callable[[Message, str], None]:
    """Compiles the setter of a captured field; a body that says otherwise is refused."""
    shown = ".".join(field.name for field in fields)
    outer, last = fields[:-1], fields[-1]
    name, convert = last.name, from_text(last)
    has_presence, default = last.has_presence, last.default_value

    def set_captured(message: Message, text: str) -> None:
        target = _descend(message, outer)
        try:
            value = convert(text)
        except ValueError as error:
            raise _invalid(shown, str(error)) from None
        current = getattr(target, name)
        said = target.HasField(name) if has_presence else current != default
        if said and current != value:
            raise _invalid(shown, "differs between path and body", reason="PATH_CONFLICT")
        setattr(target, name, value)

    return set_captured


def set_resume_point(message: Message, field: FieldDescriptor, value: str) -> None:
    """Sets where a stream resumes, from `Last-Event-ID`; beats the query."""
    setattr(message, field.name, _read(field, value, "Last-Event-ID"))


def _descend(message: Any, fields: Iterable[FieldDescriptor]) -> Any:
    for field in fields:
        message = getattr(message, field.name)
    return message


def _field(descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    field = descriptor.fields_by_name.get(name)
    return field or _by_json_name(descriptor, name)


def _by_json_name(descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    return next((field for field in descriptor.fields if field.json_name == name), None)


def _open(descriptor: Descriptor | None) -> Descriptor | None:
    if descriptor is None or descriptor.file.package == "google.protobuf":
        return None
    return descriptor


def _refuse_second_choice(
    chosen: dict[str, str], fields: list[FieldDescriptor], shown: str
) -> None:
    path = ""
    for field in fields:
        if field.containing_oneof is not None:
            group = f"{path} {field.containing_oneof.name}"
            if chosen.setdefault(group, field.name) != field.name:
                raise _invalid(shown, f"excludes {chosen[group]}: only one of them may be set")
        path = f"{path}.{field.name}"


def _only(parameter: Parameter) -> str:
    if len(parameter.values) > 1:
        raise _invalid(parameter.name, "takes one value")
    return parameter.values[0]


def _read(field: FieldDescriptor, value: str, shown: str) -> Any:
    return _apply(lambda: from_text(field)(value), shown)


def _apply(action: Callable[[], Any], shown: str) -> Any:
    try:
        return action()
    except ValueError as error:
        raise _invalid(shown, str(error)) from None


def _invalid(name: str, description: str, *, reason: str = "INVALID_PARAMETER") -> InvalidArgument:
    return invalid_field(name, description, reason=reason)
