"""Objects in the user's own stores: a folder, S3, Google Cloud Storage or Azure.

`port` says what a store does, `files` does it in a folder, `cloud` in object stores through
obstore, which is an extra and imported only then; `keys` keeps names inside a store's root.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from meshkit.objects.port import CredentialSource, ObjectStore, ObjectStoreError


def open_store(
    uri: str,
    options: Mapping[str, str] | None = None,
    *,
    credentials: CredentialSource | None = None,
) -> ObjectStore:
    """The store at a `file:///folder`, `s3://bucket/prefix`, `gs://...` or `az://container/...`.

    `options` are those of obstore ("region", "endpoint", "account_name", ...); what they do
    not say, the environment does. `credentials` gives short-lived ones, and is asked
    again before they expire. Raises ObjectStoreError for a URI of no store.
    """
    address = urlsplit(uri)
    if address.scheme == "file":
        from meshkit.objects.files import FileStore

        if address.netloc or not address.path.startswith("/"):
            raise ObjectStoreError(f"{uri} must be file:///some/directory")
        return FileStore(Path(unquote(address.path)))
    from meshkit.objects.cloud import CloudStore

    return CloudStore(uri.rstrip("/"), options or {}, credentials)
