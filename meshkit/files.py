"""Files that only we can read, either whole or not there, also after a loss of power."""

import contextlib
import fcntl
import os
import secrets
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

# Longer than any transaction takes that names a key whose file was just made.
_SETTLED_S = 600.0


def make_private_directory(path: Path) -> None:
    """Makes a directory that only we can enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Waits until nobody else starts from this directory: first starts must not interleave."""
    with (directory / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hold_alone(path: Path) -> IO[bytes]:
    """Locks a file, made where it is missing, until what is answered is closed, or we die.

    BlockingIOError where somebody else holds it.
    """
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


def write_private(path: Path, content: bytes) -> None:
    """Writes a file with mode 0600, durably, at once or not at all."""
    # mkstemp makes the file 0600 from its first moment; rename makes it appear whole.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Waits until a file's content, or which names a directory has, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(directory: Path) -> None:
    """Waits until all that stands in a directory, at any depth, is on the disk."""
    for folder, _folders, names in os.walk(directory):
        for name in names:
            sync(Path(folder, name))
        sync(Path(folder))


def read_or_make_key(path: Path, size: int) -> bytes:
    """Random bytes that are made once and kept in a file."""
    if not path.exists():
        write_private(path, secrets.token_bytes(size))
    return path.read_bytes()


def sweep(directory: Path, named: Collection[str]) -> None:
    """Removes the PEM files of a directory whose stems are not named.

    Not those just made: another process may be about to name them.
    """
    for path in directory.glob("*.pem"):
        if path.stem not in named and time.time() - path.stat().st_mtime > _SETTLED_S:
            path.unlink(missing_ok=True)
