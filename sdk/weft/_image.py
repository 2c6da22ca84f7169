"""What a step runs in, where that is a container: packages, or a Dockerfile of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@{}-]{0,511}")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*(=[A-Za-z0-9.+:~-]+)?")
_PYTHON = re.compile(r"3\.[0-9]{1,2}")
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What an image holds beside the code, which is never in it: code travels by itself.

    Attributes:
        base: The image to begin with, which has `python` on its path; that of the stack's image
            builder by default. `{python}` in it stands for the version of Python.
        requirements: What pip installs: lines of a requirements file, or the path of one, beside
            the pipeline's file. Wheels are named by their paths, `./wheels/ours-1.0.whl`.
        apt: Debian packages: `"libgomp1"`, `"git=1:2.39.5-0+deb12u2"`.
        python: The version that the image must have, `"3.12"`.
        dockerfile: The path of a Dockerfile of your own, in place of all of the above. Of its
            folder it sees what its COPY and ADD name, as far as that belongs to code: no hidden
            files, links, environments or build folders.
        build_args: Arguments of the build. They stay in the image: no place for secrets.
    """

    base: str = ""
    requirements: Sequence[str] | str = ()
    apt: Sequence[str] = ()
    python: str = ""
    dockerfile: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.dockerfile and (self.base or self.requirements or self.apt or self.python):
            raise ValueError("Image: a dockerfile says itself which base and packages it has")
        _require("base", _REFERENCE, [self.base] if self.base else [])
        _require("apt", _PACKAGE, _texts("apt", self.apt))
        _require("python", _PYTHON, [self.python] if self.python else [])
        _require("build_args", _ARGUMENT, self.build_args)
        lines = [*self.build_args.values()]
        if not isinstance(self.requirements, str):
            lines += _texts("requirements", self.requirements)
        if any(not isinstance(line, str) or "\n" in line or "\r" in line for line in lines):
            raise ValueError("Image: requirements and build_args are texts of one line each")

    @classmethod
    def of(cls, document: Any) -> Image:
        """The image of a table in weft.toml; raises ValueError."""
        known = cls.__dataclass_fields__
        if not isinstance(document, dict) or document.keys() - known.keys():
            raise ValueError(f"an image is a table of {', '.join(known)}")
        for name, value in document.items():
            is_list = name in {"requirements", "apt"} and isinstance(value, list)
            is_table = name == "build_args" and isinstance(value, dict)
            is_text = name not in {"apt", "build_args"} and isinstance(value, str)
            if not (is_list or is_table or is_text):
                raise ValueError(f"{name} is a {type(value).__name__}")
        return cls(**document)


def _texts(name: str, values: Sequence[str]) -> Sequence[str]:
    # A text is a sequence of texts, too.
    if isinstance(values, str):
        raise ValueError(f"Image: {name} is a list of texts")  # noqa: TRY004 - a value like others
    return values


def _require(name: str, pattern: re.Pattern[str], values: Iterable[Any]) -> None:
    for value in values:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"Image: {name} cannot be {value!r}")
