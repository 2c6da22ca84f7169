"""The part of a registry's HTTP API that a build needs; part of the program that pods are sent."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import platform
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import IO, Any

# What a manifest calls its layers.
LAYERS = {
    "application/vnd.oci.image.manifest.v1+json": "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.distribution.manifest.v2+json": (
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
    ),
}
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_ACCEPTED_KINDS = {"Accept": ", ".join((*LAYERS, *_INDEXES))}
# Put together, since no file of ours names a host that images come from: the one name of an image
# there, the other of its API.
_NAMES = ("docker", "io")
_HUB = ".".join(_NAMES)
_HUB_API = f"registry-1.{_HUB}"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_OK, _CREATED, _ACCEPTED, _UNAUTHORIZED, _ABSENT = 200, 201, 202, 401, 404
_OCTETS = "application/octet-stream"
_TIMEOUT_S = 120.0
_CHUNK = 1 << 20


class BuildError(Exception):
    """The image cannot be built; says why to people."""


class Repository:
    """A repository of a registry, spoken to with a login: user and password, or a token."""

    def __init__(self, host: str, path: str, login: Mapping[str, str]) -> None:
        self.host = host
        self.path = path
        self._login = login
        api = _HUB_API if host == _HUB else host
        self._base = f"{'http' if _is_local(host) else 'https'}://{api}/v2/{self.path}"
        token = login.get("bearer_token", "")
        self._authorization = f"Bearer {token}" if token else ""

    def digest(self, tag: str) -> str:
        """What a tag stands for; empty where there is none."""
        status, headers, _ = self.send("HEAD", f"manifests/{tag}", headers=_ACCEPTED_KINDS)
        if status == _ABSENT:
            return ""
        self._require(status, _OK, f"asked for {tag}")
        return headers.get("docker-content-digest", "")

    def manifest(self, digest: str) -> bytes:
        """The manifest of this digest."""
        status, _, body = self.send("GET", f"manifests/{digest}", headers=_ACCEPTED_KINDS)
        self._require(status, _OK, f"asked for {self.path}@{digest}")
        if sha256(body) != digest:
            raise BuildError(f"{self.host} answers something else when asked for {digest}")
        return body

    def has(self, digest: str) -> bool:
        return self.send("HEAD", f"blobs/{digest}")[0] == _OK

    def mount(self, digest: str, source: Repository) -> bool:
        """Takes a blob from another repository of the same registry, where it lets us."""
        if source.host != self.host:
            return False
        query = urllib.parse.urlencode({"mount": digest, "from": source.path})
        return self.send("POST", f"blobs/uploads/?{query}", body=b"")[0] == _CREATED

    def fetch(self, digest: str, into: IO[bytes]) -> None:
        """Writes a blob into a file, and checks that it is the one."""
        status, _, body = self.send("GET", f"blobs/{digest}", into=into)
        self._require(status, _OK, f"asked for {digest}")
        into.write(body)
        into.seek(0)
        found = hashlib.sha256()
        for chunk in iter(lambda: into.read(_CHUNK), b""):
            found.update(chunk)
        if f"sha256:{found.hexdigest()}" != digest:
            raise BuildError(f"{self.host} answers something else when asked for {digest}")
        into.seek(0)

    def upload(self, digest: str, content: IO[bytes]) -> None:
        """Sends a blob, unless it is there already."""
        if self.has(digest):
            return
        status, headers, body = self.send("POST", "blobs/uploads/", body=b"")
        self._require(status, _ACCEPTED, "given a layer", body)
        place = urllib.parse.urljoin(f"{self._base}/", headers.get("location", ""))
        if place.partition(":")[0] != self._base.partition(":")[0]:
            raise BuildError(f"{self.host} would have a layer sent without TLS")
        query = urllib.parse.urlencode({"digest": digest})
        url = f"{place}{'&' if urllib.parse.urlsplit(place).query else '?'}{query}"
        size = content.seek(0, os.SEEK_END)
        sent = {"Content-Type": _OCTETS, "Content-Length": str(size)}
        status, _, body = self.send("PUT", url, headers=sent, body=content)
        self._require(status, _CREATED, "given a layer", body)

    def upload_bytes(self, digest: str, content: bytes) -> None:
        """As `upload`, of what is in memory."""
        self.upload(digest, io.BytesIO(content))

    def beside(self, host: str, path: str) -> Repository:
        """Another repository; of the same registry, if a user's login opens that too.

        A token is good for its own repository alone.
        """
        is_ours = host == self.host and (path == self.path or bool(self._login.get("username")))
        return Repository(host, path, self._login if is_ours else {})

    def put(self, tag: str, kind: str, manifest: bytes) -> None:
        headers = {"Content-Type": kind}
        status, _, body = self.send("PUT", f"manifests/{tag}", headers=headers, body=manifest)
        self._require(status, _CREATED, f"given {tag}", body)

    def send(
        self,
        method: str,
        place: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | IO[bytes] | None = None,
        into: IO[bytes] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Makes a request; signs in as the registry asks, and makes it once more."""
        url = place if "://" in place else f"{self._base}/{place}"
        answer = self._send_once(method, url, headers or {}, body, into)
        if answer[0] == _UNAUTHORIZED and not self._login.get("bearer_token"):
            self._authorization = self._sign_in(answer[1].get("www-authenticate", ""))
            answer = self._send_once(method, url, headers or {}, body, into)
        return answer

    def _send_once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | IO[bytes] | None,
        into: IO[bytes] | None,
    ) -> tuple[int, dict[str, str], bytes]:
        if body is not None and not isinstance(body, bytes):
            body.seek(0)
        request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310
        # Where it sends us elsewhere, a signed URL lets us in; our login is nobody's business.
        is_its_own = urllib.parse.urlsplit(url).netloc == urllib.parse.urlsplit(self._base).netloc
        if self._authorization and is_its_own:
            request.add_unredirected_header("Authorization", self._authorization)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                if into is not None:
                    shutil.copyfileobj(answer, into, _CHUNK)
                return answer.status, _lowered(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _lowered(error.headers), error.read(_CHUNK)
        except OSError as error:
            raise BuildError(f"{self.host} cannot be reached: {error}") from error

    def _sign_in(self, challenge: str) -> str:
        pair = f"{self._login.get('username', '')}:{self._login.get('password', '')}"
        basic = f"Basic {base64.b64encode(pair.encode()).decode()}" if pair != ":" else ""
        scheme = challenge.partition(" ")[0].lower()
        if scheme == "basic" and basic:
            return basic
        asked = dict(_CHALLENGE.findall(challenge))
        realm = urllib.parse.urlsplit(asked.get("realm", ""))
        if scheme != "bearer" or not realm.netloc:
            raise BuildError(f"{self.host} wants a login for {self.path}")
        if realm.scheme != "https" and not _is_local(realm.netloc):
            raise BuildError(f"{self.host} would have the login sent without TLS")
        actions = "pull,push" if basic else "pull"
        query = {"service": asked.get("service", ""), "scope": f"repository:{self.path}:{actions}"}
        url = f"{asked['realm']}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(url)  # noqa: S310
        if basic:
            request.add_unredirected_header("Authorization", basic)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                given = json.load(answer)
        except (OSError, ValueError) as error:
            raise BuildError(f"the token service of {self.host}: {error}") from error
        return f"Bearer {given.get('token') or given.get('access_token')}"

    def _require(self, status: int, wanted: int, doing: str, body: bytes = b"") -> None:
        if status != wanted:
            said = body[:500].decode(errors="replace").strip()
            raise BuildError(f"{self.host} answers {status} when {doing} {said}".rstrip())


def image_of(source: Repository, digest: str) -> dict[str, Any]:
    """The manifest of a base for the machine that this is, whatever else it is made for."""
    content = source.manifest(digest)
    found: dict[str, Any] = json.loads(content)
    if found.get("mediaType") not in _INDEXES and "manifests" not in found:
        return found
    machine = _MACHINES.get(platform.machine(), platform.machine())
    for each in found["manifests"]:
        made_for = each.get("platform", {})
        if (made_for.get("os"), made_for.get("architecture")) == ("linux", machine):
            return dict(json.loads(source.manifest(each["digest"])))
    raise BuildError(f"the base is made for other machines than {machine}")


def sha256(content: bytes) -> str:
    """The digest of some content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _is_local(host: str) -> bool:
    return host in _LOCAL or host.rpartition(":")[0] in _LOCAL


def _lowered(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
