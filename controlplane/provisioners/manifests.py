"""The Kubernetes objects of one workspace: those of the chart, under other names.

`workspace.json` is what Helm renders for a workspace (`make manifests`); here every value of it
that is this workspace's own is put in its place. One StatefulSet of one replica: Kubernetes then
never runs two pods on the same data, whatever happens to nodes.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any
from uuid import UUID

from controlplane.provisioners import Placement

Json = dict[str, Any]

MANAGER = "weft-controlplane"
# Labels by which objects are found again; the version is for people and for `observe`.
CONTROL_PLANE = "weft.dev/control-plane"
WORKSPACE = "weft.dev/workspace"
VERSION = "weft.dev/version"
# Changes with the token, so that a new one restarts the server.
TOKEN_DIGEST = "weft.dev/token-digest"  # noqa: S105 - the name of an annotation
WORKSPACE_NAME = "weft.dev/workspace-name"

# What the rendering says in these places.
_NAME, _HOST, _SECRET = "weft-workspace", "weft-workspace.weft.svc", "weft-workspace-enrollment"
_CONTROL_PLANE_HOST, _PUBLIC_URL = "weft-controlplane.weft.svc", "https://weft.example.com"
_EDGE, _MESH = 7790, 7791
_JOIN, _LINK = 7780, 7781
_TOKEN_KEY = "enrollment-token"  # noqa: S105 - the name of its file


@dataclass(frozen=True, slots=True)
class Cluster:
    """What all workspaces of a control plane share in a cluster."""

    namespace: str
    control_plane: UUID
    images: Mapping[str, str]
    """The image of each version, the newest last."""
    storage: str
    """Size of a workspace's volume: "10Gi"."""
    storage_class: str
    """The volume's storage class; empty for the cluster's default."""
    public_url: str
    """Where people's browsers reach the gateway."""


def name_of(uid: UUID) -> str:
    """The name of all objects of a workspace; short enough for what Kubernetes appends."""
    return f"weft-ws-{uid.hex}"


def host_names(uid: UUID, namespace: str) -> tuple[str, ...]:
    """The names under which a workspace's Service is reached inside the cluster."""
    service = f"{name_of(uid)}.{namespace}.svc"
    return (service, f"{service}.cluster.local")


def digest_of(token: str) -> str:
    """Tells tokens apart without saying anything about them."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


class WorkspaceObjects:
    """The documents of one workspace, by their kinds.

    `endpoints` are the control plane's edge and mesh listeners; `token_digest` is that of the
    token by which the server joined, or shall.
    """

    def __init__(
        self,
        cluster: Cluster,
        placement: Placement,
        *,
        endpoints: tuple[str, str],
        token_digest: str,
    ) -> None:
        self._cluster = cluster
        self._placement = placement
        self._token_digest = token_digest
        self._selector = {WORKSPACE: str(placement.uid)}
        name = name_of(placement.uid)
        host = host_names(placement.uid, cluster.namespace)[0]
        self._words = {
            _NAME: name,
            _SECRET: name,
            f"{_HOST}:{_EDGE}": f"{host}:{_EDGE}",
            f"{_HOST}:{_MESH}": f"{host}:{_MESH}",
            f"{_CONTROL_PLANE_HOST}:{_JOIN}": endpoints[0],
            f"{_CONTROL_PLANE_HOST}:{_LINK}": endpoints[1],
            _PUBLIC_URL: cluster.public_url,
        }

    def service_account(self) -> Json:
        """What clouds know the server by; the cluster itself gives it nothing."""
        return self._document("ServiceAccount")

    def claim(self) -> Json:
        """The volume: made once, and deleted only where somebody says so."""
        document = self._document("PersistentVolumeClaim")
        document["spec"]["resources"]["requests"]["storage"] = self._cluster.storage
        if self._cluster.storage_class:
            document["spec"]["storageClassName"] = self._cluster.storage_class
        return document

    def service(self) -> Json:
        """Where clients and peers find the server."""
        return self._document("Service")

    def disruption_budget(self) -> Json:
        """Lets nodes be drained."""
        return self._document("PodDisruptionBudget")

    def secret(self) -> Json:
        """The one-time token. The chart makes no Secrets; this one lives until it is used."""
        token = base64.b64encode(self._placement.token.encode()).decode()
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": self._metadata(),
            "type": "Opaque",
            "data": {_TOKEN_KEY: token},
        }

    def stateful_set(self) -> Json:
        """The server."""
        document = self._document("StatefulSet")
        template = document["spec"]["template"]
        template["metadata"] = {
            "labels": {**self._labels(), VERSION: self._placement.version},
            "annotations": {TOKEN_DIGEST: self._token_digest},
        }
        [container] = template["spec"]["containers"]
        container["image"] = self._cluster.images[self._placement.version]
        for volume in template["spec"]["volumes"]:
            if "secret" in volume:
                # Gone once the server has joined, and of no use after that.
                volume["secret"]["optional"] = True
        return document

    def _document(self, kind: str) -> Json:
        document: Json = self._ours(_rendered()[kind])
        document["metadata"] = self._metadata()
        return document

    def _ours(self, part: Any) -> Any:
        """A copy of a part of the rendering with this workspace's names and selector."""
        if isinstance(part, dict):
            if part == _selector():
                return dict(self._selector)
            return {key: self._ours(value) for key, value in part.items()}
        if isinstance(part, list):
            return [self._ours(each) for each in part]
        return self._words.get(part, part) if isinstance(part, str) else part

    def _metadata(self) -> Json:
        return {
            "name": name_of(self._placement.uid),
            "namespace": self._cluster.namespace,
            "labels": self._labels(),
            "annotations": {WORKSPACE_NAME: self._placement.name},
        }

    def _labels(self) -> dict[str, str]:
        return {
            "app.kubernetes.io/name": "weft-workspace",
            "app.kubernetes.io/managed-by": MANAGER,
            CONTROL_PLANE: str(self._cluster.control_plane),
            **self._selector,
        }


@functools.cache
def _rendered() -> dict[str, Json]:
    """The chart's objects of a workspace, by kind."""
    text = resources.files(__package__).joinpath("workspace.json").read_text(encoding="utf-8")
    return {document["kind"]: document for document in json.loads(text)}


def _selector() -> Json:
    selector: Json = _rendered()["Service"]["spec"]["selector"]
    return selector
