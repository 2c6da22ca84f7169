"""What git knows of the folder that a pipeline's code is in, and where its commits are kept."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_TIMEOUT_S = 5
# Python leaves it wherever it imports from, whether an ignore file says so or not.
_NO_BYTECODE = ":(exclude,glob)**/__pycache__/**"
# user@host:path, as ssh takes it; of one letter, it is a drive of Windows.
_SCP = re.compile(r"(?:[^@/:]+@)?([A-Za-z0-9.-]{2,}):(?!//)([^:]+)")
_DEFAULT_PORTS = {"https": 443, "http": 80, "git": 9418}


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder at a commit. `obstacle` is why that commit alone is not the code, if so."""

    commit: str
    directory: str
    is_dirty: bool
    remotes: tuple[str, ...]
    obstacle: str = ""


def look_at(folder: Path) -> Checkout | None:
    """The checkout that a folder is in; None without git, or without any commit."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        status = _git(folder, "status", "--porcelain", "--", ".", _NO_BYTECODE)
        prefix = _git(folder, "rev-parse", "--show-prefix").rstrip("/")
        remotes = _git(folder, "remote", "--verbose")
        tracked = _git(folder, "ls-files", "--stage", "--", ".")
        large = _git(folder, "ls-files", "--", ":(attr:filter=lfs)")
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    urls = {line.split("\t")[1].rpartition(" ")[0] for line in remotes.splitlines()}
    obstacle = ""
    if status:
        obstacle = "it has changes that are not committed"
    elif any(line.startswith("160000 ") for line in tracked.splitlines()):
        obstacle = "it has submodules"
    elif large:
        obstacle = "it has files in Git LFS"
    return Checkout(commit, prefix, bool(status), tuple(sorted(urls)), obstacle)


def place_of(url: str) -> str:
    """Host and path of a repository, the same whatever way it is cloned; "" for a local one."""
    if "://" not in url:
        found = _SCP.fullmatch(url)
        return f"{found[1].lower()}/{_path(found[2])}" if found else ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in (*_DEFAULT_PORTS, "ssh") or not parts.hostname:
        return ""
    # The port of ssh says nothing about the host's others.
    is_plain = parts.scheme == "ssh" or port in (None, _DEFAULT_PORTS[parts.scheme])
    host = parts.hostname.lower() if is_plain else f"{parts.hostname.lower()}:{port}"
    return f"{host}/{_path(parts.path)}"


def _path(path: str) -> str:
    return path.strip("/").removesuffix(".git")


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed arguments
        ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's git
        capture_output=True,
        text=True,
        check=True,
        timeout=_TIMEOUT_S,
    )
    return done.stdout.rstrip("\n")
