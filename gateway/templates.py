"""Path templates of `google.api.http`: their grammar, and how captured text is decoded.

Template  = "/" Segment { "/" Segment } [ ":" LITERAL ]
Segment   = "*" | "**" | LITERAL | "{" FieldPath [ "=" Segments ] "}"
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

STAR = "*"
REST = "**"

_FIELD_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_LITERAL = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()+,;=@]|%[0-9A-Fa-f]{2})+")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
# RFC 6570: a capture of several segments keeps these escaped, so that it splits as it was sent.
_RESERVED = frozenset(b":/?#[]@!$&'()*+,;=")


@dataclass(frozen=True, slots=True)
class Variable:
    """A captured field: segments `start` to `end`; `end` None means up to the path's end."""

    field_path: str
    start: int
    end: int | None
    single: bool


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template. `segments` are literals, "*" or "**"; `verb` stands without colon."""

    segments: tuple[str, ...]
    variables: tuple[Variable, ...]
    verb: str = ""


def parse(text: str) -> Template:
    """Parses a template; raises ValueError, saying what is wrong with it."""
    if not text.startswith("/"):
        raise ValueError(f"path template {text!r} must start with '/'")
    path, verb = _split_verb(text)
    segments: list[str] = []
    variables: list[Variable] = []
    for part in _split_outside_braces(path[1:], text):
        if not part.startswith("{"):
            segments.append(_segment(part, text))
            continue
        variable, inner = _variable(part, text, start=len(segments))
        variables.append(variable)
        segments.extend(inner)
    if REST in segments[:-1]:
        raise ValueError(f"path template {text!r} has '**' before its end")
    names = [variable.field_path for variable in variables]
    if len(set(names)) != len(names):
        raise ValueError(f"path template {text!r} captures a field twice")
    return Template(tuple(segments), tuple(variables), verb)


def _split_verb(text: str) -> tuple[str, str]:
    colon = text.rfind(":")
    if colon == -1 or "}" in text[colon:]:
        return text, ""
    verb = text[colon + 1 :]
    if "/" in verb or not _LITERAL.fullmatch(verb):
        raise ValueError(f"path template {text!r} has a malformed verb")
    return text[:colon], verb


def _split_outside_braces(path: str, text: str) -> list[str]:
    parts, depth, current = [], 0, ""
    for character in path:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth not in (0, 1):
            raise ValueError(f"path template {text!r} nests or misplaces braces")
        if character == "/" and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    if depth:
        raise ValueError(f"path template {text!r} has an unclosed brace")
    return [*parts, current]


def _segment(part: str, text: str) -> str:
    if part in (STAR, REST) or _LITERAL.fullmatch(part):
        return part
    raise ValueError(f"path template {text!r} has a malformed segment {part!r}")


def _variable(part: str, text: str, *, start: int) -> tuple[Variable, list[str]]:
    name, equals, pattern = part[1:-1].partition("=")
    if not part.endswith("}") or not _FIELD_PATH.fullmatch(name):
        raise ValueError(f"path template {text!r} has a malformed variable {part!r}")
    inner = [_segment(one, text) for one in (pattern.split("/") if equals else [STAR])]
    end = None if inner[-1] == REST else start + len(inner)
    single = len(inner) == 1 and inner[0] != REST
    return Variable(name, start, end, single), inner


def decode(raw: str, *, keep_reserved: bool = False) -> str:
    """Decodes percent escapes; raises ValueError where they are malformed or not UTF-8.

    With `keep_reserved`, escapes of RFC 6570 reserved characters stay as they are.
    """
    if "%" not in raw:
        return raw
    if _BROKEN_ESCAPE.search(raw):
        raise ValueError("malformed percent escape")
    if keep_reserved:
        raw = _ESCAPE.sub(_protect_reserved, raw)
    return unquote_to_bytes(raw).decode()


def _protect_reserved(escape: re.Match[str]) -> str:
    reserved = int(escape[0][1:], 16) in _RESERVED
    return f"%25{escape[0][1:]}" if reserved else escape[0]


def capture(variable: Variable, segments: list[str]) -> str:
    """Decodes what a variable captured from the raw segments of a matched path."""
    if variable.single:
        return decode(segments[variable.start])
    raw = "/".join(segments[variable.start : variable.end])
    return decode(raw, keep_reserved=True)
