"""Azure: tokens of a service principal, and signatures that open one container."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from workspace.connectors import kubeconfig
from workspace.connectors.answers import end_of, require_ok
from workspace.connectors.azure_signing import VERSION, DelegationKey, container_signature
from workspace.connectors.failures import rejected, unavailable, unsupported
from workspace.connectors.model import (
    Access,
    AzureAccess,
    ClusterToken,
    Issued,
    RegistryLogin,
    Resource,
    Setup,
    Wanted,
)
from workspace.connectors.wire import Answer

CONTAINER, REPOSITORY, CLUSTER, GENERIC = (
    "blob-container",
    "docker-registry",
    "kubernetes-cluster",
    "azure-generic",
)
SECRET, WORKLOAD_IDENTITY = "service-principal", "workload-identity"

_SERVICE = "Azure"
_MANAGEMENT = "https://management.azure.com"
_STORAGE = "https://storage.azure.com"
# The application that every AKS cluster with Entra ID takes tokens for.
_AKS = "6dae42f8-4368-4678-94ff-3960e28e3630"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_REGISTRIES = "Microsoft.ContainerRegistry/registries?api-version=2023-07-01"
_CLUSTERS = "Microsoft.ContainerService/managedClusters?api-version=2024-05-01"
_MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    expire_time: datetime


class AzureConnector:
    """As `workspace.connectors.model.Connector`."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    async def identify(self) -> str:
        await self._token(_MANAGEMENT)
        return self._setup.get("client_id")

    async def resources(self, resource_type: str) -> Sequence[Resource]:
        if resource_type == CONTAINER:
            return await self._containers()
        if resource_type == REPOSITORY:
            found = await self._managed(_REGISTRIES)
            return [
                Resource(str(each.get("properties", {}).get("loginServer", "")), _place(each))
                for each in found
            ]
        if resource_type == CLUSTER:
            found = await self._managed(_CLUSTERS)
            return [Resource(_path_of(str(each.get("id", ""))), _place(each)) for each in found]
        return []

    async def issue(self, wanted: Wanted) -> Issued:
        if wanted.resource_type == CONTAINER:
            return await self._container(wanted)
        if wanted.resource_type == REPOSITORY:
            return await self._repository(wanted)
        if wanted.resource_type == CLUSTER:
            return await self._cluster(wanted)
        if wanted.access is not Access.WRITE:
            raise unsupported(_SERVICE, "its tokens cannot be limited to reading; ask for WRITE")
        token = await self._token(_MANAGEMENT)
        return Issued(AzureAccess(access_token=token.value), "", token.expire_time)

    async def _container(self, wanted: Wanted) -> Issued:
        account, _, container = wanted.resource_id.partition("/")
        now = self._setup.clock.now().replace(microsecond=0)
        end = now + wanted.ttl
        token = await self._token(_STORAGE)
        start = now - timedelta(minutes=5)  # clocks differ
        times = f"<Start>{_written(start)}</Start><Expiry>{_written(end)}</Expiry>"
        answer = await self._send(
            token,
            "POST",
            f"{self._blobs(account)}/?restype=service&comp=userdelegationkey",
            content=f'<?xml version="1.0" encoding="utf-8"?><KeyInfo>{times}</KeyInfo>'.encode(),
            headers={"content-type": "application/xml"},
        )
        require_ok(answer, f"storage account {account}")
        found = {element.tag: element.text or "" for element in answer.xml()}
        try:
            key = DelegationKey.of(found)
        except (KeyError, binascii.Error) as error:
            raise unavailable(_SERVICE, "answered without a key") from error
        signature = container_signature(
            key,
            account=account,
            container=container,
            permissions="racwdl" if wanted.access is Access.WRITE else "rl",
            start=_written(start),
            end=_written(end),
            is_plain=self._blobs(account).startswith("http://"),
        )
        issued = AzureAccess(
            sas_token=signature, storage_account=account, endpoint_uri=self._blobs(account)
        )
        return Issued(issued, wanted.resource_id, end)

    async def _containers(self) -> list[Resource]:
        account = self._setup.get("storage_account")
        if not account:
            raise unsupported(_SERVICE, "set `storage_account` to list its containers")
        token = await self._token(_STORAGE)
        url = f"{self._blobs(account)}/?comp=list"
        found: list[Resource] = []
        marker = ""
        for _ in range(_MOST_PAGES):
            answer = await self._send(token, "GET", f"{url}{marker}")
            require_ok(answer, f"storage account {account}")
            document = answer.xml()
            names = (each.findtext("Name", "") for each in document.iter("Container"))
            found += [Resource(f"{account}/{name}", self._blobs(account)) for name in names]
            if not document.findtext("NextMarker"):
                break
            marker = f"&marker={quote(document.findtext('NextMarker', ''), safe='')}"
        return found

    async def _repository(self, wanted: Wanted) -> Issued:
        host, _, repository = wanted.resource_id.partition("/")
        base = self._setup.get("endpoint_url").rstrip("/") or f"https://{host}"
        token = await self._token(_MANAGEMENT)
        entry = {"service": host}
        answer = await self._form(
            f"{base}/oauth2/exchange",
            {"grant_type": "access_token", "access_token": token.value, **entry},
        )
        refresh_token = answer.text(answer.json(), "refresh_token")
        actions = "pull,push" if wanted.access is Access.WRITE else "pull"
        answer = await self._form(
            f"{base}/oauth2/token",
            {
                "grant_type": "refresh_token",
                "refresh_token": refresh_token,
                "scope": f"repository:{repository}:{actions}",
                **entry,
            },
        )
        bearer = answer.text(answer.json(), "access_token")
        return Issued(
            RegistryLogin(host, bearer_token=bearer),
            wanted.resource_id,
            _end_within(answer, bearer),
        )

    async def _cluster(self, wanted: Wanted) -> Issued:
        group, _, name = wanted.resource_id.partition("/")
        path = (
            f"{self._subscription}/resourceGroups/{group}/providers/"
            f"Microsoft.ContainerService/managedClusters/{name}"
            "/listClusterUserCredential?api-version=2024-05-01"
        )
        management = await self._token(_MANAGEMENT)
        answer = await self._send(management, "POST", f"{self._endpoint(_MANAGEMENT)}{path}")
        require_ok(answer, wanted.resource_id)
        try:
            text = base64.b64decode(answer.json()["kubeconfigs"][0]["value"]).decode()
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise unavailable(_SERVICE, "answered without a kubeconfig") from error
        cluster = kubeconfig.read_cluster(text)
        token = await self._token(_AKS)
        issued = ClusterToken(cluster.server, token.value, cluster.certificate_authority)
        return Issued(issued, wanted.resource_id, token.expire_time)

    async def _managed(self, collection: str) -> list[dict[str, Any]]:
        token = await self._token(_MANAGEMENT)
        base = self._endpoint(_MANAGEMENT)
        url = f"{base}{self._subscription}/providers/{collection}"
        found: list[dict[str, Any]] = []
        for _ in range(_MOST_PAGES):
            answer = await self._send(token, "GET", url)
            require_ok(answer, "subscription")
            document = answer.json()
            found += document.get("value") or []
            url = str(document.get("nextLink") or "")
            # What it names next gets our token too.
            if not url.startswith(f"{base}/"):
                break
        return found

    @property
    def _subscription(self) -> str:
        if not self._setup.get("subscription_id"):
            raise unsupported(_SERVICE, "set `subscription_id` for registries and clusters")
        return f"/subscriptions/{self._setup.get('subscription_id')}"

    async def _token(self, audience: str) -> _Token:
        setup = self._setup
        fields = {
            "grant_type": "client_credentials",
            "client_id": setup.get("client_id"),
            "scope": f"{audience}/.default",
        }
        if setup.auth_method == SECRET:
            fields["client_secret"] = setup.get("client_secret")
        else:
            assertion = setup.get("federated_token") or setup.identity("azure")
            if not assertion:
                raise rejected(_SERVICE, "there is no federated token")
            fields |= {"client_assertion": assertion, "client_assertion_type": _ASSERTION}
        base = self._endpoint("https://login.microsoftonline.com")
        answer = await self._form(f"{base}/{setup.get('tenant_id')}/oauth2/v2.0/token", fields)
        document = answer.json()
        end = end_of(answer, document, setup.clock.now())
        return _Token(answer.text(document, "access_token"), end)

    async def _form(self, url: str, fields: Mapping[str, str]) -> Answer:
        answer = await self._setup.wire.form(_SERVICE, url, fields)
        require_ok(answer, "registry" if "/oauth2/exchange" in url else "")
        return answer

    async def _send(
        self,
        token: _Token,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {"authorization": f"Bearer {token.value}", "x-ms-version": VERSION}
        sent |= dict(headers or {})
        return await self._setup.wire.send(_SERVICE, method, url, headers=sent, content=content)

    def _endpoint(self, usual: str) -> str:
        return self._setup.get("endpoint_url").rstrip("/") or usual

    def _blobs(self, account: str) -> str:
        return self._endpoint(f"https://{account}.blob.core.windows.net")


def _written(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _place(document: Mapping[str, Any]) -> str:
    return str(document.get("location", ""))


def _path_of(id_: str) -> str:
    """ "group/name" of an id of Azure's."""
    parts = id_.split("/")
    return f"{parts[4]}/{parts[-1]}" if len(parts) > 8 else id_  # noqa: PLR2004 - its form


def _end_within(answer: Answer, token: str) -> datetime:
    """The end that a JWT tells of itself; whoever made it checks it, we need only know."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise unavailable(answer.service, "answered with a token that says no end") from error
