"""Folders of this machine that live no longer than the processes that use them."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "weft-external-"
_LOCK = ".lock"
# By process, as a fork has what it is copied from, and owns nothing of it; with the open lock that
# says that somebody is there. A fork of a process that is gone holds it on: it may be reading.
_homes: dict[int, tuple[Path, int]] = {}


def new_folder() -> Path:
    """Make a folder that is gone when this process is."""
    found = _homes.get(os.getpid())
    if found is None or not found[0].exists():
        _sweep()
        found = _homes[os.getpid()] = _new_home()
    return Path(tempfile.mkdtemp(dir=found[0]))


def _new_home() -> tuple[Path, int]:
    while True:
        home = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Else somebody who sweeps took it for left between these lines.
            if os.fstat(lock).st_nlink:
                return home, lock
        os.close(lock)


def _sweep() -> None:
    """Removes what was left by processes that were killed, and by forks that os._exit() ended."""
    for home in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if not home.is_symlink() and home.stat().st_uid == os.getuid():
                _remove_if_left(home)


def _remove_if_left(home: Path) -> None:
    lock = os.open(home / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(home, ignore_errors=True)
    finally:
        os.close(lock)


@atexit.register
def _end() -> None:
    if found := _homes.get(os.getpid()):
        shutil.rmtree(found[0], ignore_errors=True)
    if _homes:
        _sweep()
