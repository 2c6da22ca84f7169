"""The grammar: text to syntax tree and back, in time linear in the text."""

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from meshkit.errors import InvalidArgument

MAX_BYTES = 2048
MAX_TERMS = 20
MAX_DEPTH = 5
MAX_OFFSET = timedelta(days=36_525)


class Operator(enum.Enum):
    """Comparison operators as written."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    HAS = ":"


@dataclass(frozen=True, slots=True)
class Text:
    """A literal, quoted or not: the field decides what it means.

    `open_start` and `open_end` say that any text may stand there; both with an empty body is
    the lone star. Quotes matter where numbers and texts may stand: `"3"` is a text.
    """

    body: str
    open_start: bool = False
    open_end: bool = False
    is_quoted: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Now:
    """The time at which the filter is bound, moved by an offset."""

    offset: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Compare:
    """`path operator value`; the position (from 1) is for messages."""

    path: tuple[str, ...]
    operator: Operator
    value: Text | Now
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """A negated term."""

    term: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """All terms hold; no terms at all is the empty filter."""

    terms: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one term holds."""

    terms: tuple["Expression", ...]


Expression = Compare | Not | And | Or

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SPACE = re.compile(r"[ \t\r\n]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY = re.compile(r"[A-Za-z0-9_-]+")
_OPERATOR = re.compile(r"[<>!]=|[=<>:]")
_BARE = re.compile(r"""[^\s()"'=<>!,\\]+""")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_NOW = re.compile(r"now\(\)(?:([+-])|[ \t\r\n]+([+-])[ \t\r\n]+)?")
_KEYWORD = re.compile(r"(AND|OR|NOT)(?![A-Za-z0-9_.])")
_ESCAPE = re.compile(r"\\(.)|\*", re.DOTALL)
_DURATION = re.compile(r"(\d{1,15})(?:\.(\d{1,6}))?(ms|s|m|h|d)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
# Stands for an unescaped star while a text is read; the filter itself cannot contain it.
_STAR = "\x00"


def bad_filter(position: int, problem: str) -> InvalidArgument:
    """The error for a problem at a character, counted from 1."""
    return InvalidArgument(
        "INVALID_FILTER",
        f"filter, character {position}: {problem}",
        metadata={"position": str(position)},
    )


def parse(text: str) -> Expression:
    """The tree of a filter; InvalidArgument for anything that is none."""
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        raise bad_filter(forbidden.start() + 1, "control characters are not allowed")
    if len(text.encode()) > MAX_BYTES:
        raise bad_filter(1, f"a filter has at most {MAX_BYTES} bytes")
    return _Parser(text).filter()


def unparse(expression: Expression) -> str:
    """The text that `parse` reads as this tree."""
    if isinstance(expression, Compare):
        return f"{_unparse_path(expression.path)} {expression.operator.value} " + (
            _unparse_value(expression.value)
        )
    if isinstance(expression, Not):
        return f"NOT {_unparse_term(expression.term)}"
    joint = " AND " if isinstance(expression, And) else " OR "
    return joint.join(map(_unparse_term, expression.terms))


def walk(expression: Expression) -> Iterator[Compare]:
    """All comparisons, left to right."""
    if isinstance(expression, Compare):
        yield expression
    elif isinstance(expression, Not):
        yield from walk(expression.term)
    else:
        for term in expression.terms:
            yield from walk(term)


class _Parser:
    """Recursive descent; the depth is checked before each descent."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._terms = 0

    def filter(self) -> Expression:
        self._space()
        if self._at == len(self._text):
            return And(())
        expression = self._expression(0)
        if self._at < len(self._text):
            raise self._bad("expected AND, OR or the end")
        return expression

    def _expression(self, depth: int) -> Expression:
        terms = [self._term(depth)]
        joint = ""
        while True:
            spaced = self._space()
            if self._at == len(self._text) or self._text[self._at] == ")":
                break
            if not spaced:
                raise self._bad("expected a space")
            joint = self._joint(joint)
            terms.append(self._term(depth))
        if len(terms) == 1:
            return terms[0]
        return Or(tuple(terms)) if joint == "OR" else And(tuple(terms))

    def _joint(self, before: str) -> str:
        """Reads AND, OR, or nothing, which means AND."""
        start = self._at
        keyword = _KEYWORD.match(self._text, self._at)
        joint = "AND"
        if keyword and keyword[1] != "NOT":
            joint = keyword[1]
            self._at = keyword.end()
            self._space()
        if before and before != joint:
            raise bad_filter(start + 1, "AND and OR are mixed: put parentheses around one of them")
        return joint

    def _term(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise self._bad(f"parentheses and NOT nest at most {MAX_DEPTH} deep")
        keyword = _KEYWORD.match(self._text, self._at)
        if keyword and keyword[1] == "NOT":
            self._at = keyword.end()
            self._space()
            return Not(self._term(depth + 1))
        if self._take("-"):
            return Not(self._term(depth + 1))
        if keyword:
            raise self._bad(f"expected a field, not {keyword[1]}")
        if self._take("("):
            return self._group(depth + 1)
        return self._comparison()

    def _group(self, depth: int) -> Expression:
        self._space()
        expression = self._expression(depth)
        if not self._take(")"):
            raise self._bad("expected )")
        return expression

    def _comparison(self) -> Compare:
        start = self._at + 1
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise self._bad(f"a filter has at most {MAX_TERMS} terms")
        path = self._path()
        self._space()
        operator = _OPERATOR.match(self._text, self._at)
        if not operator:
            raise self._bad("expected one of = != < <= > >= :")
        self._at = operator.end()
        self._space()
        return Compare(path, Operator(operator[0]), self._value(), start)

    def _path(self) -> tuple[str, ...]:
        name = _NAME.match(self._text, self._at)
        if not name:
            raise self._bad("expected a field")
        self._at = name.end()
        path = [name[0]]
        while self._take("."):
            path.append(self._key())
        return tuple(path)

    def _key(self) -> str:
        if self._text.startswith('"', self._at):
            return self._unescaped(self._quoted(), star="*")
        key = _KEY.match(self._text, self._at)
        if not key:
            raise self._bad("expected a key after the dot")
        self._at = key.end()
        return key[0]

    def _value(self) -> Text | Now:
        now = _NOW.match(self._text, self._at)
        if now:
            self._at = now.end()
            sign = now[1] or now[2]
            return Now(self._offset(negative=sign == "-")) if sign else Now()
        start = self._at + 1
        is_quoted = self._text.startswith('"', self._at)
        return _as_text(self._literal(star=_STAR), start, is_quoted=is_quoted)

    def _offset(self, *, negative: bool) -> timedelta:
        start = self._at + 1
        offset = _duration(self._literal(star="*"))
        if offset is None:
            raise bad_filter(start, 'expected a duration such as "24h", "7d" or "1h30m"')
        return -offset if negative else offset

    def _literal(self, *, star: str) -> str:
        if self._text.startswith('"', self._at):
            return self._unescaped(self._quoted(), star=star)
        bare = _BARE.match(self._text, self._at)
        if not bare:
            raise self._bad("expected a value; put double quotes around text with special signs")
        self._at = bare.end()
        return bare[0].replace("*", star)

    def _quoted(self) -> re.Match[str]:
        quoted = _QUOTED.match(self._text, self._at)
        if not quoted:
            raise self._bad("the quotes are not closed")
        self._at = quoted.end()
        return quoted

    @staticmethod
    def _unescaped(quoted: re.Match[str], *, star: str) -> str:
        def replace(match: re.Match[str]) -> str:
            if match[1] is None:
                return star
            if match[1] not in '"\\*':
                raise bad_filter(
                    quoted.start(1) + match.start() + 1, 'only \\", \\\\ and \\* are escapes'
                )
            return match[1]

        return _ESCAPE.sub(replace, quoted[1])

    def _take(self, sign: str) -> bool:
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True

    def _space(self) -> bool:
        start = self._at
        match = _SPACE.match(self._text, start)
        self._at = match.end() if match else start
        return self._at > start

    def _bad(self, problem: str) -> InvalidArgument:
        return bad_filter(self._at + 1, problem)


def _as_text(literal: str, position: int, *, is_quoted: bool) -> Text:
    """Splits the stars at both ends off."""
    body = literal.removeprefix(_STAR)
    open_start = body != literal
    shorter = body.removesuffix(_STAR)
    if _STAR in shorter:
        raise bad_filter(position, "* stands only at an end of a text; in quotes \\* is a star")
    lone = literal != "" and shorter == ""
    return Text(shorter, open_start or lone, shorter != body or lone, is_quoted)


def _duration(text: str) -> timedelta | None:
    total, at = timedelta(), 0
    while at < len(text):
        part = _DURATION.match(text, at)
        if not part:
            return None
        whole, fraction = int(part[1]), int((part[2] or "").ljust(6, "0"))
        unit = _UNITS[part[3]]
        if whole > MAX_OFFSET // unit:
            return None
        total += whole * unit + fraction * unit / 1_000_000
        at = part.end()
    return total if text and total <= MAX_OFFSET else None


def _unparse_term(term: Expression) -> str:
    text = unparse(term)
    return f"({text})" if isinstance(term, And | Or) else text


def _unparse_path(path: tuple[str, ...]) -> str:
    keys = (key if _KEY.fullmatch(key) else _quote(key) for key in path[1:])
    return ".".join((path[0], *keys))


def _unparse_value(value: Text | Now) -> str:
    if isinstance(value, Text):
        return _unparse_text(value)
    if not value.offset:
        return "now()"
    sign = "-" if value.offset < timedelta() else "+"
    seconds, microseconds = divmod(abs(value.offset) // timedelta(microseconds=1), 1_000_000)
    return f'now(){sign}"{seconds}.{microseconds:06}s"'


def _unparse_text(text: Text) -> str:
    if text.open_start and not text.body:
        return "*"
    start, end = "*" * text.open_start, "*" * text.open_end
    if _BARE.fullmatch(text.body) and "*" not in text.body and not text.is_quoted:
        return start + text.body + end
    return f'"{start}{_quote(text.body)[1:-1]}{end}"'


def _quote(text: str) -> str:
    escaped = re.sub(r'(["\\*])', r"\\\1", text)
    return f'"{escaped}"'
