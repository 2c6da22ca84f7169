"""Uploads an image to a registry that wants a token, which podman cannot be given."""

from __future__ import annotations

import hashlib
import http
import json
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from weft._image_registry import Answer, Login, Reference, base_url, send
from weft.errors import ImageError

_OCTETS = "application/octet-stream"


def upload(folder: Path, image: Reference, login: Callable[[], Login]) -> str:
    """Pushes what `podman push IMAGE dir:FOLDER` wrote, and gives its digest.

    Each part has a login asked for: tokens live for minutes, and a large layer takes them.

    Raises:
        ImageError: The registry refuses it, or cannot be reached.
    """
    content = (folder / "manifest.json").read_bytes()
    manifest = json.loads(content)
    for digest in _blobs(manifest):
        _upload_blob(folder / digest.removeprefix("sha256:"), digest, image, login())
    url = f"{base_url(image)}/manifests/{image.tag}"
    headers = {"Content-Type": str(manifest["mediaType"])}
    done = send(image, login(), "PUT", url, headers=headers, body=content)
    _require(done, http.HTTPStatus.CREATED, image)
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _blobs(manifest: Mapping[str, Any]) -> Iterator[str]:
    for part in (manifest["config"], *manifest["layers"]):
        yield str(part["digest"])


def _upload_blob(file: Path, digest: str, image: Reference, login: Login) -> None:
    """Unless it is there already: of most images only the last layers are new."""
    blobs = f"{base_url(image)}/blobs"
    if send(image, login, "HEAD", f"{blobs}/{digest}").status == http.HTTPStatus.OK:
        return
    begun = send(image, login, "POST", f"{blobs}/uploads/", body=b"")
    _require(begun, http.HTTPStatus.ACCEPTED, image)
    place = urllib.parse.urljoin(base_url(image), begun.headers.get("location", ""))
    if urllib.parse.urlsplit(place).scheme != urllib.parse.urlsplit(base_url(image)).scheme:
        raise ImageError(f"{image.host} would have a layer sent without TLS")
    joint = "&" if urllib.parse.urlsplit(place).query else "?"
    url = f"{place}{joint}{urllib.parse.urlencode({'digest': digest})}"
    headers = {"Content-Type": _OCTETS, "Content-Length": str(file.stat().st_size)}
    with file.open("rb") as body:
        done = send(image, login, "PUT", url, headers=headers, body=body)
    _require(done, http.HTTPStatus.CREATED, image)


def _require(answer: Answer, status: int, image: Reference) -> None:
    if answer.status != status:
        raise ImageError(f"{image.host} answers {answer.status} when it is to take {image}")
