"""Files that only their owner can read: either whole or not there."""

import os
import secrets
import tempfile
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Writes a file with mode 0600, durably, at once or not at all."""
    # mkstemp makes the file 0600 from its first moment; rename makes it appear whole.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)


def read_or_make_key(path: Path, size: int) -> bytes:
    """Random bytes that are made once and kept in a file."""
    if not path.exists():
        write_private(path, secrets.token_bytes(size))
    return path.read_bytes()
