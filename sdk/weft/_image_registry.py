"""Asks a container registry which content a tag has, by the distribution API."""

from __future__ import annotations

import base64
import contextlib
import http
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from weft.errors import ImageError

_TIMEOUT_S = 30.0
# Put together, since no file of ours names a host that images come from: the one name of an image
# there, the other of its API.
_NAMES = ("docker", "io")
HUB = ".".join(_NAMES)
_HUB_API = f"registry-1.{HUB}"
# How docker's own files call it, and what a repository there is in that says no owner.
HUB_INDEX = f"https://index.{HUB}/v1/"
_HUB_OWNER = "library"
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_OCI, _DOCKER = "application/vnd.oci.image", "application/vnd.docker.distribution.manifest"
_KINDS = f"{_OCI}.index.v1+json, {_OCI}.manifest.v1+json, {_DOCKER}.list.v2+json, {_DOCKER}.v2+json"


@dataclass(frozen=True, slots=True)
class Login:
    """How a registry is spoken to: as nobody, with a user and password, or with a token."""

    username: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """User and password as HTTP and configuration files have them; empty without a user."""
        if not self.username:
            return ""
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


NOBODY = Login()


@dataclass(frozen=True, slots=True)
class Reference:
    """An image: the host of its registry, the repository there, and its tag."""

    host: str
    repository: str
    tag: str = "latest"

    @classmethod
    def of(cls, text: str) -> Reference | None:
        """The parts of a reference; None where it names no registry, or a digest already."""
        host, slash, rest = text.partition("/")
        if not slash or "@" in text or not (host == "localhost" or set(host) & set(".:")):
            return None
        repository, _, tag = rest.partition(":")
        return cls(host, repository, tag or "latest")

    @property
    def path(self) -> str:
        """The repository as the registry's API calls it."""
        is_short = self.host == HUB and "/" not in self.repository
        return f"{_HUB_OWNER}/{self.repository}" if is_short else self.repository

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}:{self.tag}"


def docker_folder() -> Path:
    """Where docker has its configuration."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def known_logins() -> Mapping[str, Mapping[str, str]]:
    """The logins that `podman login` and `docker login` left on this machine, by registry."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    places = [
        docker_folder() / "config.json",
        *([Path(runtime) / "containers/auth.json"] if runtime else []),
        *([Path(os.environ["REGISTRY_AUTH_FILE"])] if "REGISTRY_AUTH_FILE" in os.environ else []),
    ]
    found: dict[str, Mapping[str, str]] = {}
    for place in places:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            logins = json.loads(place.read_bytes()).get("auths", {})
            found |= {
                _host_of(k): own for k, own in logins.items() if isinstance(own, dict) and own
            }
    return found


def _host_of(key: str) -> str:
    """The registry that an entry is for: older ones are URLs, and the hub's is to this day."""
    _, is_url, rest = key.rpartition("://")
    host = rest.partition("/")[0] if is_url else rest
    return HUB if host in {f"index.{HUB}", _HUB_API} else host


def known_login(host: str) -> Login:
    """The user's own login to a registry; nobody's where there is none."""
    own = known_logins().get(host, {})
    try:
        username, _, password = base64.b64decode(own.get("auth", "")).decode().partition(":")
    except ValueError:
        return NOBODY
    return Login(username, password)


def is_local(host: str) -> bool:
    """Whether a registry is of this machine, and may be spoken to without TLS."""
    return host.rpartition(":")[0] in _LOCAL or host in _LOCAL


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and headers whose names are in small letters."""

    status: int
    headers: Mapping[str, str]


def base_url(image: Reference) -> str:
    """Where the repository of an image is, in the registry's API."""
    scheme = "http" if is_local(image.host) else "https"
    host = _HUB_API if image.host == HUB else image.host
    return f"{scheme}://{host}/v2/{image.path}"


def digest_of(image: Reference, login: Login = NOBODY) -> str:
    """The digest of a tag; empty where the registry has no such image.

    Raises:
        ImageError: The registry refuses, or cannot be reached.
    """
    url = f"{base_url(image)}/manifests/{image.tag}"
    answer = send(image, login, "HEAD", url, headers={"Accept": _KINDS})
    if answer.status == http.HTTPStatus.UNAUTHORIZED and not login.bearer_token:
        authorization = _authorization(image, login, answer.headers)
        headers = {"Accept": _KINDS}
        answer = send(image, NOBODY, "HEAD", url, headers=headers, authorization=authorization)
    if answer.status == http.HTTPStatus.NOT_FOUND:
        return ""
    digest = answer.headers.get("docker-content-digest", "")
    if answer.status != http.HTTPStatus.OK or not _DIGEST.fullmatch(digest):
        raise ImageError(f"{image.host} answers {answer.status} when it is asked for {image}")
    return digest


def send(
    image: Reference,
    login: Login,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | IO[bytes] | None = None,
    authorization: str = "",
) -> Answer:
    """Makes one request to an image's registry; raises ImageError.

    It takes the login's token along, or the `authorization` that the registry asked for.
    """
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)  # noqa: S310
    # Where it sends us elsewhere, a signed URL lets us in, and our token is nobody's business.
    is_its_own = urllib.parse.urlsplit(url).netloc == urllib.parse.urlsplit(base_url(image)).netloc
    if login.bearer_token and is_its_own:
        authorization = f"Bearer {login.bearer_token}"
    if authorization:
        request.add_unredirected_header("Authorization", authorization)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()})
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, {k.lower(): v for k, v in error.headers.items()})
    except OSError as error:
        raise ImageError(f"{image.host} cannot be reached: {error}") from error


def _authorization(image: Reference, login: Login, answered: Mapping[str, str]) -> str:
    """What the registry asks for: user and password, or a token of its token service."""
    challenge = answered.get("www-authenticate", "")
    scheme = challenge.partition(" ")[0].lower()
    if scheme == "basic" and login.basic:
        return f"Basic {login.basic}"
    asked = dict(_CHALLENGE.findall(challenge))
    if scheme != "bearer" or "realm" not in asked:
        raise ImageError(f"{image.host} wants a login for {image}")
    scope = f"repository:{image.path}:pull"
    query = urllib.parse.urlencode({"service": asked.get("service", ""), "scope": scope})
    realm = urllib.parse.urlsplit(asked["realm"])
    if realm.scheme != "https" and not is_local(realm.netloc):
        raise ImageError(f"{image.host} would have the login sent without TLS")
    given = _read(image.host, f"{asked['realm']}?{query}", login)
    token = given.get("token") or given.get("access_token")
    if not isinstance(token, str):
        raise ImageError(f"{image.host} gives no token for {image}")
    return f"Bearer {token}"


def _read(host: str, url: str, login: Login) -> Mapping[str, object]:
    request = urllib.request.Request(url)  # noqa: S310
    if login.basic:
        # As above: wherever the service sends us, the login stays here.
        request.add_unredirected_header("Authorization", f"Basic {login.basic}")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            found = json.load(answer)
    except (OSError, ValueError) as error:
        raise ImageError(f"the token service of {host}: {error}") from error
    return found if isinstance(found, dict) else {}
