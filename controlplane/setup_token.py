"""The setup token where the operator finds it: a file of their own, and a link in a terminal."""

import sys
from pathlib import Path

from controlplane.identity.opaque import Secret
from meshkit import files

_FILE = "setup-token"
# Says that it was used, or never needed: without it, nobody has written it yet.
_USED = "setup-token.used"


class SetupToken:
    """The one-time token of the first start, until it is used."""

    def __init__(self, directory: Path, public_url: str) -> None:
        self._path = directory / _FILE
        self._used = directory / _USED
        self._public_url = public_url.rstrip("/")

    @property
    def is_used(self) -> bool:
        """Whether there is an administrator, as of what this directory was told."""
        return self._used.exists()

    def read(self) -> str:
        """The token kept by an earlier start; empty where there is none."""
        return self._path.read_text(encoding="utf-8").strip() if self._path.exists() else ""

    def keep(self, token: Secret | None) -> None:
        """Keeps and shows the token; without one, the administrator exists already."""
        if token is None:
            self.retire()
            return
        # A database restored from before its administrator has none again.
        self._used.unlink(missing_ok=True)
        files.write_private(self._path, token.encode())
        # A stream that is no terminal is collected into somebody's log, and the link lets its
        # reader in: there, only the file is named. Behind '#' no server is sent the token.
        link = self.link(token) if sys.stderr.isatty() else ""
        told = [f"Create the first administrator with the one-time token in {self._path}", link]
        sys.stderr.write("".join(f"{line}\n" for line in told if line))
        sys.stderr.flush()

    def link(self, token: str) -> str:
        """Where a browser makes the first administrator; `weft login --setup` takes it, too."""
        return f"{self._public_url}/setup#token={token}"

    def retire(self) -> None:
        """Notes that there is an administrator, and removes the token."""
        self._used.touch(mode=0o600)
        self._path.unlink(missing_ok=True)
