"""Renders the chart with Helm itself, without a cluster: `make manifests`.

    python deploy/render.py          writes deploy/kubernetes/, and what follows from it elsewhere
    python deploy/render.py --json   answers renderings of the values that stand on its input

Helm comes as the library inside the package `helm-sdkpy` (`make helm`), whose only way to render is
to install. So it installs, into an API server that knows all kinds, keeps nothing and says of every
Job that it is done; what the release holds is the rendering.
"""

import ctypes
import json
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from google.protobuf.descriptor_pb2 import FileDescriptorSet

ROOT = Path(__file__).parent
LIBRARY = ROOT.parent / ".helm/helm_sdkpy/_lib/linux-amd64/libhelm_sdkpy.so"
CHART = ROOT / "helm/weft"
CONTRACT = ROOT.parent / "generated/weftapi/weftapi.protoset"
RENDERED = ROOT / "kubernetes"
# What the control plane makes the objects of each workspace from that it provisions.
WORKSPACE = ROOT.parent / "controlplane/provisioners/workspace.json"
_OF_A_WORKSPACE = (
    "ServiceAccount",
    "PersistentVolumeClaim",
    "Service",
    "PodDisruptionBudget",
    "StatefulSet",
)
NAMESPACE = "weft"
KUBERNETES = "v1.36.0"
# Kinds by the group that serves them; which of them the chart makes is for the chart to say.
KINDS = {
    "v1": "Namespace ConfigMap PersistentVolumeClaim Pod Secret Service ServiceAccount",
    "apps/v1": "Deployment StatefulSet ReplicaSet",
    "batch/v1": "Job",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "coordination.k8s.io/v1": "Lease",
    "policy/v1": "PodDisruptionBudget",
    "networking.k8s.io/v1": "NetworkPolicy Ingress",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding ClusterRole ClusterRoleBinding",
    "monitoring.coreos.com/v1": "ServiceMonitor",
    "gateway.networking.k8s.io/v1": "HTTPRoute GRPCRoute BackendTLSPolicy",
}
Document = dict[str, Any]

# Helm leaves it to the server to validate hooks where the server says of their kinds that it can.
_HOOKS = {
    "apis/batch/v1": ("jobs", "Job"),
    "apis/networking.k8s.io/v1": ("networkpolicies", "NetworkPolicy"),
}

_HOOK_KINDS = dict(_HOOKS.values())


class _Cluster(BaseHTTPRequestHandler):
    """An API server that says yes."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/version":
            self._answer({"major": "1", "minor": "36", "gitVersion": KUBERNETES})
        elif path == "/api":
            self._answer({"kind": "APIVersions", "versions": ["v1"]})
        elif path == "/apis":
            self._answer({"kind": "APIGroupList", "groups": [_group(v) for v in KINDS if "/" in v]})
        elif (version := path.removeprefix("/apis/").removeprefix("/api/")) in KINDS:
            self._answer(_resources(version))
        elif path == "/openapi/v3":
            urls = {each: {"serverRelativeURL": f"/openapi/v3/{each}?hash=1"} for each in _HOOKS}
            self._answer({"paths": urls})
        elif (each := path.removeprefix("/openapi/v3/")) in _HOOKS:
            self._answer(_validates_itself(each, *_HOOKS[each]))
        elif (plural := path.rpartition("/")[2]) in _HOOK_KINDS:
            self._say_done(_HOOK_KINDS[plural], is_watch="watch=" in query)
        else:
            self._answer({"kind": "Status", "reason": "NotFound", "code": 404}, 404)

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["content-length"]))
        if "protobuf" in self.headers["content-type"]:
            # Helm's own notes on the release.
            self._answer({"kind": "Secret", "apiVersion": "v1", "metadata": {}}, 201)
            return
        made = json.loads(sent)
        made["metadata"] |= {"uid": "u", "resourceVersion": "1", "generation": 1}
        if made["kind"] == "Job":
            done = {"type": "Complete", "status": "True"}
            made["status"] = {"succeeded": 1, "conditions": [done]}
        if made["kind"] in _HOOK_KINDS.values():
            self.server.hooks.append(made)  # type: ignore[attr-defined]
        self._answer(made, 201)

    def do_PUT(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self.server.hooks.clear()  # type: ignore[attr-defined]
        self._answer({"kind": "Status", "status": "Success"})

    def _say_done(self, kind: str, *, is_watch: bool) -> None:
        if is_watch:
            # Its client lists again after the end of a watch.
            self._answer({})
            return
        hooks = self.server.hooks  # type: ignore[attr-defined]
        found = [it for it in hooks if it["kind"] == kind]
        version = next(each for each in KINDS if kind in KINDS[each].split())
        listed = {"kind": f"{kind}List", "apiVersion": version, "items": found, "metadata": {}}
        self._answer(listed)

    def _answer(self, body: Document, status: int = 200) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def _validates_itself(api: str, plural: str, kind: str) -> Document:
    _, group, version = api.split("/")
    patch = {
        "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
        "parameters": [{"name": "fieldValidation", "in": "query"}],
    }
    path = f"/{api}/namespaces/{{namespace}}/{plural}/{{name}}"
    return {"openapi": "3.0.0", "paths": {path: {"patch": patch}}}


def _group(version: str) -> Document:
    known = {"groupVersion": version, "version": version.partition("/")[2]}
    return {"name": version.partition("/")[0], "versions": [known], "preferredVersion": known}


def _resources(version: str) -> Document:
    resources = [
        {
            "name": f"{kind.lower()[:-1]}ies" if kind.endswith("y") else f"{kind.lower()}s",
            "kind": kind,
            "namespaced": kind != "Namespace",
            "verbs": ["create", "delete", "get", "list", "patch", "watch"],
        }
        for kind in KINDS[version].split()
    ]
    # The one plural that no rule makes.
    for resource in resources:
        resource["name"] = str(resource["name"]).replace("ingresss", "ingresses")
    return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


class Helm:
    """Helm, talking to a cluster of its own; one for a process."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Cluster)
        self._server.hooks = []  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._library = ctypes.CDLL(str(LIBRARY))
        self._library.helm_sdkpy_last_error.restype = ctypes.c_char_p

    def render(self, values: Document) -> tuple[str, str, str]:
        """The release's manifest with its hooks before it, what Helm has against the values, and
        what it tells who installs."""
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory, "kubeconfig")
            config.write_text(json.dumps(self._kubeconfig()), encoding="utf-8")
            return self._install(config, values)

    def _install(self, config: Path, values: Document) -> tuple[str, str, str]:
        handle, answer = ctypes.c_uint64(), ctypes.c_char_p()
        create = self._library.helm_sdkpy_config_create
        if create(NAMESPACE.encode(), str(config).encode(), b"", b"{}", ctypes.byref(handle)):
            return "", self._problem(), ""
        options = {"wait": False, "timeout_seconds": 20, "disable_openapi_validation": True}
        given = [b"weft", str(CHART).encode(), json.dumps(values).encode(), b""]
        options_json = json.dumps(options).encode()
        failed = self._library.helm_sdkpy_install(
            handle, *given, options_json, ctypes.byref(answer)
        )
        if failed:
            return "", self._problem(), ""
        release = json.loads(answer.value or b"")
        hooks = [
            f"---\n# Source: {hook['path']}\n{hook['manifest']}"
            for hook in release.get("hooks", [])
        ]
        return "\n".join([*hooks, release["manifest"]]), "", release["info"].get("notes", "")

    def _problem(self) -> str:
        return str(self._library.helm_sdkpy_last_error().decode())

    def _kubeconfig(self) -> Document:
        server = f"http://127.0.0.1:{self._server.server_port}"
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }


def by_template(manifest: str) -> dict[str, str]:
    """A rendering's documents, by the names of the templates that they came from."""
    files: dict[str, list[str]] = {}
    for document in manifest.split("\n---\n"):
        text = document.removeprefix("---\n").strip()
        source, _, body = text.partition("\n")
        if body.strip() and yaml.safe_load(body):
            files.setdefault(source.rpartition("/")[2], []).append(body.strip())
    return {name: "---\n" + "\n---\n".join(found) + "\n" for name, found in files.items()}


def services() -> str:
    """What of the contract routes tell servers by that share a host, as the chart reads it."""
    contract = FileDescriptorSet.FromString(CONTRACT.read_bytes())
    served = {
        component: sorted(
            f"{file.package}.{service.name}"
            for file in contract.file
            if file.package == f"weftapi.{component}.v1"
            for service in file.service
        )
        for component in ("controlplane", "workspace")
    }
    return "# By `make manifests`, from the contract.\n" + yaml.safe_dump(served)


def write(helm: Helm) -> None:
    """Writes what the chart knows of the contract, and the manifests that follow from it."""
    (CHART / "services.yaml").write_text(services(), encoding="utf-8")
    for name, text in manifests(
        _render(helm, yaml.safe_load((RENDERED / "values.yaml").read_text()))
    ).items():
        (RENDERED / name).write_text(text, encoding="utf-8")
    # As values.yaml has it, with nothing said: one replica, and SQLite in its volume.
    WORKSPACE.write_text(workspace_objects(_render(helm, {})), encoding="utf-8")


def _render(helm: Helm, values: Document) -> str:
    manifest, problem, _ = helm.render(values)
    if problem:
        raise SystemExit(problem)
    return manifest


def workspace_objects(manifest: str) -> str:
    """The objects of the chart's workspace, in the order in which they are applied."""
    found = {
        document["kind"]: document
        for document in yaml.safe_load_all(manifest)
        if document and document["metadata"]["name"] == "weft-workspace"
    }
    objects = [found[kind] for kind in _OF_A_WORKSPACE]
    return json.dumps(objects, indent=2) + "\n"


def manifests(manifest: str) -> dict[str, str]:
    """A rendering as files for people who do not use Helm."""
    return {
        name: "".join(line + "\n" for line in text.splitlines() if _is_told(line))
        for name, text in by_template(manifest).items()
    }


def _is_told(line: str) -> bool:
    return bool(line.strip()) and "managed-by: Helm" not in line


def main() -> None:
    helm = Helm()
    if sys.argv[1:] == ["--json"]:
        answers = [helm.render(values) for values in json.load(sys.stdin)]
        print(json.dumps(answers))
    else:
        write(helm)


if __name__ == "__main__":
    main()
