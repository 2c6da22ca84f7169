"""As much of Dockerfiles as Weft needs to read: their bases, and the files that they take in."""

from __future__ import annotations

import json
import re
import shlex
from collections import deque
from collections.abc import Iterator, Mapping

from weft.errors import ImageError

_FROM = re.compile(
    r"^(?P<head>[ \t]*FROM[ \t]+(?:--platform=\S+[ \t]+)?)(?P<image>\S+)"
    r"(?P<tail>(?:[ \t]+AS[ \t]+(?P<stage>\S+))?[ \t]*\r?)$",
    re.IGNORECASE | re.MULTILINE,
)
# A word of its own, as the builders have it: 1<<N is arithmetic.
_HEREDOC = re.compile(r"(?<!\S)\d*<<-?([^<\s]+)")
_BIND = re.compile(r"--mount=(?=\S*type=bind)(?!\S*from=)\S+")


def bases_of(text: str) -> Iterator[str]:
    """The images that a Dockerfile begins with, each once: no stages, nothing of an ARG."""
    stages = {"scratch"}
    for found in _FROM.finditer(text):
        image = found["image"]
        if image.lower() not in stages and "$" not in image:
            stages.add(image.lower())
            yield image
        if found["stage"]:
            stages.add(found["stage"].lower())


def pinned(text: str, names: Mapping[str, str]) -> str:
    """The Dockerfile with other names in its FROM lines."""

    def rename(found: re.Match[str]) -> str:
        image = names.get(found["image"], found["image"])
        return f"{found['head']}{image}{found['tail']}"

    return _FROM.sub(rename, text)


def sources_of(text: str) -> Iterator[str]:
    """What COPY and ADD take from the folder: paths and patterns.

    Raises:
        ImageError: Nobody could tell without building.
    """
    for line in _instructions(text):
        word, _, rest = line.partition(" ")
        if word.upper() == "RUN" and _BIND.search(rest):
            raise ImageError("RUN --mount=type=bind takes in files unseen: COPY them")
        if word.upper() not in {"COPY", "ADD"}:
            continue
        options, paths = _arguments(rest.strip())
        if any(option.startswith("--from=") for option in options):
            continue
        for path in paths[:-1]:
            if "$" in path:
                raise ImageError(f"{word} {path}: write out which file that is")
            if not path.startswith("<<") and "://" not in path:
                yield path


def _arguments(rest: str) -> tuple[list[str], list[str]]:
    """Options of COPY, and its paths."""
    options = []
    while rest.startswith("--"):
        option, _, rest = rest.partition(" ")
        options.append(option)
        rest = rest.lstrip()
    try:
        found = json.loads(rest) if rest.startswith("[") else shlex.split(rest)
    except ValueError as error:
        raise ImageError(f"COPY {rest}: {error}") from error
    return options, [str(path) for path in found]


def _instructions(text: str) -> Iterator[str]:
    """Whole instructions, without comments and without the bodies of heredocs."""
    lines = deque(text.splitlines())
    pending = ""
    while lines:
        said = lines.popleft().strip()
        if said.startswith("#") or not (said or pending):
            continue
        if said.endswith("\\"):
            pending += f"{said[:-1]} "
            continue
        instruction = pending + said
        yield instruction
        pending = ""
        for end in _HEREDOC.findall(instruction):
            _skip_to(end.strip("\"'"), lines)


def _skip_to(end: str, lines: deque[str]) -> None:
    """Drops the body of a heredoc; nothing where it does not end, and so was none."""
    if end in map(str.strip, lines):
        while lines.popleft().strip() != end:
            pass
