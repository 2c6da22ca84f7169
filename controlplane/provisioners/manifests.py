"""The Kubernetes objects of one workspace, as plain documents.

One StatefulSet of one replica: Kubernetes then never runs two pods on the same data, whatever
happens to nodes. It manages its pod in parallel mode, because in the ordered one a template that
never gets ready cannot be rolled back without somebody deleting the pod by hand.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
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

_EDGE, _MESH, _HEALTH, _METRICS = 7790, 7791, 7792, 7793
_DATA = "/var/lib/weft"
_TOKEN_DIRECTORY = "/var/run/weft"  # noqa: S105 - where it is mounted
_TOKEN_KEY = "enrollment-token"  # noqa: S105 - the name of its file
_USER = 10001


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


def name_of(uid: UUID) -> str:
    """The name of all objects of a workspace; short enough for what Kubernetes appends."""
    return f"weft-ws-{uid.hex}"


def host_names(uid: UUID, namespace: str) -> tuple[str, ...]:
    """The names under which a workspace's Service is reached inside the cluster."""
    service = f"{name_of(uid)}.{namespace}.svc"
    return (service, f"{service}.cluster.local")


def labels(cluster: Cluster, uid: UUID) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "weft-workspace",
        "app.kubernetes.io/managed-by": MANAGER,
        CONTROL_PLANE: str(cluster.control_plane),
        WORKSPACE: str(uid),
    }


def claim(cluster: Cluster, placement: Placement) -> Json:
    """The volume: made once, and deleted only where somebody says so."""
    spec: Json = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": cluster.storage}},
    }
    if cluster.storage_class:
        spec["storageClassName"] = cluster.storage_class
    return _object(cluster, placement, "v1", "PersistentVolumeClaim", spec=spec)


def secret(cluster: Cluster, placement: Placement) -> Json:
    """The one-time token."""
    token = base64.b64encode(placement.token.encode()).decode()
    return _object(cluster, placement, "v1", "Secret", type="Opaque", data={_TOKEN_KEY: token})


def service(cluster: Cluster, placement: Placement) -> Json:
    """Where clients and peers find the server."""
    ports = [
        {"name": name, "port": port, "targetPort": name}
        for name, port in (("edge", _EDGE), ("mesh", _MESH))
    ]
    selector = {WORKSPACE: str(placement.uid)}
    return _object(cluster, placement, "v1", "Service", spec={"selector": selector, "ports": ports})


def stateful_set(
    cluster: Cluster, placement: Placement, *, endpoints: tuple[str, str], token_digest: str
) -> Json:
    """The server; `endpoints` are the control plane's edge and mesh listeners."""
    template_labels = {**labels(cluster, placement.uid), VERSION: placement.version}
    spec = {
        "replicas": 1,
        "serviceName": name_of(placement.uid),
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": {WORKSPACE: str(placement.uid)}},
        "template": {
            "metadata": {"labels": template_labels, "annotations": {TOKEN_DIGEST: token_digest}},
            "spec": _pod(cluster, placement, endpoints),
        },
    }
    return _object(cluster, placement, "apps/v1", "StatefulSet", spec=spec)


def digest_of(token: str) -> str:
    """Tells tokens apart without saying anything about them."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def _object(
    cluster: Cluster, placement: Placement, version: str, kind: str, **content: Any
) -> Json:
    metadata = {
        "name": name_of(placement.uid),
        "namespace": cluster.namespace,
        "labels": labels(cluster, placement.uid),
        "annotations": {WORKSPACE_NAME: placement.name},
    }
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}


def _pod(cluster: Cluster, placement: Placement, endpoints: tuple[str, str]) -> Json:
    """The least that the server needs: no identity in the cluster, no root, nothing to write to
    but its volume."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": 60,
        "containers": [_container(cluster, placement, endpoints)],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": name_of(placement.uid)}},
            # Gone once the server has joined, and of no use after that.
            {"name": "token", "secret": {"secretName": name_of(placement.uid), "optional": True}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }


def _container(cluster: Cluster, placement: Placement, endpoints: tuple[str, str]) -> Json:
    ports = {"edge": _EDGE, "mesh": _MESH, "health": _HEALTH, "metrics": _METRICS}
    return {
        "name": "workspace",
        "image": cluster.images[placement.version],
        "command": ["python", "-m", "workspace"],
        "env": _environment(cluster, placement.uid, endpoints),
        "ports": [{"name": name, "containerPort": port} for name, port in ports.items()],
        "readinessProbe": _probe("readiness", failures=3),
        "livenessProbe": _probe("", failures=6),
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "data", "mountPath": _DATA},
            {"name": "token", "mountPath": _TOKEN_DIRECTORY, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
        ],
    }


def _environment(cluster: Cluster, uid: UUID, endpoints: tuple[str, str]) -> list[dict[str, str]]:
    host = host_names(uid, cluster.namespace)[0]
    settings = {
        "DATA_DIR": f"{_DATA}/data",
        "EDGE_ADDRESS": f"0.0.0.0:{_EDGE}",
        "MESH_ADDRESS": f"0.0.0.0:{_MESH}",
        "HEALTH_ADDRESS": f"0.0.0.0:{_HEALTH}",
        "METRICS_ADDRESS": f"0.0.0.0:{_METRICS}",
        "EDGE_ENDPOINT": f"{host}:{_EDGE}",
        "MESH_ENDPOINT": f"{host}:{_MESH}",
        "CONTROL_PLANE_ENDPOINT": endpoints[0],
        "CONTROL_PLANE_MESH_ENDPOINT": endpoints[1],
        "ENROLLMENT_TOKEN_FILE": f"{_TOKEN_DIRECTORY}/{_TOKEN_KEY}",
    }
    return [{"name": f"WEFT_WORKSPACE_{name}", "value": text} for name, text in settings.items()]


def _probe(service_name: str, *, failures: int) -> Json:
    grpc = {"port": _HEALTH, "service": service_name}
    return {"grpc": grpc, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": failures}
