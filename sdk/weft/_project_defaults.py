"""What a project says in `weft.toml` of where its commands work: its [defaults].

The file lies beside the code and is shared, so it holds names alone: a context is one of the
user's own, and no file can say where a server is or who signs in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from weft.errors import ProjectFileError

NAME = "weft.toml"
KEYS = ("context", "project", "stack", "output")


@dataclass(frozen=True, slots=True)
class Defaults:
    """[defaults] of the nearest `weft.toml` that has them; no path where none does."""

    path: Path | None = None
    values: Mapping[str, str] = field(default_factory=dict)


def project_defaults(folder: Path | None = None) -> Defaults:
    """Looks from `folder` upwards: by default from where the process works.

    Raises:
        ProjectFileError: A file is no TOML, or [defaults] holds what nobody reads.
    """
    try:
        start = folder or Path.cwd()
    except FileNotFoundError:
        # Somebody deleted the folder that the process works in.
        return Defaults()
    for above in (start, *start.parents):
        path = above / NAME
        if path.is_file() and (found := _read(path)):
            return Defaults(path, found)
    return Defaults()


def _read(path: Path) -> dict[str, str]:
    import tomllib

    try:
        defaults = tomllib.loads(path.read_text(encoding="utf-8")).get("defaults", {})
    except (OSError, ValueError) as error:
        raise ProjectFileError(f"{path} is not readable: {error}") from None
    if not isinstance(defaults, dict):
        raise ProjectFileError(f"{path}: [defaults] is a table of {', '.join(KEYS)}")
    for name, value in defaults.items():
        if name not in KEYS:
            raise ProjectFileError(f"{path}: [defaults] has no {name}; it has {', '.join(KEYS)}")
        if not isinstance(value, str) or not value:
            raise ProjectFileError(f"{path}: {name} of [defaults] is a text")
    return defaults
