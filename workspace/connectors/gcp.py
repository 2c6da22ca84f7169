"""Google Cloud: access tokens of a service account, narrowed to the one bucket by a boundary."""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import jwt

from workspace.connectors.answers import end_of, require_ok, time_of
from workspace.connectors.failures import rejected, unavailable, unsupported
from workspace.connectors.model import (
    Access,
    ClusterToken,
    GcpToken,
    Issued,
    RegistryLogin,
    Resource,
    Setup,
    Wanted,
)
from workspace.connectors.wire import Answer

BUCKET, REPOSITORY, CLUSTER, GENERIC = (
    "gcs-bucket",
    "docker-registry",
    "kubernetes-cluster",
    "gcp-generic",
)
SERVICE_ACCOUNT, IMPERSONATION, EXTERNAL = "service-account", "impersonation", "external-account"

_SERVICE = "Google Cloud"
_AUTH = "https://www.googleapis.com/auth"
_EVERYTHING = f"{_AUTH}/cloud-platform"
_READING = f"{_AUTH}/cloud-platform.read-only"
_PULLING = f"{_AUTH}/devstorage.read_only"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type
_ROLES = {Access.READ: "roles/storage.objectViewer", Access.WRITE: "roles/storage.objectUser"}
_MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    expire_time: datetime


class GcpConnector:
    """As `workspace.connectors.model.Connector`."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._project = setup.get("project")

    async def identify(self) -> str:
        await self._token(_READING)
        setup = self._setup
        if setup.auth_method == SERVICE_ACCOUNT:
            return str(self._key.get("client_email", ""))
        return setup.get("service_account") or setup.get("audience")

    async def resources(self, resource_type: str) -> Sequence[Resource]:
        token = await self._token(_READING)
        if resource_type == BUCKET:
            path = f"/storage/v1/b?project={quote(self._project)}&maxResults=500"
            found = await self._pages(token, "storage", path, "items")
            return [Resource(str(b.get("name")), str(b.get("location", ""))) for b in found]
        if resource_type == REPOSITORY:
            return await self._repositories(token)
        if resource_type == CLUSTER:
            path = f"/v1/projects/{quote(self._project)}/locations/-/clusters"
            found = await self._pages(token, "container", path, "clusters")
            return [
                Resource(f"{c.get('location')}/{c.get('name')}", str(c.get("location", "")))
                for c in found
            ]
        return []

    async def issue(self, wanted: Wanted) -> Issued:
        is_writing = wanted.access is Access.WRITE
        if wanted.resource_type == BUCKET:
            return await self._bucket(wanted)
        if wanted.resource_type == REPOSITORY:
            token = await self._token(_EVERYTHING if is_writing else _PULLING, wanted.ttl)
            host = wanted.resource_id.partition("/")[0]
            login = RegistryLogin(host, "oauth2accesstoken", token.value)
            return Issued(login, wanted.resource_id, token.expire_time)
        if wanted.resource_type == CLUSTER:
            return await self._cluster(wanted)
        token = await self._token(_EVERYTHING if is_writing else _READING, wanted.ttl)
        return self._issued(token, wanted)

    def _issued(self, token: _Token, wanted: Wanted) -> Issued:
        issued = GcpToken(token.value, self._project, self._setup.get("endpoint_url"))
        return Issued(issued, wanted.resource_id, token.expire_time)

    async def _bucket(self, wanted: Wanted) -> Issued:
        whole = await self._token(_EVERYTHING, wanted.ttl)
        answer = await self._form(
            "sts",
            "/v1/token",
            {
                "grant_type": _EXCHANGE,
                "subject_token_type": _TOKEN_TYPE,
                "requested_token_type": _TOKEN_TYPE,
                "subject_token": whole.value,
                "options": json.dumps(boundary(wanted.resource_id, wanted.access)),
            },
        )
        document = answer.json()
        # It ends with the token that it was made of, and need not say so.
        end = whole.expire_time
        if "expires_in" in document:
            end = min(end, end_of(answer, document, self._setup.clock.now()))
        return self._issued(_Token(answer.text(document, "access_token"), end), wanted)

    async def _cluster(self, wanted: Wanted) -> Issued:
        token = await self._token(_EVERYTHING, wanted.ttl)
        location, _, name = wanted.resource_id.partition("/")
        path = f"/v1/projects/{quote(self._project)}/locations/{location}/clusters/{name}"
        answer = await self._get(token, "container", path, about=wanted.resource_id)
        cluster = answer.json()
        encoded = answer.text(cluster, "masterAuth", "clusterCaCertificate")
        try:
            authority = base64.b64decode(encoded, validate=True).decode("ascii")
        except ValueError as error:
            raise unavailable(_SERVICE, "answered with a CA that is none") from error
        server = f"https://{answer.text(cluster, 'endpoint')}"
        issued = ClusterToken(server, token.value, authority)
        return Issued(issued, wanted.resource_id, token.expire_time)

    async def _repositories(self, token: _Token) -> list[Resource]:
        location = self._setup.get("location")
        if not location:
            raise unsupported(_SERVICE, "set `location` to list the repositories there")
        path = f"/v1/projects/{quote(self._project)}/locations/{location}/repositories?pageSize=500"
        found = await self._pages(token, "artifactregistry", path, "repositories")
        names = (str(each.get("name", "")).rpartition("/")[2] for each in found)
        host = f"{location}-docker.pkg.dev/{self._project}"
        return [Resource(f"{host}/{name}", location) for name in names]

    # Signing in.

    async def _token(self, scope: str, ttl: timedelta = timedelta(hours=1)) -> _Token:
        method = self._setup.auth_method
        if method == SERVICE_ACCOUNT:
            return await self._of_key(scope)
        if method == IMPERSONATION:
            return await self._impersonated(await self._of_key(_EVERYTHING), scope, ttl)
        federated = await self._federated(
            _EVERYTHING if self._setup.get("service_account") else scope
        )
        if self._setup.get("service_account"):
            return await self._impersonated(federated, scope, ttl)
        return federated

    @property
    def _key(self) -> dict[str, Any]:
        try:
            key = json.loads(self._setup.get("service_account_key"))
        except (ValueError, RecursionError):
            key = None
        if not isinstance(key, dict):
            raise rejected(_SERVICE, "the key is no JSON of a service account")
        return key

    async def _of_key(self, scope: str) -> _Token:
        """A token for an assertion that the key signs; what else the key file says counts not."""
        key, now = self._key, self._setup.clock.now()
        claims = {
            "iss": key.get("client_email", ""),
            "aud": "https://oauth2.googleapis.com/token",
            "scope": scope,
            "iat": int(now.timestamp()),
            "exp": int(now.timestamp()) + 3600,
        }
        headers = {"kid": str(key.get("private_key_id", ""))}
        try:
            # Reading an RSA key takes tens of milliseconds.
            assertion = await asyncio.to_thread(
                jwt.encode, claims, str(key.get("private_key", "")), "RS256", headers
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise rejected(_SERVICE, "the private key cannot be read") from error
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        return self._token_in(
            await self._form("oauth2", "/token", {"grant_type": grant, "assertion": assertion})
        )

    async def _federated(self, scope: str) -> _Token:
        setup = self._setup
        subject = setup.get("subject_token") or setup.identity("gcp")
        if not subject:
            raise rejected(_SERVICE, "there is no subject token")
        answer = await self._form(
            "sts",
            "/v1/token",
            {
                "grant_type": _EXCHANGE,
                "audience": setup.get("audience"),
                "scope": scope,
                "requested_token_type": _TOKEN_TYPE,
                "subject_token": subject,
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            },
        )
        return self._token_in(answer)

    async def _impersonated(self, token: _Token, scope: str, ttl: timedelta) -> _Token:
        account = self._setup.get("service_account")
        path = f"/v1/projects/-/serviceAccounts/{quote(account)}:generateAccessToken"
        document = {"scope": [scope], "lifetime": f"{int(ttl.total_seconds())}s"}
        answer = await self._send(
            token, "POST", "iamcredentials", path, json.dumps(document).encode()
        )
        require_ok(answer, account)
        found = answer.json()
        end = time_of(answer, answer.text(found, "expireTime"))
        return _Token(answer.text(found, "accessToken"), end)

    def _token_in(self, answer: Answer) -> _Token:
        document = answer.json()
        end = end_of(answer, document, self._setup.clock.now())
        return _Token(answer.text(document, "access_token"), end)

    # Speaking.

    async def _pages(
        self, token: _Token, service: str, path: str, collection: str
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        page = ""
        for _ in range(_MOST_PAGES):
            document = (await self._get(token, service, path + page)).json()
            found += document.get(collection) or []
            if not document.get("nextPageToken"):
                break
            joint = "&" if "?" in path else "?"
            page = f"{joint}pageToken={quote(str(document['nextPageToken']), safe='')}"
        return found

    async def _get(self, token: _Token, service: str, path: str, about: str = "") -> Answer:
        answer = await self._send(token, "GET", service, path)
        require_ok(answer, about)
        return answer

    async def _send(
        self, token: _Token, method: str, service: str, path: str, content: bytes | None = None
    ) -> Answer:
        headers = {"authorization": f"Bearer {token.value}", "accept": "application/json"}
        if content is not None:
            headers["content-type"] = "application/json"
        url = f"{self._endpoint(service)}{path}"
        return await self._setup.wire.send(_SERVICE, method, url, headers=headers, content=content)

    async def _form(self, service: str, path: str, fields: Mapping[str, str]) -> Answer:
        answer = await self._setup.wire.form(_SERVICE, f"{self._endpoint(service)}{path}", fields)
        require_ok(answer)
        return answer

    def _endpoint(self, service: str) -> str:
        chosen = self._setup.get("endpoint_url")
        return chosen.rstrip("/") if chosen else f"https://{service}.googleapis.com"


def boundary(resource_id: str, access: Access) -> dict[str, Any]:
    """A credential access boundary: one bucket, or what lies below a prefix of it."""
    name, _, prefix = resource_id.partition("/")
    rule: dict[str, Any] = {
        "availableResource": f"//storage.googleapis.com/projects/_/buckets/{name}",
        "availablePermissions": [f"inRole:{_ROLES[access]}"],
    }
    if prefix:
        below = f"'projects/_/buckets/{name}/objects/{prefix}/'"
        listed = "api.getAttribute('storage.googleapis.com/objectListPrefix', '')"
        rule["availabilityCondition"] = {
            "expression": f"resource.name.startsWith({below}) || {listed}.startsWith('{prefix}/')"
        }
    return {"accessBoundary": {"accessBoundaryRules": [rule]}}
