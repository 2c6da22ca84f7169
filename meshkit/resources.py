"""Resource names ("projects/demo/runs/nightly"), read from `google.api.resource` options.

A pattern alternates literal collections and variables; a name parses only if every variable is
an id of the contract. Collections whose items are counted, not named, hold positive numbers.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from google.api import resource_pb2
from google.protobuf.descriptor import Descriptor, FileDescriptor

from meshkit.errors import FieldViolation, InvalidArgument

WILDCARD = "-"
MAX_NAME_LENGTH = 1024
# Collections whose items may be numbered 1, 2, 3...
NUMBERED = frozenset({"attempts", "versions"})

UUID_PATTERN = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ID_PATTERN = rf"(?:[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?|{UUID_PATTERN})"
_ID = re.compile(ID_PATTERN)
_ID_OR_NUMBER = re.compile(rf"(?:{ID_PATTERN}|[1-9][0-9]{{0,9}})")
_VARIABLE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_LITERAL = re.compile(r"[a-z][A-Za-z0-9]*")


@dataclass(frozen=True, slots=True)
class _Segment:
    """A literal ("runs"), or the variable that follows one ("{run}")."""

    text: str
    accepts: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class _Pattern:
    segments: tuple[_Segment, ...]

    @classmethod
    def compile(cls, text: str) -> "_Pattern":
        segments: list[_Segment] = []
        for part in text.split("/"):
            segments.append(_segment(text, part, after=segments[-1].text if segments else ""))
        names = [segment.text for segment in segments if segment.accepts]
        if len(set(names)) != len(names) or segments[0].accepts:
            raise ValueError(f"bad resource pattern {text!r}")
        return cls(tuple(segments))

    def parse(self, name: str, *, wildcard: bool) -> dict[str, str] | None:
        parts = name.split("/")
        if len(parts) != len(self.segments):
            return None
        found: dict[str, str] = {}
        for part, segment in zip(parts, self.segments, strict=True):
            if segment.accepts is None:
                if part != segment.text:
                    return None
            elif segment.accepts.fullmatch(part) or (wildcard and part == WILDCARD):
                found[segment.text] = part
            else:
                return None
        return found

    def expression(self) -> str:
        """What matches the names of this pattern, and no others."""
        return "/".join(
            segment.accepts.pattern if segment.accepts else segment.text
            for segment in self.segments
        )

    def variables(self) -> frozenset[str]:
        return frozenset(segment.text for segment in self.segments if segment.accepts)

    def format(self, parts: Mapping[str, str]) -> str:
        return "/".join(
            parts[segment.text] if segment.accepts else segment.text for segment in self.segments
        )

    def parent_length(self) -> int:
        """Segments of the parent: without trailing literals, the last variable, its collection."""
        length = len(self.segments)
        if self.segments[-1].accepts is None:
            return length - 1
        return length - 2

    def __str__(self) -> str:
        return self.format({name: f"{{{name}}}" for name in self.variables()})


def _segment(pattern: str, part: str, *, after: str) -> _Segment:
    variable = _VARIABLE.fullmatch(part)
    if variable:
        return _Segment(variable[1], _ID_OR_NUMBER if after in NUMBERED else _ID)
    if _LITERAL.fullmatch(part):
        return _Segment(part)
    raise ValueError(f"bad segment {part!r} in resource pattern {pattern!r}")


@dataclass(frozen=True, slots=True)
class Resources:
    """Patterns by resource type ("weft.dev/Run"); types are those of the descriptors."""

    _patterns: Mapping[str, tuple[_Pattern, ...]]
    # Compiled when they are first asked for: few servers see names of all types.
    _expressions: dict[str, re.Pattern[str]] = field(default_factory=dict)

    @classmethod
    def from_descriptors(cls, files: Iterable[FileDescriptor]) -> "Resources":
        """Collects the types of `files` and of all they import; ValueError on a bad pattern."""
        patterns: dict[str, tuple[_Pattern, ...]] = {}
        for resource in _declared(with_imports(files)):
            compiled = tuple(_Pattern.compile(pattern) for pattern in resource.pattern)
            if not compiled or patterns.setdefault(resource.type, compiled) != compiled:
                raise ValueError(f"resource {resource.type!r} needs its patterns, declared once")
        return cls(patterns)

    @property
    def types(self) -> frozenset[str]:
        """All known types."""
        return frozenset(self._patterns)

    def patterns(self, type_: str) -> tuple[str, ...]:
        """Patterns of a type as declared; KeyError for an unknown type."""
        return tuple(map(str, self._patterns[type_]))

    def parse(self, type_: str, name: str, *, wildcard: bool = False) -> dict[str, str]:
        """Ids in a name, by variable.

        `wildcard` lets a variable be "-", all items of its collection. Raises InvalidArgument
        for another name, KeyError for an unknown type.
        """
        return self._find(type_, name, wildcard=wildcard)[1]

    def matches(self, type_: str, name: str, *, wildcard: bool = False) -> bool:
        """Whether `name` is a name of this type; KeyError for an unknown type."""
        if wildcard:
            return self._match(type_, name, wildcard=True) is not None
        expression = self._expressions.get(type_) or self._compile(type_)
        return len(name) <= MAX_NAME_LENGTH and expression.fullmatch(name) is not None

    def format(self, type_: str, **parts: str | int) -> str:
        """The name made of exactly these ids; ValueError where they make none."""
        texts = {key: str(part) for key, part in parts.items()}
        for pattern in self._patterns[type_]:
            if pattern.variables() == texts.keys():
                name = pattern.format(texts)
                if pattern.parse(name, wildcard=False) == texts:
                    return name
        raise ValueError(f"no name of {type_} is made of {sorted(texts)} with these ids")

    def parent(self, type_: str, name: str) -> str:
        """Name of the resource that holds this one; empty at the root."""
        pattern, _ = self._find(type_, name, wildcard=False)
        return "/".join(name.split("/")[: pattern.parent_length()])

    def _compile(self, type_: str) -> re.Pattern[str]:
        """All patterns of a type at once: an id holds no slash, so it ends where its part does."""
        whole = "|".join(pattern.expression() for pattern in self._patterns[type_])
        expression = self._expressions[type_] = re.compile(whole)
        return expression

    def _find(self, type_: str, name: str, *, wildcard: bool) -> tuple[_Pattern, dict[str, str]]:
        found = self._match(type_, name, wildcard=wildcard)
        if found is None:
            expected = " or ".join(f'"{pattern}"' for pattern in self._patterns[type_])
            raise InvalidArgument(
                "INVALID_FIELDS",
                f"a resource name is malformed: expected {expected}",
                violations=[FieldViolation("name", f"must look like {expected}")],
            )
        return found

    def _match(
        self, type_: str, name: str, *, wildcard: bool
    ) -> tuple[_Pattern, dict[str, str]] | None:
        patterns = self._patterns[type_]
        if len(name) > MAX_NAME_LENGTH:
            return None
        for pattern in patterns:
            parts = pattern.parse(name, wildcard=wildcard)
            if parts is not None:
                return pattern, parts
        return None


def with_imports(files: Iterable[FileDescriptor]) -> list[FileDescriptor]:
    """The files and everything they import, each once, in a stable order."""
    found: dict[str, FileDescriptor] = {}
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        if file.name not in found:
            found[file.name] = file
            waiting.extend(file.dependencies)
    return [found[name] for name in sorted(found)]


def messages_of(file: FileDescriptor) -> Iterator[Descriptor]:
    """All message types of a file, nested ones too."""
    waiting = list(file.message_types_by_name.values())
    while waiting:
        message = waiting.pop()
        yield message
        waiting.extend(message.nested_types)


def _declared(files: Iterable[FileDescriptor]) -> Iterator[resource_pb2.ResourceDescriptor]:
    for file in files:
        yield from file.GetOptions().Extensions[resource_pb2.resource_definition]
        for message in messages_of(file):
            options = message.GetOptions()
            if options.HasExtension(resource_pb2.resource):
                yield options.Extensions[resource_pb2.resource]
