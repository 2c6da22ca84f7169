"""The dashboard's build, as static files: read once at the start, and found by name in a table.

What is not in the table is not served: no path leads out of the directory. The page reads the
path that it is served under from `<base href>`, which is filled in here.
"""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.cors import RawHeaderList
from gateway.errors import Refused
from meshkit.errors import NotFound

BUILD: Final = Path(__file__).parent / "dashboard"
INDEX: Final = "/index.html"
_ASSETS: Final = "/assets/"
_BASE: Final = b'<base href="/">'
_FOREVER: Final = b"public, max-age=31536000, immutable"
_ASK_AGAIN: Final = b"no-cache"
# No script, style, frame or request but of our own files; nobody frames us.
POLICY: Final = (
    b"default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    b"font-src 'self'; connect-src 'self'; frame-src 'self' blob:; object-src 'none'; "
    b"base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
_NOT_BUILT: Final = (
    "the dashboard is not part of this installation: run `make dashboard` in a checkout, and "
    "start the gateway again; the API is served as ever"
)


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    zipped: bytes | None
    etag: bytes
    content_type: bytes
    caching: bytes


@dataclass(frozen=True, slots=True)
class StaticAnswer:
    """What is sent for a file."""

    status: int
    headers: RawHeaderList
    body: bytes


class Dashboard:
    """The files of a build; `base` is the path of the public URL, without a slash at its end."""

    def __init__(self, directory: Path = BUILD, *, base: str = "") -> None:
        self._files = dict(_read(directory, base)) if directory.is_dir() else {}

    def serves(self, path: str, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a GET of a path is for a file, or for a page that the dashboard draws."""
        if path.startswith("/api/"):
            return False
        return (
            path in self._files
            or path.startswith(_ASSETS)
            or b"text/html" in headers.get(b"accept", b"")
        )

    def answer(self, path: str, headers: Mapping[bytes, bytes]) -> StaticAnswer:
        """The file, or the page that draws this path; raises NotFound, in words, without it."""
        if INDEX not in self._files:
            raise Refused(NotFound("DASHBOARD_NOT_BUILT", _NOT_BUILT), http_status=404)
        file = self._files.get(path)
        if file is None and path.startswith(_ASSETS):
            raise NotFound("ROUTE_NOT_FOUND", "there is no such file")
        return _answer(file or self._files[INDEX], headers)


def _answer(file: _File, headers: Mapping[bytes, bytes]) -> StaticAnswer:
    sent: RawHeaderList = [
        (b"content-security-policy", POLICY),
        (b"cache-control", file.caching),
        (b"etag", file.etag),
        (b"vary", b"accept-encoding"),
    ]
    if file.etag in headers.get(b"if-none-match", b""):
        return StaticAnswer(304, sent, b"")
    sent.append((b"content-type", file.content_type))
    if file.zipped is not None and b"gzip" in headers.get(b"accept-encoding", b""):
        return StaticAnswer(200, [*sent, (b"content-encoding", b"gzip")], file.zipped)
    return StaticAnswer(200, sent, file.content)


def _read(directory: Path, base: str) -> "list[tuple[str, _File]]":
    found = []
    for place in sorted(directory.rglob("*")):
        if place.is_file() and place.suffix != ".gz":
            path = f"/{place.relative_to(directory).as_posix()}"
            found.append((path, _file(place, path, base)))
    return found


def _file(place: Path, path: str, base: str) -> _File:
    content, zipped = place.read_bytes(), place.with_name(f"{place.name}.gz")
    if path == INDEX:
        content = content.replace(_BASE, f'<base href="{base}/">'.encode())
    guessed = mimetypes.guess_type(place.name)[0] or "application/octet-stream"
    return _File(
        content=content,
        # The page itself was changed above, and is small.
        zipped=zipped.read_bytes() if zipped.is_file() and path != INDEX else None,
        etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"'.encode(),
        content_type=_TYPES.get(place.suffix, guessed).encode(),
        caching=_FOREVER if path.startswith(_ASSETS) else _ASK_AGAIN,
    )
