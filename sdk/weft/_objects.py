"""Bytes by URI: files of this machine, and objects in S3, Google Cloud Storage or Azure.

Object stores go through obstore, which `weft[objects]` installs and which finds credentials as
each cloud's own tools do: in the environment, in its files, or from the machine.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from weft.errors import ArtifactStoreError

_STORES = {"s3": "S3Store", "gs": "GCSStore", "az": "AzureStore"}
# Where the environment may choose another endpoint than the cloud's own.
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")


@dataclass(frozen=True, slots=True)
class Access:
    """How a store is reached that is not reached as the environment says.

    Attributes:
        options: What obstore calls options: region, endpoint, keys.
        credentials: Gives short-lived ones, by obstore's names, with `expires_at`; it is asked
            again before they end.
    """

    options: Mapping[str, str]
    credentials: Callable[[], Mapping[str, Any]] | None = None


class Bucket:
    """Objects below a URI such as `s3://bucket/prefix`; keys are relative to it.

    Raises:
        ArtifactStoreError: The URI is of no store, obstore is missing, or the store refuses.
    """

    def __init__(self, root: str, access: Access | None = None) -> None:
        address = urlsplit(root)
        if address.scheme not in _STORES or not address.netloc:
            kinds = ", ".join(f"{scheme}://" for scheme in _STORES)
            raise ArtifactStoreError(f"{root} is no artifact store: use a folder, {kinds}")
        try:
            import obstore
            from obstore import store
        except ImportError:
            raise ArtifactStoreError(
                f"{root} is in an object store: run `pip install 'weft[objects]'`"
            ) from None
        # Plain HTTP only where somebody chose such an endpoint.
        endpoints = [os.environ.get(name, "") for name in _ENDPOINTS]
        chosen: dict[str, Any] = {}
        if access is not None:
            endpoints = list(access.options.values())
            chosen["config"] = dict(access.options)
        if access is not None and access.credentials:
            chosen["credential_provider"] = access.credentials
        is_plain = any(endpoint.startswith("http://") for endpoint in endpoints)
        kind = getattr(store, _STORES[address.scheme])
        self._obs: Any = obstore
        with _refusals(root):
            self._store = kind(
                address.netloc,
                prefix=unquote(address.path.strip("/")) or None,
                client_options={"allow_http": is_plain},
                retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=60)},
                **chosen,
            )

    def put(self, key: str, content: bytes | Path) -> None:
        """Write an object; a large file goes up in parts."""
        with _refusals(key):
            self._obs.put(self._store, key, content)

    def get(self, key: str) -> bytes:
        """Read an object whole."""
        with _refusals(key):
            return bytes(self._obs.get(self._store, key).bytes())

    def fetch(self, key: str, target: Path) -> None:
        """Read an object into a file, piece by piece."""
        with _refusals(key), target.open("wb") as file:
            for piece in self._obs.get(self._store, key).stream():
                file.write(piece)

    def size(self, key: str) -> int | None:
        """The size of an object, None where there is none."""
        with suppress(FileNotFoundError), _refusals(key):
            return int(self._obs.head(self._store, key)["size"])
        return None

    def keys(self, folder: str) -> list[str]:
        """The keys below a folder."""
        with _refusals(folder):
            pages = self._obs.list(self._store, f"{folder}/")
            return [str(meta["path"]) for page in pages for meta in page]

    def look(self, key: str) -> tuple[int, str] | None:
        """The size of an object, and what changes with it; None where there is none."""
        with suppress(FileNotFoundError), _refusals(key):
            return _of_object(self._obs.head(self._store, key))
        return None

    def below(self, folder: str) -> list[tuple[str, int, str]]:
        """The objects below a folder: their keys relative to it, and what `look` says of them."""
        with _refusals(folder):
            pages = self._obs.list(self._store, f"{folder}/")
            found = [meta for page in pages for meta in page]
        # A store may give keys from the bucket's own root.
        return [(str(m["path"]).partition(f"{folder}/")[2], *_of_object(m)) for m in found]

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects."""
        for key in keys:
            with suppress(FileNotFoundError), _refusals(key):
                self._obs.delete(self._store, key)


def _of_object(meta: Mapping[str, Any]) -> tuple[int, str]:
    return int(meta["size"]), str(meta["e_tag"] or meta["last_modified"])


def read_bytes(uri: str, limit: int) -> bytes:
    """Read what is at a URI, at most so many bytes.

    Raises:
        ArtifactStoreError: It is larger, or the store refuses.
        FileNotFoundError: Nothing is there.
    """
    if (path := local_path(uri)) is not None:
        with _refusals(uri), path.open("rb") as file:
            content = file.read(limit + 1)
    else:
        bucket, key = _located(uri)
        if (bucket.size(key) or 0) > limit:
            raise _too_large(uri, limit)
        content = bucket.get(key)
    if len(content) > limit:
        raise _too_large(uri, limit)
    return content


def write_bytes(uri: str, content: bytes) -> None:
    """Write to a URI where nothing is yet; nobody ever reads half of it."""
    if (path := local_path(uri)) is None:
        bucket, key = _located(uri)
        if bucket.size(key) is None:
            bucket.put(key, content)
        return
    with _refusals(uri):
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        temporary.write_bytes(content)
        temporary.replace(path)


def remove(uri: str) -> None:
    """Remove what is at a URI."""
    if (path := local_path(uri)) is not None:
        path.unlink(missing_ok=True)
        return
    bucket, key = _located(uri)
    bucket.delete([key])


def local_path(uri: str) -> Path | None:
    """The path that a `file://` URI, or a path, names; None for what is elsewhere."""
    address = urlsplit(uri)
    if address.scheme in {"", "file"}:
        return Path(unquote(address.path) if address.scheme else uri)
    return None


def _too_large(uri: str, limit: int) -> ArtifactStoreError:
    return ArtifactStoreError(f"{uri} is larger than {limit >> 20} MiB")


def _located(uri: str) -> tuple[Bucket, str]:
    folder, _, name = uri.rpartition("/")
    return Bucket(folder), name


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    """Errors of stores as ours; FileNotFoundError passes, for who can tell better what lacks."""
    try:
        yield
    except (ArtifactStoreError, FileNotFoundError, MemoryError):
        raise
    except Exception as error:  # obstore's errors have no base that is there without it
        reason = " ".join(str(error).partition("Debug source:")[0].partition("?")[0].split())
        raise ArtifactStoreError(f"{what}: {reason[:300]}") from error
