"""Tries a container registry: begins to push a layer, as a builder would, and cancels it."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin, urlsplit

from workspace.connectors.wire import Answer, Wire
from workspace.stacks.checks import FailedCheckError

# Put together, since no file of ours names a host that images come from.
_HUB = ("docker", "io")
_DOCKER_HUB = ".".join(["registry-1", *_HUB])
_CHALLENGE = re.compile(r'([a-z]+)="([^"]*)"')
_ACCEPTED, _UNAUTHORIZED = 202, 401
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Registry:
    """Where images are pushed to, and as whom; without a user as nobody."""

    host: str
    repository: str
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def base(self) -> str:
        """Plain http is for a registry on this machine, where the egress lets it pass."""
        is_local = self.host.partition(":")[0] in _LOCAL
        return f"{'http' if is_local else 'https'}://{self.host}"

    @property
    def basic(self) -> dict[str, str]:
        if not self.username:
            return {}
        pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return {"authorization": f"Basic {pair}"}


def registry_of(config: Mapping[str, str], username: str = "", password: str = "") -> Registry:
    """The registry of a configuration, with a connector's login in place of its own."""
    return Registry(
        config.get("registry", _DOCKER_HUB),
        config["repository"],
        username or config.get("username", ""),
        password or config.get("password", ""),
    )


async def try_push(wire: Wire, registry: Registry) -> str:
    """How it went, in words; raises FailedCheckError, Unavailable."""
    url = f"{registry.base}/v2/{registry.repository}/blobs/uploads/"
    headers: Mapping[str, str] = {}
    answer = await wire.send(registry.host, "POST", url, content=b"")
    if answer.status == _UNAUTHORIZED:
        headers = await _authorization(wire, registry, answer)
        answer = await wire.send(registry.host, "POST", url, headers=headers, content=b"")
    if answer.status != _ACCEPTED:
        raise FailedCheckError(_refusal(registry, answer))
    place = urljoin(url, answer.headers.get("location", ""))
    # A place on another host would get credentials that are not meant for it.
    if urlsplit(place).netloc == urlsplit(url).netloc:
        await wire.send(registry.host, "DELETE", place, headers=headers)
    return f"{registry.host} takes images for {registry.repository}."


async def _authorization(wire: Wire, registry: Registry, answer: Answer) -> Mapping[str, str]:
    """What the registry asks for: a user and password, or a token that another address gives."""
    challenge = answer.headers.get("www-authenticate", "")
    scheme = challenge.partition(" ")[0].lower()
    if scheme == "basic":
        return registry.basic
    asked = dict(_CHALLENGE.findall(challenge))
    if scheme != "bearer" or "realm" not in asked:
        raise FailedCheckError(f"{registry.host} asks for a login of a kind that nobody knows.")
    scope = f"repository:{registry.repository}:pull,push"
    query = urlencode({"service": asked.get("service", ""), "scope": scope})
    url = f"{asked['realm']}?{query}"
    given = await wire.send(registry.host, "GET", url, headers=registry.basic)
    document = given.said()
    token = document.get("token") or document.get("access_token")
    if not given.is_ok or not isinstance(token, str):
        raise FailedCheckError(_refusal(registry, given))
    return {"authorization": f"Bearer {token}"}


def _refusal(registry: Registry, answer: Answer) -> str:
    who = f"to {registry.username}" if registry.username else "to callers without a login"
    errors = answer.said().get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    said = str(first.get("message", ""))[:200] if isinstance(first, dict) else ""
    words = f"{registry.host} does not let {registry.repository} be pushed {who}"
    return f"{words}: it answers {answer.status}{f' ({said})' if said else ''}."
