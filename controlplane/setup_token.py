"""The setup token where the operator finds it: a file of their own, and a printed link."""

import sys
from pathlib import Path

from controlplane.identity.opaque import Secret
from meshkit import files

_FILE = "setup-token"


class SetupToken:
    """The one-time token of the first start, until it is used."""

    def __init__(self, directory: Path, public_url: str) -> None:
        self._path = directory / _FILE
        self._public_url = public_url.rstrip("/")

    def read(self) -> str:
        """The token kept by an earlier start; empty where there is none."""
        return self._path.read_text(encoding="utf-8").strip() if self._path.exists() else ""

    def keep(self, token: Secret | None) -> None:
        """Keeps and shows the token; without one, the administrator exists already."""
        if token is None:
            self.remove()
            return
        files.write_private(self._path, token.encode())
        # Not the log: logs are collected, and this lets its reader in. Behind '#' it is not
        # sent to any server either.
        sys.stderr.write(
            "Create the first administrator here (works once, token also in "
            f"{self._path}):\n  {self._public_url}/setup#token={token}\n"
        )
        sys.stderr.flush()

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
