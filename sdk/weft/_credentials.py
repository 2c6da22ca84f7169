"""Where sign-ins are kept: a file that only its owner can read, or the system's keyring.

`WEFT_CREDENTIALS=keyring` takes the keyring (`pip install 'weft[keyring]'`); `file` is the default.
What is in the one is not looked for in the other.
"""

from __future__ import annotations

import importlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from weft.errors import ContextError

VARIABLE = "WEFT_CREDENTIALS"
_SERVICE = "weft"


class Credentials(Protocol):
    """Keeps a document for each context. Its user holds a lock while one changes."""

    def get(self, name: str) -> dict[str, Any]:
        """The document of a context; empty where there is none."""

    def put(self, name: str, document: Mapping[str, Any]) -> None:
        """Keeps the document of a context."""

    def remove(self, name: str) -> None:
        """Forgets the document of a context, where there is one."""


def credentials(directory: Path) -> Credentials:
    """What the environment chooses, for the contexts of a directory; raises ContextError."""
    chosen = os.environ.get(VARIABLE) or "file"
    if chosen == "keyring":
        return KeyringCredentials(directory)
    if chosen != "file":
        raise ContextError(f"{VARIABLE} is {chosen!r}: write file or keyring")
    return FileCredentials(directory / "credentials.json")


class FileCredentials:
    """All documents in one file, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, name: str) -> dict[str, Any]:
        """Reads the file; raises ContextError where it is broken."""
        found: dict[str, Any] = read_document(self._path).get(name, {})
        return found

    def put(self, name: str, document: Mapping[str, Any]) -> None:
        """Writes the file anew."""
        write_document(self._path, {**read_document(self._path), name: dict(document)})

    def remove(self, name: str) -> None:
        """Writes the file anew, without it."""
        document = read_document(self._path)
        document.pop(name, None)
        write_document(self._path, document)


class KeyringCredentials:
    """Each document an entry of the system's keyring: by the directory and the context's name."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()

    def get(self, name: str) -> dict[str, Any]:
        """Asks the keyring; raises ContextError where it cannot be asked."""
        text = self._call("get_password", name)
        try:
            found = json.loads(text) if text else {}
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ContextError(f"the keyring's entry of {name} is none of ours: delete it there")
        return found

    def put(self, name: str, document: Mapping[str, Any]) -> None:
        """Replaces the entry."""
        self._call("set_password", name, json.dumps(document))

    def remove(self, name: str) -> None:
        """Deletes the entry, where there is one."""
        if self._call("get_password", name) is not None:
            self._call("delete_password", name)

    def _call(self, function: str, name: str, *arguments: str) -> Any:
        try:
            keyring = importlib.import_module("keyring")
        except ImportError:
            raise ContextError(
                f"{VARIABLE} is keyring, which is not installed: run `pip install 'weft[keyring]'`"
            ) from None
        try:
            return getattr(keyring, function)(_SERVICE, f"{name} in {self._directory}", *arguments)
        except keyring.errors.KeyringError as error:
            raise ContextError(
                f"the keyring cannot be used ({error}): unlock it, or set {VARIABLE}=file"
            ) from error


def read_document(path: Path) -> dict[str, Any]:
    """A JSON object of a file; empty where there is no file. Raises ContextError."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:
        raise ContextError(f"{path} is not readable: {error}; mend it or delete it") from None
    if not isinstance(document, dict):
        raise ContextError(f"{path} holds no contexts; mend it or delete it")
    return document


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Writes a file that only its owner can read, whole or not at all."""
    # mkstemp makes it 0600 from its first moment; the rename makes the change atomic.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.flush()
        # A refresh token works once: the one that a crash forgets ends the session.
        os.fsync(file.fileno())
    Path(temporary).replace(path)
