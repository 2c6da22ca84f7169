"""Values for the chart: those that are somebody's to say, with what each is for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,239}[a-z0-9])?")
_HEAD = """\
# Values for the chart, by `weft install values`. What else can be said is in the chart's own
# values.yaml; its schema refuses what it does not know. Passwords and keys stand in Secrets that
# you make; here are their names alone.

image:
  # Where you pushed the image that `make image` builds. A digest ("sha256:...") holds over the tag.
  repository: {image}
  digest: ""

# Where people find the dashboard in their browsers.
publicUrl: {public_url}

controlPlane:
  # Names in its certificate: those that clients dial.
  hostNames: [{control_plane}]
  # kubectl -n weft create secret generic weft-controlplane-database --from-literal=url=postgresql://...
  database: {{existingSecret: weft-controlplane-database}}
{controlplane_more}
workspace:
  # kubectl -n weft create secret generic weft-workspace-database --from-literal=url=postgresql://...
  database: {{existingSecret: weft-workspace-database}}
  # Where clients dial it.
  edgeEndpoint: {workspace_endpoint}
{store}{workspace_more}
"""
_STORE = """\
  # Where artifacts are; the pods' own identity has to reach it (serviceAccount.annotations).
  artifactStore: {store}
"""
_NO_STORE = """\
  # s3://, gs:// or az://: without one artifacts are in the volume, where pods of runs cannot reach.
  # artifactStore: s3://bucket/prefix
"""
_INGRESS = """\
# One name for browsers, and one for the gRPC of each server.
hosts: {{gateway: {gateway}, controlPlane: {control_plane}, workspace: {workspace}}}

ingress:
  enabled: true
  className: {ingress_class}
  # A Secret of type kubernetes.io/tls for all three; an issuer in the cluster can make it.
  tlsSecret: weft-tls
"""
_BALANCERS = """\
# The cluster has no ingress: each server has a load balancer of its own, and shows the mesh's
# certificate; these are the names that lead there.
hosts: {{gateway: {gateway}, controlPlane: {control_plane}, workspace: {workspace}}}

gateway:
  service: {{type: LoadBalancer}}
  # kubectl -n weft create secret tls weft-gateway-edge --cert=... --key=...
  edgeCertificate: {{existingSecret: weft-gateway-edge}}
{gateway_more}"""


def render(facts: Mapping[str, str]) -> str:
    """The file, from `facts` of `weft install check`; raises ValueError for a host that is none."""
    host = facts.get("host", "weft.example.com")
    if not _HOST.fullmatch(host):
        raise ValueError(f"{host!r} is no host name: say --host weft.example.com")
    has_ingress = facts.get("ingressClass", "nginx") != ""
    edge = 443 if has_ingress else 7790
    service = "" if has_ingress else "  service: {type: LoadBalancer}\n"
    words = {
        "image": _text(facts.get("image", "registry.example.com/weft")),
        "public_url": _text(f"https://{host}"),
        "gateway": _text(host),
        "control_plane": _text(f"api.{host}"),
        "workspace": _text(f"workspace.{host}"),
        "workspace_endpoint": _text(f"workspace.{host}:{edge}"),
        "ingress_class": _text(facts.get("ingressClass", "nginx")),
        "store": _store(facts),
        "controlplane_more": service + _storage(facts),
        "workspace_more": service + _storage(facts),
        "gateway_more": _storage(facts),
    }
    tail = _INGRESS + _others(facts, "gateway", "workloads") if has_ingress else _BALANCERS
    return (_HEAD + tail + ("" if has_ingress else _others(facts, "workloads"))).format(**words)


def _store(facts: Mapping[str, str]) -> str:
    return _STORE.format(store=_text(facts["store"])) if facts.get("store") else _NO_STORE


def _storage(facts: Mapping[str, str]) -> str:
    """The class of a volume, where the cluster has none by default."""
    name = facts.get("storageClass")
    return f"  persistence: {{storageClass: {_text(name)}}}\n" if name else ""


def _others(facts: Mapping[str, str], *services: str) -> str:
    storage = _storage(facts).replace("{", "{{").replace("}", "}}")
    return "".join(f"\n{service}:\n{storage}" for service in services) if storage else ""


def _text(value: str) -> str:
    """A scalar of YAML: JSON is one."""
    return json.dumps(value)
