"""Objects in S3-compatible stores, Google Cloud Storage and Azure, through obstore."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from meshkit.objects.keys import checked
from meshkit.objects.port import (
    CredentialSource,
    ObjectDeniedError,
    ObjectInfo,
    ObjectMissingError,
    ObjectStoreError,
)

# Their classes in obstore, and what these call a bucket.
_STORES = {"s3": "S3Store", "gs": "GCSStore", "az": "AzureStore"}

# Where the environment may choose another endpoint than the cloud's own.
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")
_KINDS = ", ".join(f"{scheme}://" for scheme in _STORES)
_PIECE_BYTES = 1 << 20
_AT_ONCE = 16
_MAX_SAID = 300
# Queries of signed links are credentials, and errors quote the link that failed.
_QUERY = re.compile(r"\?[^\s\"')]*")
_PATIENCE: dict[str, Any] = {"connect_timeout": "5s", "timeout": "60s"}
_RETRIES: dict[str, Any] = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}


class CloudStore:
    """An ObjectStore in a bucket or container, or below a prefix of one."""

    def __init__(
        self, uri: str, options: Mapping[str, str], credentials: CredentialSource | None
    ) -> None:
        self.root = uri
        self._obs, self._store = _connect(uri, options, credentials)

    async def put(self, key: str, data: bytes) -> None:
        with _refusals(key):
            await self._obs.put_async(self._store, checked(key), data)

    async def create(self, key: str, data: bytes) -> bool:
        try:
            with _refusals(key):
                await self._obs.put_async(self._store, checked(key), data, mode="create")
        except FileExistsError:
            return False
        return True

    async def upload(self, key: str, source: Path) -> None:
        with _refusals(key):
            await self._obs.put_async(self._store, checked(key), source)

    async def get(self, key: str, *, offset: int = 0, length: int | None = None) -> bytes:
        if not offset and length is None:
            with _refusals(key):
                found = await self._obs.get_async(self._store, checked(key))
                return bytes(await found.bytes_async())
        known = await self.head(key)
        if known is None:
            raise ObjectMissingError(f"{key} does not exist")
        # Stores refuse a range that begins at the end: there is nothing there.
        end = known.size_bytes if length is None else min(known.size_bytes, offset + length)
        if offset >= end:
            return b""
        with _refusals(key):
            return bytes(
                await self._obs.get_range_async(self._store, checked(key), start=offset, end=end)
            )

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        with _refusals(key):
            found = await self._obs.get_async(self._store, checked(key))
            async for piece in found.stream(min_chunk_size=_PIECE_BYTES):
                yield bytes(piece)

    async def head(self, key: str) -> ObjectInfo | None:
        try:
            with _refusals(key):
                return _info(await self._obs.head_async(self._store, checked(key)))
        except ObjectMissingError:
            return None

    async def list(self, folder: str = "") -> AsyncIterator[ObjectInfo]:
        prefix = f"{checked(folder)}/" if folder else None
        with _refusals(folder):
            async for page in self._obs.list(self._store, prefix, chunk_size=1000):
                for meta in page:
                    yield _info(meta)

    async def delete(self, keys: Sequence[str]) -> None:
        for first in range(0, len(keys), _AT_ONCE):
            await asyncio.gather(*(self._delete(key) for key in keys[first : first + _AT_ONCE]))

    async def _delete(self, key: str) -> None:
        with suppress(ObjectMissingError), _refusals(key):
            await self._obs.delete_async(self._store, checked(key))

    async def sign(self, key: str, *, lifetime: timedelta) -> str:
        with _refusals(key):
            return str(await self._obs.sign_async(self._store, "GET", checked(key), lifetime))


def _connect(
    uri: str, options: Mapping[str, str], credentials: CredentialSource | None
) -> tuple[Any, Any]:
    """obstore itself, and its store; ObjectStoreError where either cannot be had."""
    address = urlsplit(uri)
    if address.scheme not in _STORES or not address.netloc or address.query:
        raise ObjectStoreError(f"{uri[:256]!r} must be file:///folder, or {_KINDS} bucket/prefix")
    try:
        import obstore
        from obstore import store
    except ImportError as error:
        raise ObjectStoreError("install weft-server[objects] for object stores") from error
    # Plain HTTP only where somebody chose such an endpoint: emulators, stores of one's own.
    endpoints = [*options.values(), *(os.environ.get(name, "") for name in _ENDPOINTS)]
    is_plain = any(endpoint.startswith("http://") for endpoint in endpoints)
    prefix = address.path.strip("/")
    chosen: dict[str, Any] = {
        "prefix": checked(unquote(prefix)) if prefix else None,
        "client_options": {**_PATIENCE, "allow_http": is_plain},
        "retry_config": _RETRIES,
    }
    if credentials:
        chosen["credential_provider"] = credentials
    with _refusals(uri):
        kind = getattr(store, _STORES[address.scheme])
        return obstore, kind(address.netloc, config=dict(options), **chosen)


def _info(meta: Mapping[str, Any]) -> ObjectInfo:
    return ObjectInfo(meta["path"], meta["size"], meta["last_modified"].replace(microsecond=0))


@contextmanager
def _refusals(key: str) -> Iterator[None]:
    """Errors of obstore as those of the port; one that we make ourselves passes."""
    from obstore import exceptions

    try:
        yield
    except (FileNotFoundError, exceptions.NotFoundError) as error:
        raise ObjectMissingError(f"{key} does not exist") from error
    except exceptions.AlreadyExistsError as error:
        raise FileExistsError(key) from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise ObjectDeniedError(_said(error)) from error
    except (exceptions.BaseError, ValueError, OSError) as error:
        if isinstance(error, FileExistsError):
            raise
        raise ObjectStoreError(_said(error)) from error


def _said(error: Exception) -> str:
    text = " ".join(str(error).partition("Debug source:")[0].split())
    return _QUERY.sub("", text)[:_MAX_SAID]
