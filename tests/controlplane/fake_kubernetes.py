"""A FAKE Kubernetes API server, over real HTTP, with a kubelet that really runs the pods.

Not Kubernetes: it keeps objects in memory and knows as much of the API's meaning as the
provisioner relies on: create (409 where it exists), server-side apply (the whole of what one
manager says; 422 where what cannot change would), merge patches, label selectors, 404s as
`Status` objects, and the StatefulSet controller's one pod. The kubelet starts the container's
command as a process of this machine, with the pod's environment, Secret and volume in place of
those of an image, so that a manifest that says the wrong thing does not get ready here either.
"""

import asyncio
import base64
import copy
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import web

ROOT = Path(__file__).parents[2]
Json = dict[str, Any]
_APPLY = "application/apply-patch+yaml"
# Kinds of which a deletion answers the object; of the others it answers a Status.
_ANSWERED_WHOLE = {"services", "serviceaccounts", "persistentvolumeclaims", "pods"}
# What no update of a StatefulSet may change.
_FIXED = ("selector", "serviceName", "podManagementPolicy")


@dataclass
class Pod:
    """A container that runs as a process here."""

    document: Json
    # None where its image cannot be had.
    process: asyncio.subprocess.Process | None


@dataclass
class FakeCluster:
    """Objects by (resource, name), and the pods that run."""

    directory: Path
    objects: dict[tuple[str, str], Json] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    # Images that cannot be pulled, and whether the API answers at all.
    broken_images: set[str] = field(default_factory=set)
    is_down: bool = False
    url: str = ""
    _pods: dict[str, Pod] = field(default_factory=dict)
    _version: int = 0
    _reconciling: asyncio.Lock = field(default_factory=asyncio.Lock)

    def names(self, resource: str) -> list[str]:
        return sorted(name for kind, name in self.objects if kind == resource)

    def kubeconfig(self) -> Path:
        path = self.directory / "kubeconfig"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "fake", "user": {"token": "fake"}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        }
        path.write_text(json.dumps(document))
        return path

    # The API.

    async def handle(self, request: web.Request) -> web.Response:
        resource, name = request.match_info["resource"], request.match_info.get("name", "")
        self.requests.append(f"{request.method} {resource} {name}")
        if self.is_down:
            return _status(503, "ServiceUnavailable", "the API is down")
        if request.headers.get("authorization") != "Bearer fake":
            return _status(401, "Unauthorized", "no credential")
        body = json.loads(await request.text() or "{}")
        match request.method:
            case "GET" if name:
                return self._get(resource, name)
            case "GET":
                return self._list(resource, request.query.get("labelSelector", ""))
            case "POST":
                answer = self._create(resource, body)
            case "PATCH":
                answer = self._patch(resource, name, body, request)
            case _:
                answer = self._delete(resource, name)
        await self.reconcile()
        return answer

    def _get(self, resource: str, name: str) -> web.Response:
        found = self.objects.get((resource, name))
        return web.json_response(found) if found else _absent(resource, name)

    def _list(self, resource: str, selector: str) -> web.Response:
        wanted = dict(part.split("=", 1) for part in selector.split(",") if part)
        items = [
            document
            for (kind, _), document in self.objects.items()
            if kind == resource and wanted.items() <= document["metadata"]["labels"].items()
        ]
        return web.json_response(
            {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}
        )

    def _create(self, resource: str, body: Json) -> web.Response:
        name = body["metadata"]["name"]
        if (resource, name) in self.objects:
            return _status(409, "AlreadyExists", f"{resource} {name} already exists")
        return self._store(resource, name, body, 201)

    def _patch(self, resource: str, name: str, body: Json, request: web.Request) -> web.Response:
        before = self.objects.get((resource, name))
        if request.content_type != _APPLY:
            if before is None:
                return _absent(resource, name)
            return self._store(resource, name, _merged(before, body))
        if not request.query.get("fieldManager"):
            return _status(400, "BadRequest", "an apply needs a fieldManager")
        problem = _problem(resource, before, body)
        if problem:
            return _status(422, "Invalid", problem)
        return self._store(resource, name, body, 200 if before else 201)

    def _store(self, resource: str, name: str, body: Json, code: int = 200) -> web.Response:
        before = self.objects.get((resource, name), {})
        self._version += 1
        document = copy.deepcopy(body)
        kept = before.get("metadata", {})
        document["metadata"]["uid"] = kept.get("uid") or str(uuid4())
        document["metadata"]["resourceVersion"] = str(self._version)
        document["metadata"].setdefault("labels", {})
        self.objects[resource, name] = document
        return web.json_response(document, status=code)

    def _delete(self, resource: str, name: str) -> web.Response:
        found = self.objects.pop((resource, name), None)
        if found is None:
            return _absent(resource, name)
        if resource in _ANSWERED_WHOLE:
            return web.json_response(found)
        return _status(200, "", "", status="Success")

    # The controller and the kubelet.

    async def reconcile(self) -> None:
        """Has each StatefulSet's pod be as its template says."""
        async with self._reconciling:
            sets = {n: o for (kind, n), o in self.objects.items() if kind == "statefulsets"}
            for name, pod in list(self._pods.items()):
                wanted = sets.get(name)
                is_wanted = wanted and wanted["spec"]["replicas"]
                if not is_wanted or _template(wanted) != _template(pod.document):
                    await self._end(name)
            for name, wanted in sets.items():
                if wanted["spec"]["replicas"] and name not in self._pods:
                    await self._begin(name, wanted)

    async def _begin(self, name: str, wanted: Json) -> None:
        template = wanted["spec"]["template"]
        (container,) = template["spec"]["containers"]
        metadata = {**template["metadata"], "name": f"{name}-0"}
        pod: Json = {"metadata": metadata, "spec": template["spec"]}
        if container["image"] in self.broken_images:
            waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
            pod["status"] = _waiting(waiting)
            self._pods[name] = Pod(copy.deepcopy(wanted), None)
            self._store("pods", f"{name}-0", pod)
            return
        process = await self._run(name, wanted, container)
        self._pods[name] = Pod(copy.deepcopy(wanted), process)
        pod["status"] = {"phase": "Running"}
        self._store("pods", f"{name}-0", pod)

    async def _run(self, name: str, wanted: Json, container: Json) -> asyncio.subprocess.Process:
        """The container's command, with its mounts as directories of this machine."""
        home = self.directory / name
        places = self._mount(home, wanted, container)
        # Every pod has an address of its own; here they share one, and take any port.
        environment = {
            entry["name"]: "127.0.0.1:0"
            if entry["name"].endswith("_ADDRESS")
            else _placed(entry["value"], places)
            for entry in container["env"]
        }
        interpreter, *arguments = container["command"]
        assert interpreter == "python"
        # An image stands for an interpreter, as a setting of the process provisioner does.
        program = container["image"].removeprefix("local:") or sys.executable
        with (home / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                program,
                *arguments,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}",
                    **environment,
                },
                stdout=log,
                stderr=log,
            )

    def _mount(self, home: Path, wanted: Json, container: Json) -> dict[str, Path]:
        volumes = {v["name"]: v for v in wanted["spec"]["template"]["spec"]["volumes"]}
        places = {}
        for mount in container["volumeMounts"]:
            volume = volumes[mount["name"]]
            place = home / mount["name"]
            place.mkdir(parents=True, exist_ok=True)
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                place = self.directory / "volumes" / claim
                assert ("persistentvolumeclaims", claim) in self.objects
                place.mkdir(parents=True, exist_ok=True)
            elif "secret" in volume:
                secret = self.objects.get(("secrets", volume["secret"]["secretName"]))
                assert secret or volume["secret"]["optional"]
                for key, data in (secret or {"data": {}})["data"].items():
                    (place / key).write_bytes(base64.b64decode(data))
            places[mount["mountPath"]] = place
        return places

    async def _end(self, name: str) -> None:
        pod = self._pods.pop(name)
        if pod.process is not None:
            if pod.process.returncode is None:
                pod.process.send_signal(signal.SIGTERM)
            await pod.process.wait()
        self.objects.pop(("pods", f"{name}-0"), None)

    async def end_all(self) -> None:
        for name in list(self._pods):
            await self._end(name)

    def processes(self) -> list[int]:
        processes = [pod.process for pod in self._pods.values()]
        return [each.pid for each in processes if each and each.returncode is None]


@asynccontextmanager
async def fake_cluster(directory: Path) -> AsyncIterator[FakeCluster]:
    """A cluster that serves on a port of its own until the block ends."""
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    cluster = FakeCluster(directory)
    application = web.Application()
    for group in ("/api/v1", "/apis/apps/v1", "/apis/policy/v1"):
        base = f"{group}/namespaces/{{namespace}}/{{resource}}"
        application.router.add_route("*", base, cluster.handle)
        application.router.add_route("*", f"{base}/{{name}}", cluster.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    (address,) = runner.addresses
    cluster.url = f"http://127.0.0.1:{address[1]}"
    try:
        yield cluster
    finally:
        await cluster.end_all()
        await runner.cleanup()


def _placed(text: str, places: dict[str, Path]) -> str:
    """A path of the container as a path of this machine."""
    for mount, place in places.items():
        if text == mount or text.startswith(f"{mount}/"):
            return f"{place}{text.removeprefix(mount)}"
    return text


def _template(wanted: Json) -> Json:
    template: Json = wanted["spec"]["template"]
    return template


def _waiting(waiting: Json) -> Json:
    container = {
        "name": "workspace",
        "image": "",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": waiting},
    }
    return {"phase": "Pending", "containerStatuses": [container]}


def _problem(resource: str, before: Json | None, body: Json) -> str:
    if resource != "statefulsets":
        return ""
    spec = body["spec"]
    template_labels = spec["template"]["metadata"]["labels"]
    if not spec["selector"]["matchLabels"].items() <= template_labels.items():
        return "spec.template.metadata.labels: `selector` does not match template `labels`"
    changed = [name for name in _FIXED if before and before["spec"][name] != spec[name]]
    return f"spec: Forbidden: updates to {changed} are not allowed" if changed else ""


def _merged(before: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict) or not isinstance(before, dict):
        return patch
    merged = dict(before)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(before.get(name), value)
    return merged


def _absent(resource: str, name: str) -> web.Response:
    return _status(404, "NotFound", f'{resource} "{name}" not found')


def _status(code: int, reason: str, message: str, *, status: str = "Failure") -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": status,
        "reason": reason,
        "message": message,
        "code": code,
    }
    return web.json_response(body, status=code)
