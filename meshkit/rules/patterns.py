r"""Patterns of field rules: the part of RE2's syntax that Python's `re` matches safely.

Patterns stand in our own protos, values come from anybody. So a pattern uses neither what RE2
lacks (look-around, back-references, atomic groups, conditions, possessive repeats) nor an
unbounded repeat around another one, unless a literal separates the rounds: `[a-z]+(-[a-z]+)*`
is fine, `([a-z]+)*` is where backtracking explodes. `\d`, `\w` and `\s` are ASCII, as in RE2.
"""

import re

_NOT_RE2 = re.compile(r"\(\?(?:[=!>(]|<[=!]|P[=>])|\\[1-9]|[*+?}]\+")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_UNBOUNDED = re.compile(r"[*+]|\{\d+,\}")
_GROUP = re.compile(r"\((?:\?(?::|P<\w+>))?")
# While nesting is looked at, a class reads "\0" and an escaped sign "\1".
_ANY, _SIGN = "\x00", "\x01"
_LITERAL = r"[^\x00|.*+?{}()^$]"
_SEPARATED = re.compile(rf"{_LITERAL}(?![*+?{{])[^|]*|[^|]*{_LITERAL}", re.DOTALL)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compiles a pattern for `fullmatch`; ValueError where it is not of the safe subset."""
    plain = _ESCAPE.sub(lambda match: match[0] if match[1].isdigit() else _SIGN, pattern)
    if _NOT_RE2.search(_CLASS.sub(_ANY, plain)):
        raise ValueError(f"the pattern {pattern!r} uses what RE2 lacks")
    _refuse_nested_repeats(pattern)
    try:
        return re.compile(pattern, re.ASCII)
    except re.error as error:
        raise ValueError(f"the pattern {pattern!r} does not compile: {error}") from error


def _refuse_nested_repeats(pattern: str) -> None:
    plain = _ESCAPE.sub(lambda match: _ANY if match[1].isalnum() else _SIGN, pattern)
    plain = _CLASS.sub(_ANY, plain)
    starts: list[int] = []
    for at, sign in enumerate(plain):
        if sign == "(":
            group = _GROUP.match(plain, at)
            starts.append(group.end() if group else at + 1)
        elif sign == ")" and starts:
            body = plain[starts.pop() : at]
            nested = _UNBOUNDED.match(plain, at + 1) and _UNBOUNDED.search(body)
            if nested and not _SEPARATED.fullmatch(body):
                raise ValueError(f"the pattern {pattern!r} repeats a repeat without a separator")
