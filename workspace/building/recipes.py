"""What speaks against a recipe whatever the stack: what no builder could build, or should know."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
# With a registry: what a name without one means is every engine's own, and the builder's nobody's.
_BASE = re.compile(
    r"(?:localhost|\[[0-9a-f:]+\]|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9.-]+(?=:))(?::[0-9]+)?"
    rf"/{_PART}(?:/{_PART})*(?::{_TAG})?@sha256:[0-9a-f]{{64}}"
)
_IS_TAG = re.compile(_TAG)
# Also where its value follows at once: "-rmore.txt".
_FILES = re.compile(r"-[rce]|--(?:requirement|constraint|editable)\b|\.{0,2}/|file:")
_LOGIN = re.compile(r"(ssh)?://([^/@\s]+)@")
_TOLD = (
    "has a login in a URL, which would be kept beside the build: let the base's configuration of "
    "pip have it, or a variable of the base (https://${TOKEN}@host)"
)


def is_tag(text: str) -> bool:
    """Whether an image may have such a tag."""
    return bool(_IS_TAG.fullmatch(text))


def problems(recipe: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Which of its fields cannot be so, and why."""
    if not _BASE.fullmatch(recipe["base"]):
        yield "base", "must name its registry, and be pinned: registry/path:tag@sha256:..."
    for number, line in enumerate(recipe["requirements"]):
        if problem := _of_line(line):
            yield f"requirements[{number}]", problem
    for name, value in recipe["build_arguments"].items():
        if _has_login(value):
            yield f"build_arguments[{name}]", _TOLD


def _of_line(line: str) -> str:
    if len(line.splitlines()) > 1:
        return "must be one line"
    if _FILES.match(line.strip()):
        return "names a file, which the builder does not see"
    return _TOLD if _has_login(line) else ""


def _has_login(text: str) -> bool:
    """Whether a URL in it says how somebody enters."""
    return any(
        # A variable is but a name, and where keys open the door a user alone is none.
        "${" not in login and (":" in login or not is_ssh)
        for is_ssh, login in _LOGIN.findall(text)
    )
