"""Container registries: a token of the registry's own token service, for one repository."""

import base64
import re
from collections.abc import Sequence
from urllib.parse import urlencode

from workspace.connectors.answers import end_of, is_refused, require_ok
from workspace.connectors.failures import rejected, unavailable, unsupported
from workspace.connectors.model import (
    Access,
    AuthMethod,
    ConnectorType,
    Issued,
    Property,
    RegistryLogin,
    Resource,
    ResourceType,
    Setup,
    Wanted,
)
from workspace.connectors.wire import Answer

REPOSITORY = "docker-registry"
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_CATALOG = "registry:catalog:*"
_PAGE, _MOST_PAGES = 1000, 20
_REFUSED, _ABSENT = 401, 404


class DockerConnector:
    """As `workspace.connectors.model.Connector`."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        given = setup.get("registry").rstrip("/")
        self._base = given if "://" in given else f"https://{given}"
        self._host = self._base.partition("://")[2]

    async def identify(self) -> str:
        challenge = await self._challenge()
        if challenge is None:
            require_ok(await self._get("/v2/", self._basic))
        else:
            await self._token(challenge, "")
        return self._setup.get("username")

    async def resources(self, resource_type: str) -> Sequence[Resource]:
        challenge = await self._challenge()
        header = self._basic
        if challenge is not None:
            answer = await self._token(challenge, _CATALOG)
            header = f"Bearer {_token_in(answer)}"
        found: list[Resource] = []
        last = ""
        for _ in range(_MOST_PAGES):
            answer = await self._get(f"/v2/_catalog?n={_PAGE}{last}", header)
            if is_refused(answer) or answer.status == _ABSENT:
                raise unsupported(self._host, f"it shows this account no list of {resource_type}")
            require_ok(answer)
            names = [str(name) for name in answer.json().get("repositories") or []]
            found += [Resource(name, self._host) for name in names]
            if len(names) < _PAGE:
                break
            last = f"&last={names[-1]}"
        return found

    async def issue(self, wanted: Wanted) -> Issued:
        challenge = await self._challenge()
        if challenge is None:
            raise unsupported(
                self._host, "it has no token service, and the password never leaves the workspace"
            )
        actions = "pull,push" if wanted.access is Access.WRITE else "pull"
        answer = await self._token(challenge, f"repository:{wanted.resource_id}:{actions}")
        login = RegistryLogin(self._host, bearer_token=_token_in(answer))
        end = end_of(answer, {"expires_in": 60} | answer.json(), self._setup.clock.now())
        return Issued(login, wanted.resource_id, end)

    async def _challenge(self) -> dict[str, str] | None:
        """Where tokens are to be had; None where the registry takes the password itself."""
        answer = await self._get("/v2/", "")
        if answer.status != _REFUSED:
            raise unavailable(self._host, f"answers {answer.status} to who is not signed in")
        header = answer.headers.get("www-authenticate", "")
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "basic":
            return None
        found = dict(_PARAMETER.findall(rest))
        if scheme.lower() != "bearer" or "realm" not in found:
            raise unavailable(self._host, "does not say how to sign in")
        return found

    async def _token(self, challenge: dict[str, str], scope: str) -> Answer:
        """The token service's answer; it lies where the registry says, and only behind TLS."""
        asked = {"account": self._setup.get("username")}
        asked |= {"service": challenge["service"]} if "service" in challenge else {}
        asked |= {"scope": scope} if scope else {}
        realm = challenge["realm"]
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(asked)}"
        answer = await self._setup.wire.send(
            self._host, "GET", url, headers={"authorization": self._basic}
        )
        if answer.status == _REFUSED:
            raise rejected(self._host)
        require_ok(answer, scope)
        return answer

    async def _get(self, path: str, authorization: str) -> Answer:
        headers = {"authorization": authorization} if authorization else {}
        return await self._setup.wire.send(
            self._host, "GET", f"{self._base}{path}", headers=headers
        )

    @property
    def _basic(self) -> str:
        pair = f"{self._setup.get('username')}:{self._setup.get('password')}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _token_in(answer: Answer) -> str:
    document = answer.json()
    name = "token" if document.get("token") else "access_token"
    return answer.text(document, name)


TYPE = ConnectorType(
    "docker",
    "Docker registry",
    "Any container registry that speaks the distribution API: Docker Hub, Harbor, GitLab.",
    auth_methods=(
        AuthMethod(
            "password",
            "Password",
            "A user name with its password, or better an access token in its place.",
            (
                Property(
                    "registry",
                    "The registry's host: registry.example.com.",
                    required=True,
                    steers=True,
                    pattern=r"(https?://)?[A-Za-z0-9.-]+(:[0-9]{1,5})?/?",
                    max_length=255,
                ),
                Property("username", "The user name.", required=True, max_length=255),
                Property("password", "The password.", required=True, secret=True),
            ),
        ),
    ),
    resource_types=(
        ResourceType(
            REPOSITORY,
            "Repository",
            "A bearer token of the registry for one repository: to pull, or also to push.",
            "team/image",
            r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*",
        ),
    ),
    connect=DockerConnector,
)
