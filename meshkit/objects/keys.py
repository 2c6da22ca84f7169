"""Keys of objects: relative paths that cannot leave the root of their store."""

import re
from urllib.parse import unquote

from meshkit.objects.port import ObjectStoreError

_PART = re.compile(r"[^\x00-\x1f\x7f/\\]+")
_MAX_KEY = 1024


def checked(key: str) -> str:
    """The key itself; ObjectStoreError for one that could leave the root, or names nothing."""
    parts = key.split("/")
    is_path = all(_PART.fullmatch(part) and part not in (".", "..") for part in parts)
    if not is_path or len(key.encode()) > _MAX_KEY:
        raise ObjectStoreError(f"{key[:128]!r} is no key of an object")
    return key


def below(root: str, uri: str) -> str:
    """The key of a URI below a root, which is a URI too; ObjectStoreError where it is not.

    What is escaped is compared as it is meant: "%2e%2e" is "..", and refused.
    """
    prefix = root.rstrip("/") + "/"
    if not uri.startswith(prefix):
        raise ObjectStoreError(f"{uri[:256]!r} does not lie in {root}")
    parts = [unquote(part) for part in uri.removeprefix(prefix).split("/")]
    if any("/" in part for part in parts):
        raise ObjectStoreError(f"{uri[:256]!r} is no address of an object")
    return checked("/".join(parts))
