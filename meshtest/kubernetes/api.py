"""The fake API server: HTTP over a store, with faults on demand."""

import asyncio
import copy
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Self
from uuid import uuid4

from aiohttp import web

from meshtest.kubernetes import defaults
from meshtest.kubernetes.store import Object, RefusalError, Store, now

_VERSION = "1.36"
_LONGEST_NAME = 63
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_PLURALS = {
    "jobs": "Job",
    "pods": "Pod",
    "secrets": "Secret",
    "events": "Event",
    "configmaps": "ConfigMap",
    "resourcequotas": "ResourceQuota",
    "leases": "Lease",
    "nodes": "Node",
    "namespaces": "Namespace",
    "localqueues": "LocalQueue",
    "clusterqueues": "ClusterQueue",
}
_KUEUE = "/apis/kueue.x-k8s.io"
_CHANGEABLE_OF_JOBS = {"suspend", "activeDeadlineSeconds"}
_VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}


class FakeApi:
    """Listens on loopback; `calls` counts what it was asked, as ("create", "jobs").

    What the rules of its caller's role do not allow is forbidden; what the cluster itself holds
    is asked for as ("list", "cluster/nodes"), pods of all namespaces as ("list", "cluster/pods").
    """

    def __init__(self, rules: Iterable[Object], cluster_rules: Iterable[Object] = ()) -> None:
        # By namespace: those in which the caller's role is bound.
        self.stores: dict[str, Store] = {}
        # What callers sign in with; another one makes that of before worth nothing.
        self.token = "a token of the fake cluster"  # noqa: S105 - of nothing real
        # What belongs to no namespace.
        self.cluster = Store("")
        # The version of Kueue's API; empty where it is not installed.
        self.kueue = ""
        named = [(rule, "") for rule in rules] + [(rule, "cluster/") for rule in cluster_rules]
        # With the names of the objects that a rule is for; empty where it is for all.
        self.allowed: dict[tuple[str, str], list[str]] = {
            (verb, scope + resource): rule.get("resourceNames", [])
            for rule, scope in named
            for verb in rule["verbs"]
            for resource in rule["resources"]
        }
        self.calls: Counter[tuple[str, str]] = Counter()
        self.log_of: dict[str, Callable[[str, web.Request], Awaitable[web.StreamResponse]]] = {}
        # Each is the answer to one call that changes something (a lease, which is renewed at times
        # of its own, apart); then all is well again.
        self.faults: list[int] = []
        self.is_down = False
        # How long every call waits before it is looked at.
        self.delay_s = 0.0
        self._watches: set[asyncio.Transport] = set()
        app = web.Application(middlewares=[self._guard])
        for root in ("/apis/batch/v1", "/apis/coordination.k8s.io/v1", "/api/v1"):
            path = f"{root}/namespaces/{{namespace}}/{{plural}}"
            app.router.add_post(path, self._create)
            app.router.add_get(path, self._list)
            app.router.add_get(path + "/{name}", self._get)
            app.router.add_patch(path + "/{name}", self._patch)
            app.router.add_delete(path + "/{name}", self._delete)
            app.router.add_get(path + "/{name}/log", self._log)
        app.router.add_get("/api/v1/{plural:nodes|pods}", self._list)
        app.router.add_post("/api/v1/{plural:namespaces}", self._create)
        app.router.add_get(_KUEUE, self._discover)
        queues = f"{_KUEUE}/{{version}}"
        path = f"{queues}/namespaces/{{namespace}}/{{plural:localqueues}}/{{name}}"
        app.router.add_get(path, self._get)
        app.router.add_get(f"{queues}/{{plural:clusterqueues}}/{{name}}", self._get)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        self.port = 0

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        await self._runner.cleanup()

    def kubeconfig(self, directory: Path, **user: object) -> Path:
        """Where its kubeconfig is; `user` says how one signs in, in place of the token itself."""
        user = {"name": "u", "user": user or {"token": self.token}}
        cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}
        context = {"name": "x", "context": {"user": "u", "cluster": "c"}}
        path = directory / "kubeconfig"
        content = {"users": [user], "clusters": [cluster], "contexts": [context]}
        path.write_text(json.dumps(content | {"current-context": "x", "kind": "Config"}))
        return path

    def cut(self) -> None:
        """Breaks every open watch, as a load balancer does."""
        for transport in self._watches:
            transport.abort()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.is_down and request.transport is not None:
            request.transport.abort()
        asked = _asked(request)
        self.calls[asked] += 1
        await asyncio.sleep(self.delay_s)
        try:
            self._admit(request, *asked)
            return await handler(request)
        except RefusalError as refused:
            return _status(refused)

    def _admit(self, request: web.Request, verb: str, resource: str) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            raise RefusalError(401, "Unauthorized", "Unauthorized")
        if self.faults and request.method != "GET" and resource != "leases":
            raise RefusalError(self.faults.pop(0), "Fault", "the fake was told to fail")
        is_kueue = request.path.startswith(_KUEUE)
        is_there = not is_kueue or request.match_info.get("version", self.kueue) == self.kueue
        plural = resource.removeprefix("cluster/").partition("/")[0]
        if (is_kueue and not self.kueue) or not is_there or (plural and plural not in _PLURALS):
            message = "the server could not find the requested resource"
            raise RefusalError(404, "NotFound", message)
        if request.path == _KUEUE:
            return  # whoever signs in may ask what there is
        namespace = request.match_info.get("namespace")
        is_bound = namespace is None or namespace in self.stores
        names = self.allowed.get((verb, resource))
        if names is None or not is_bound or (names and _name_of(request) not in names):
            message = f'{resource} is forbidden: User "u" cannot {verb} resource "{resource}"'
            raise RefusalError(403, "Forbidden", message)

    async def _create(self, request: web.Request) -> web.Response:
        plural = request.match_info["plural"]
        thing = await request.json()
        _check_fields(thing)
        if problem := _problem(thing, _PLURALS[plural]):
            name = thing["metadata"]["name"]
            raise RefusalError(422, "Invalid", f'{_PLURALS[plural]} "{name}" is invalid: {problem}')
        thing = _written(thing)
        if request.query.get("dryRun") == "All":
            return web.json_response(thing, status=201)
        return web.json_response(self._store(request).create(plural, thing), status=201)

    async def _get(self, request: web.Request) -> web.Response:
        plural, name = request.match_info["plural"], request.match_info["name"]
        return web.json_response(self._store(request).find(plural, name))

    async def _discover(self, _: web.Request) -> web.Response:
        version = {"groupVersion": f"kueue.x-k8s.io/{self.kueue}", "version": self.kueue}
        group = {"kind": "APIGroup", "versions": [version], "preferredVersion": version}
        return web.json_response(group)

    def _store(self, request: web.Request) -> Store:
        namespace = request.match_info.get("namespace")
        return self.cluster if namespace is None else self.stores[namespace]

    def _all(self, request: web.Request, plural: str) -> list[Object]:
        if plural == "pods" and "namespace" not in request.match_info:
            return [pod for store in self.stores.values() for pod in store.all("pods")]
        return self._store(request).all(plural)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        plural, query = request.match_info["plural"], request.query
        if query.get("watch") == "true":
            return await self._watch(request, plural)
        store = self._store(request)
        found = [t for t in self._all(request, plural) if _matches(t, query)]
        start = int(query.get("continue") or 0)
        end = start + int(query.get("limit") or len(found) or 1)
        metadata = {"resourceVersion": str(store.version)}
        if end < len(found):
            metadata["continue"] = str(end)
        return web.json_response({"metadata": metadata, "items": found[start:end]})

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        after, store = int(request.query["resourceVersion"]), self._store(request)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        transport = request.transport
        assert transport is not None
        self._watches.add(transport)
        try:
            # Whoever asks may have left already.
            await response.prepare(request)
            while True:
                if after < store.compacted:
                    gone = RefusalError(410, "Expired", f"too old resource version: {after}")
                    await _say(response, "ERROR", _status_object(gone))
                    return response
                moved = store.moved
                for version, kind, type_, thing in list(store.history):
                    if version > after and kind == plural and _matches(thing, request.query):
                        await _say(response, type_, thing)
                after = store.version
                bookmark = {"metadata": {"resourceVersion": str(after)}}
                if plural != "events":  # of which API servers keep no cache, and have no bookmarks
                    await _say(response, "BOOKMARK", bookmark)
                await moved.wait()
        except ConnectionError:
            return response
        finally:
            self._watches.discard(transport)

    async def _patch(self, request: web.Request) -> web.Response:
        plural, name = request.match_info["plural"], request.match_info["name"]
        patch = await request.json()
        store = self._store(request)
        found = store.find(plural, name)
        _check_version(patch.get("metadata", {}), found["metadata"])
        _check_uid(patch.get("metadata", {}), found)
        if plural == "jobs" and set(patch.get("spec", {})) - _CHANGEABLE_OF_JOBS:
            raise RefusalError(422, "Invalid", "spec.template: field is immutable")
        _check_change(found, patch)
        return web.json_response(store.change(plural, name, lambda t: _merge(t, patch)))

    async def _delete(self, request: web.Request) -> web.Response:
        plural, name = request.match_info["plural"], request.match_info["name"]
        options = await request.json() if request.can_read_body else {}
        store = self._store(request)
        found = store.find(plural, name)
        uid = options.get("preconditions", {}).get("uid")
        if uid and uid != found["metadata"]["uid"]:
            raise RefusalError(409, "Conflict", "Precondition failed: UID in precondition")
        grace = 0
        if plural == "pods":
            default = found["spec"].get("terminationGracePeriodSeconds", 30)
            grace = options.get("gracePeriodSeconds", default)
            grace = min(grace, found["metadata"].get("deletionGracePeriodSeconds", grace))
            if "nodeName" not in found["spec"]:
                grace = 0
        if not grace and not found["metadata"].get("finalizers"):
            store.remove(plural, name)
        else:
            mark = {"deletionTimestamp": now(), "deletionGracePeriodSeconds": grace}
            store.change(plural, name, lambda t: t["metadata"].update(mark))
        return web.json_response({"kind": "Status", "status": "Success"})

    async def _log(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self._store(request).find("pods", name)
        return await self.log_of[request.match_info["namespace"]](name, request)


def _asked(request: web.Request) -> tuple[str, str]:
    """What a request asks for, in the words of roles."""
    plural, name = request.match_info.get("plural", ""), request.match_info.get("name")
    if request.path.endswith("/log"):
        return "get", f"{plural}/log"
    if plural and "namespace" not in request.match_info:
        plural = f"cluster/{plural}"
    if request.method == "GET":
        return ("get" if name else "watch" if "watch" in request.query else "list"), plural
    return _VERBS[request.method], plural


def _name_of(request: web.Request) -> str:
    """The one object that a request is about, as far as roles look: also by a field selector."""
    selected = request.query.get("fieldSelector", "").removeprefix("metadata.name=")
    return request.match_info.get("name") or selected


def _written(thing: Object) -> Object:
    """What an object has once it is written: `stringData` is a way to write `data`, no more."""
    if "stringData" in thing:
        thing["data"] = thing.pop("stringData")
    if thing["kind"] == "Job":
        thing["metadata"]["uid"] = str(uuid4())
        return defaults.of_job(thing)
    return thing


def _check_version(told: Object, found: Object) -> None:
    """A patch that says of which state of an object it is changes no other."""
    if told.get("resourceVersion", found["resourceVersion"]) != found["resourceVersion"]:
        words = "the object has been modified; please apply your changes to the latest version"
        raise RefusalError(409, "Conflict", words)


def _check_uid(told: Object, found: Object) -> None:
    """A uid in a patch is no precondition, but a field that cannot be changed."""
    uid, name = found["metadata"]["uid"], found["metadata"]["name"]
    if told.get("uid", uid) != uid:
        problem = f'metadata.uid: Invalid value: "{told["uid"]}": field is immutable'
        raise RefusalError(422, "Invalid", f'{found["kind"]} "{name}" is invalid: {problem}')


def _check_fields(thing: Object) -> None:
    """As an API server does with `fieldValidation=Strict`: nothing that it does not know."""
    import kubernetes_validate  # of the extra `testing`

    kubernetes_validate.validate(thing, _VERSION, strict=True)


def _check_change(found: Object, patch: Object) -> None:
    """A Lease, which is written by nobody but managers, has nothing in it that is no Lease's."""
    if found.get("kind") == "Lease":
        changed = copy.deepcopy(found)
        _merge(changed, patch)
        _check_fields(changed)


def _problem(thing: Object, kind: str) -> str:
    name = thing.get("metadata", {}).get("name", "")
    if thing.get("kind") != kind:
        return f"kind: expected {kind}"
    if not name or len(name) > _LONGEST_NAME:
        return "metadata.name: must be no more than 63 characters"
    if kind == "Job":
        pod = thing["spec"]["template"]["spec"]
        if pod.get("restartPolicy") not in ("Never", "OnFailure"):
            return "spec.template.spec.restartPolicy: Unsupported value"
        if not pod["containers"][0].get("image"):
            return "spec.template.spec.containers[0].image: Required value"
    return ""


def _matches(thing: Object, query: Mapping[str, str]) -> bool:
    labels = thing["metadata"].get("labels", {})
    return all(labels.get(name) == value for name, value in _terms(query, "labelSelector")) and all(
        (_field(thing, name.removesuffix("!")) == value) != name.endswith("!")
        for name, value in _terms(query, "fieldSelector")
    )


def _terms(query: Mapping[str, str], selector: str) -> list[list[str]]:
    """Names and values; the name of what must not be so ends in an exclamation mark."""
    return [term.split("=", 1) for term in query.get(selector, "").split(",") if term]


def _field(thing: Object, path: str) -> object:
    for name in path.split("."):
        thing = thing.get(name, {})
    return thing


def _merge(thing: Object, patch: Object) -> None:
    """RFC 7396."""
    for name, value in patch.items():
        if value is None:
            thing.pop(name, None)
        elif isinstance(value, dict):
            _merge(thing.setdefault(name, {}), value)
        else:
            thing[name] = copy.deepcopy(value)


def _status_object(refused: RefusalError) -> Object:
    return {
        "kind": "Status",
        "status": "Failure",
        "code": refused.status,
        "reason": refused.reason,
        "message": refused.message,
    }


def _status(refused: RefusalError) -> web.Response:
    headers = {"Retry-After": "1"} if refused.status == HTTPStatus.TOO_MANY_REQUESTS else {}
    return web.json_response(_status_object(refused), status=refused.status, headers=headers)


async def _say(response: web.StreamResponse, type_: str, thing: Object) -> None:
    await response.write(json.dumps({"type": type_, "object": thing}).encode() + b"\n")
