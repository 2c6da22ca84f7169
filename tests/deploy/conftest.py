"""Renderings for all tests of a process: Helm takes seconds."""

import os

import pytest

from tests.deploy.rendered import CHART, ROOT, Document, Helm, ask_helm, read_values

DATABASE = {"existingSecret": "db", "key": "url"}
SHARED = {"accessMode": "ReadWriteMany"}

GOOD: dict[str, Document] = {
    "nothing said": {},
    "committed": read_values(ROOT / "deploy/kubernetes/values.yaml"),
    "everything": read_values(CHART / "ci/everything-values.yaml"),
    # What the servers of test_manifests_serve.py are started from.
    "served": {
        "controlPlane": {"database": {"existingSecret": "weft-controlplane-database"}},
        "workspace": {
            "database": {"existingSecret": "weft-workspace-database"},
            "secretsKey": {"existingSecret": "weft-workspace-keys"},
            "edgeEndpoint": "workspace.weft.example.com:443",
            "settings": {"KEEP_EVENTS": "1000"},
        },
        "gateway": {"edgeCertificate": {"existingSecret": "weft-gateway-edge"}},
        "serviceMonitor": {"enabled": True},
        "backup": {"enabled": True, "existingClaim": "weft-backups"},
    },
    "one host": {
        "hosts": dict.fromkeys(("gateway", "controlPlane", "workspace"), "weft.example.com"),
        "ingress": {"enabled": True, "tlsSecret": "weft-tls"},
        "gatewayApi": {"enabled": True, "parentRefs": [{"name": "public"}]},
    },
    "one host for gRPC": {
        "hosts": dict.fromkeys(("controlPlane", "workspace"), "api.example.com"),
        "ingress": {"enabled": True},
        "gatewayApi": {"enabled": True, "parentRefs": [{"name": "public"}]},
    },
    "replicas": {
        "workspace": {"replicas": 3, "database": DATABASE, "persistence": SHARED},
        "gateway": {"replicas": 2, "persistence": {"existingClaim": "mine"}},
    },
    # What the servers of test_replicas_serve.py are started from.
    "replicas of all": {
        "controlPlane": {
            "replicas": 2,
            "database": {"existingSecret": "weft-controlplane-database"},
            "persistence": SHARED,
        },
        "workspace": {
            "replicas": 2,
            "database": {"existingSecret": "weft-workspace-database"},
            "persistence": SHARED,
        },
        "workloads": {"replicas": 2, "persistence": SHARED},
        "gateway": {"replicas": 2, "persistence": SHARED},
    },
}
BAD: dict[str, tuple[Document, str]] = {
    "a misspelt value": ({"workspace": {"replica": 2}}, "replica"),
    "a misspelt setting": ({"workspace": {"settings": {"KEEP_EVENT": "1"}}}, "KEEP_EVENT"),
    "a setting that the chart makes": (
        {"gateway": {"settings": {"EDGE_ADDRESS": "0.0.0.0:1"}}},
        "EDGE_ADDRESS",
    ),
    "a password in the settings": (
        {"workspace": {"settings": {"DATABASE_URL": "postgresql://u:p@h/d"}}},
        "DATABASE_URL",
    ),
    "replicas on a volume of one node": (
        {"workspace": {"replicas": 2, "database": DATABASE}},
        "ReadWriteMany",
    ),
    "replicas on SQLite": (
        {"workspace": {"replicas": 2, "persistence": SHARED}},
        "need PostgreSQL",
    ),
    "managers on a volume of one node": ({"workloads": {"replicas": 2}}, "ReadWriteMany"),
    "control planes on SQLite": (
        {"controlPlane": {"replicas": 2, "persistence": SHARED}},
        "need PostgreSQL",
    ),
    "no replica at all": ({"controlPlane": {"replicas": 0}}, "replicas"),
    "an autoscaler on a volume of one node": (
        {"gateway": {"autoscaling": {"enabled": True}}},
        "ReadWriteMany",
    ),
    "a provisioner without an image": (
        {"controlPlane": {"provisioner": {"enabled": True}}},
        "images",
    ),
    "routes to no Gateway": ({"gatewayApi": {"enabled": True}}, "parentRefs"),
    "backups to nowhere": ({"backup": {"enabled": True}}, "existingClaim"),
    "backups to two places": (
        {"backup": {"enabled": True, "existingClaim": "it", "destination": "s3://it"}},
        "either destination or existingClaim",
    ),
    "backups to no bucket": (
        {"backup": {"enabled": True, "destination": "/var/backups"}},
        "destination",
    ),
    "a pull policy that there is not": (
        {"workloads": {"imagePullPolicy": "Sometimes"}},
        "imagePullPolicy",
    ),
    "a tag for a digest": ({"image": {"digest": "latest"}}, "digest"),
}


@pytest.fixture(scope="session")
def helm() -> Helm:
    """What Helm says of all sets of values; without it CI fails, and anybody else is told."""
    if not (ROOT / ".helm").exists():
        message = "Helm is not installed (`make helm`): the chart is not rendered"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    return ask_helm(GOOD | {name: values for name, (values, _) in BAD.items()})
