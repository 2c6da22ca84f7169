"""The keys that wrap the data keys: a file outside the database.

    # id            32 random bytes in base64
    k-2026-11-22    m0Jp...=
    k-2025-11-20    0xRk...=

The first key wraps; the others open what was wrapped before. Ids may be anything without spaces.
"""

import base64
import binascii
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from meshkit.files import locked, write_private
from workspace.secrets.ciphers import KEY_BYTES, new_key

_HEADING = "# Keys that encrypt the keys of secrets: id and base64. The first one encrypts.\n"


class KeyFileError(ValueError):
    """The key file cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class WrappingKeys:
    """The keys by id, in the order of the file; the first one wraps."""

    by_id: dict[str, bytes]

    @property
    def current(self) -> str:
        return next(iter(self.by_id))


class KeyFile:
    """A key file; `is_ours` where the server made it, and may add to it."""

    def __init__(self, path: Path, *, is_ours: bool) -> None:
        self.path = path
        self.is_ours = is_ours

    def read(self) -> WrappingKeys:
        """The keys; makes the first one where the file is ours. KeyFileError."""
        if self.is_ours and not self.path.exists():
            self._make()
        return self._load()

    def _load(self) -> WrappingKeys:
        try:
            mode, text = self.path.stat().st_mode, self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFileError(f"The key file {self.path} cannot be read: {error}.") from error
        if mode & stat.S_IRWXO:
            raise KeyFileError(f"Others can read {self.path}: run `chmod o-rwx {self.path}`.")
        return self._parse(text)

    def add(self, name: str) -> None:
        """Puts a new key first, durably, unless there is one of this name already."""
        self.read()
        with locked(self.path.parent):
            keys = self._load().by_id
            if name not in keys:
                self._write({name: new_key(), **keys})

    def _make(self) -> None:
        """Two processes may start together: the second one keeps what the first one made."""
        with locked(self.path.parent):
            if not self.path.exists():
                self._write({_new_id(): new_key()})

    def _write(self, keys: dict[str, bytes]) -> None:
        lines = [f"{name} {base64.b64encode(key).decode()}\n" for name, key in keys.items()]
        write_private(self.path, (_HEADING + "".join(lines)).encode())

    def _parse(self, text: str) -> WrappingKeys:
        keys: dict[str, bytes] = {}
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            key = _decode(words[1]) if len(words) == 2 else b""  # noqa: PLR2004 - id and key
            if len(key) != KEY_BYTES or words[0] in keys:
                wanted = "an id of its own and 32 bytes in base64"
                raise KeyFileError(f"Line {number} of {self.path} is not {wanted}.")
            keys[words[0]] = key
        if not keys:
            raise KeyFileError(f"{self.path} holds no key: put `<id> <32 bytes in base64>` in it.")
        return WrappingKeys(keys)


def _new_id() -> str:
    return f"k-{datetime.now(UTC):%Y-%m-%d}-{token_hex(4)}"


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
