"""The Kubernetes API, as far as the launcher needs it: plain objects in, plain objects out.

The official client knows kubeconfigs, service accounts and how their tokens rotate; its models
are left out, since they drop fields that a newer cluster has and cost more than the call.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import aiohttp
import structlog
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

log = structlog.get_logger()

Object = dict[str, Any]
Query = Mapping[str, str | int | bool]

_PAGE = 500
_CALL_S = 15.0
# The server ends a watch after this long, and says so by closing it; silence that lasts longer
# is a connection that died without a word.
_WATCH_S = 300
_SILENCE_S = _WATCH_S + 30
GONE = 410
CONFLICT, INVALID = 409, 422
_UNAUTHORIZED = 401
# Between two attempts at another token; a plugin that asks people's providers is no cheap thing.
_SIGN_IN_S = 10.0
# Objects have 1.5 MiB at most; what is longer without an end of line is no line of ours.
_LONGEST_LINE = 4 << 20


class Kind(Enum):
    """What the launcher reads or writes: the path of its collection, with its namespace open."""

    JOB = "/apis/batch/v1/namespaces/{}/jobs"
    POD = "/api/v1/namespaces/{}/pods"
    SECRET = "/api/v1/namespaces/{}/secrets"  # noqa: S105  # a path
    EVENT = "/api/v1/namespaces/{}/events"
    CONFIG_MAP = "/api/v1/namespaces/{}/configmaps"
    QUOTA = "/api/v1/namespaces/{}/resourcequotas"
    LEASE = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
    # Of the whole cluster.
    NODE = "/api/v1/nodes"
    ALL_PODS = "/api/v1/pods"


class ApiError(Exception):
    """The API server refused, in its own words; `status` is HTTP's, 0 where it never answered."""

    def __init__(self, status: int, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Change:
    """What a watch says: ADDED, MODIFIED, DELETED or BOOKMARK, and the object as it is then."""

    type: str
    object: Object


class Cluster:
    """One namespace of one cluster. Every method raises ApiError."""

    def __init__(
        self, client: ApiClient, namespace: str, sign_in: Callable[[], Awaitable[None]] | None
    ) -> None:
        """`sign_in` gets another token, where the client does not do so by itself."""
        self._client = client
        self.namespace = namespace
        self._sign_in = sign_in

    def within(self, namespace: str) -> "Cluster":
        """The same cluster by the same connections, another namespace of it."""
        return Cluster(self._client, namespace, self._sign_in)

    async def close(self) -> None:
        await self._client.close()  # type: ignore[no-untyped-call]

    async def create(self, kind: Kind, body: Object, *, is_dry_run: bool = False) -> Object:
        query: Query = {"dryRun": "All"} if is_dry_run else {}
        return await self._call("POST", self._path(kind), query, body)

    async def get(self, kind: Kind, name: str) -> Object:
        return await self._call("GET", self._path(kind, name))

    async def read(self, path: str) -> Object:
        """What is at a path whose version depends on what is installed."""
        return await self._call("GET", path)

    async def patch(self, kind: Kind, name: str, body: Object) -> Object:
        """Merges `body` into an object; with a resourceVersion in it, only into that state, and
        with a uid only into that very object. Where it is another by now that is a CONFLICT."""
        try:
            return await self._call("PATCH", self._path(kind, name), body=body)
        except ApiError as error:
            # For a server a patch has no preconditions: it takes a uid for a field like any other,
            # of which it says that it cannot be changed.
            if error.status == INVALID and "metadata.uid: " in error.message:
                raise ApiError(CONFLICT, error.message) from error
            raise

    async def delete(self, kind: Kind, name: str, *, uid: str, grace_s: int | None = None) -> None:
        """Deletes the one object of this uid, and what it owns; nothing where it is gone."""
        options: Object = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        try:
            await self._call("DELETE", self._path(kind, name), body=options)
        except ApiError as error:
            # A conflict is another object of this name: ours is gone.
            if error.status not in (404, CONFLICT):
                raise

    async def list(self, kind: Kind, **selectors: str) -> tuple[list[Object], str]:
        """All objects that match, and the resource version from which to watch."""
        found: list[Object] = []
        query: dict[str, str | int] = {**selectors, "limit": _PAGE}
        while True:
            page = await self._call("GET", self._path(kind), query)
            found += page.get("items") or []
            metadata = page["metadata"]
            if not metadata.get("continue"):
                return found, metadata["resourceVersion"]
            query["continue"] = metadata["continue"]

    async def watch(self, kind: Kind, version: str, **selectors: str) -> AsyncIterator[Change]:
        """What changes after a version, until the server closes; GONE where that is too old."""
        query: Query = {
            **selectors,
            "watch": True,
            "allowWatchBookmarks": True,
            "resourceVersion": version,
            "timeoutSeconds": _WATCH_S,
        }
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CALL_S, sock_read=_SILENCE_S)
        response = await self._open("GET", self._path(kind), query, patience=timeout)
        async with response:
            async for line in lines(response):
                yield _change(line)

    async def log(self, pod: str, container: str, *, since: str = "") -> aiohttp.ClientResponse:
        """What a container wrote, each line after its time; goes on until the container ends.

        One that is silent for long is broken off, as if its connection had died: ask again.
        """
        query: dict[str, str | bool] = {
            "container": container,
            "follow": True,
            "timestamps": True,
        }
        if since:
            query["sinceTime"] = since
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CALL_S, sock_read=_SILENCE_S)
        return await self._open("GET", f"{self._path(Kind.POD, pod)}/log", query, patience=timeout)

    def _path(self, kind: Kind, name: str = "") -> str:
        path = kind.value.format(self.namespace)
        return f"{path}/{name}" if name else path

    async def _call(
        self, method: str, path: str, query: Query | None = None, body: Object | None = None
    ) -> Object:
        timeout = aiohttp.ClientTimeout(total=_CALL_S)
        response = await self._open(method, path, query or {}, body, patience=timeout)
        async with response:
            try:
                answer: Object = await response.json()
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                raise _unanswered(error) from error
            return answer

    async def _open(
        self,
        method: str,
        path: str,
        query: Query,
        body: Object | None = None,
        *,
        patience: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        try:
            response = await self._send(method, path, query, body, patience)
            if response.status == _UNAUTHORIZED and self._sign_in:
                response.release()
                await self._sign_in()
                response = await self._send(method, path, query, body, patience)
            if not response.ok:
                raise await _refusal(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unanswered(error) from error
        except config.ConfigException as error:
            # Of the token in a pod, which is read anew each minute, while it is being replaced.
            raise ApiError(0, f"there is nothing to sign in with: {error}") from error
        return response

    async def _send(
        self,
        method: str,
        path: str,
        query: Query,
        body: Object | None,
        patience: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = await self._client.param_serialize(
            method,
            path,
            query_params=[(name, _text(value)) for name, value in query.items()],
            header_params={"Accept": "application/json", "Content-Type": content},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = await self._client.call_api(*request, _request_timeout=patience)
        response: aiohttp.ClientResponse = answer.response
        return response


async def connect(namespace: str, *, kubeconfig: str = "", context: str = "") -> Cluster:
    """Signs in by a kubeconfig, or inside a pod by its service account, whose token is renewed."""
    configuration = Configuration()
    # Watches and logs hold a connection each; the calls beside them must not wait for these.
    configuration.connection_pool_maxsize = 0
    if not kubeconfig:
        config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
        return Cluster(ApiClient(configuration), namespace, None)
    found = _Kubeconfig(kubeconfig, context, configuration)
    await found.load()
    return Cluster(ApiClient(configuration), namespace, found.sign_in)


class _Kubeconfig:
    """Signs a client in by a kubeconfig, as often as its token runs out: so do those of plugins,
    and those in files, which somebody else renews."""

    def __init__(self, path: str, context: str, configuration: Configuration) -> None:
        self._path = path
        self._context = context
        self._configuration = configuration
        self._lock = asyncio.Lock()
        self._not_before = 0.0

    async def load(self) -> None:
        await config.load_kube_config(  # type: ignore[no-untyped-call]
            self._path,
            context=self._context or None,
            client_configuration=self._configuration,
            persist_config=False,
        )

    async def sign_in(self) -> None:
        """Reads it again, and asks its plugin; whatever is wrong with it, the server will say."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now < self._not_before:
                return
            self._not_before = now + _SIGN_IN_S
            try:
                await self.load()
            except (config.ConfigException, OSError) as error:
                log.warning("kubeconfig_unreadable", path=self._path, error=str(error))


async def lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The lines of an endless answer; a last one that is not whole is no line."""
    rest = b""
    try:
        async for piece in response.content.iter_any():
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line
            if len(rest) > _LONGEST_LINE:
                raise ApiError(0, "the API server sent a line without an end")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _unanswered(error) from error


def _change(line: bytes) -> Change:
    try:
        said = json.loads(line)
        change = Change(said["type"], said["object"])
    except (ValueError, KeyError, TypeError) as error:
        raise ApiError(0, "the API server sent something that is no event of a watch") from error
    if change.type == "ERROR":
        raise ApiError(int(change.object.get("code") or 0), str(change.object.get("message", "")))
    return change


async def _refusal(response: aiohttp.ClientResponse) -> ApiError:
    async with response:
        text = await response.text(errors="replace")
    try:
        message = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        message = text.strip() or str(response.reason)
    after = response.headers.get("Retry-After", "")
    wait_s = float(after) if after.isdecimal() else None
    return ApiError(response.status, message[:1024], retry_after_s=wait_s)


def _unanswered(error: Exception) -> ApiError:
    if isinstance(error, asyncio.TimeoutError):
        return ApiError(0, "the API server did not answer in time")
    return ApiError(0, f"the API server cannot be reached: {error or type(error).__name__}")


def _text(value: str | int | bool) -> str:  # noqa: FBT001  # a value of a query
    return str(value).lower() if isinstance(value, bool) else str(value)
