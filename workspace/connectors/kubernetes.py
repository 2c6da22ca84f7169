"""Kubernetes: tokens of a service account, bound to an audience, from the TokenRequest API."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from workspace.connectors.answers import require_ok, time_of
from workspace.connectors.failures import unknown_resource
from workspace.connectors.kubeconfig import SERVICE, Cluster, read
from workspace.connectors.model import (
    AuthMethod,
    ClusterToken,
    ConnectorType,
    Issued,
    Property,
    Resource,
    ResourceType,
    Setup,
    Wanted,
)
from workspace.connectors.wire import Answer

KUBECONFIG, TOKEN = "kubeconfig", "token"
CLUSTER = "kubernetes-cluster"
# No API server makes them shorter.
_SHORTEST = timedelta(minutes=10)
_ABSENT = 404


class KubernetesConnector:
    """As `workspace.connectors.model.Connector`."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    async def identify(self) -> str:
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = await self._post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
        require_ok(answer, "SelfSubjectReview (Kubernetes 1.28 and newer)")
        return answer.text(answer.json(), "status", "userInfo", "username")

    async def resources(self, resource_type: str) -> Sequence[Resource]:  # noqa: ARG002 - one type
        return [Resource(self._name, self._cluster.server)]

    async def issue(self, wanted: Wanted) -> Issued:
        if wanted.resource_id != self._name:
            raise unknown_resource(self._setup.name, wanted.resource_id)
        setup, seconds = self._setup, int(max(wanted.ttl, _SHORTEST).total_seconds())
        namespace, account = setup.get("namespace"), setup.get("service_account")
        audience = setup.get("audience")
        asked = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds, "audiences": [audience] if audience else []},
        }
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        answer = await self._post(path, asked)
        require_ok(answer, f"service account {namespace}/{account}")
        document, cluster = answer.json(), self._cluster
        token = ClusterToken(
            server=cluster.server,
            token=answer.text(document, "status", "token"),
            certificate_authority=cluster.certificate_authority,
            namespace=namespace,
        )
        end = answer.text(document, "status", "expirationTimestamp")
        return Issued(token, self._name, time_of(answer, end))

    @property
    def _name(self) -> str:
        return self._setup.get("cluster", "cluster")

    @property
    def _cluster(self) -> Cluster:
        setup = self._setup
        if setup.auth_method == KUBECONFIG:
            cluster = read(setup.get("kubeconfig"), setup.get("context"))
        else:
            authority = setup.get("certificate_authority")
            cluster = Cluster(setup.get("server"), authority, setup.get("token"))
        return replace(cluster, server=cluster.server.rstrip("/"))

    async def _post(self, path: str, document: Mapping[str, Any]) -> Answer:
        cluster = self._cluster
        headers = {"content-type": "application/json", "accept": "application/json"}
        if cluster.token:
            headers["authorization"] = f"Bearer {cluster.token}"
        return await self._setup.wire.send(
            SERVICE,
            "POST",
            f"{cluster.server}{path}",
            headers=headers,
            content=json.dumps(document).encode(),
            tls=await asyncio.to_thread(cluster.tls),
        )


_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_ACCOUNT = (
    Property("namespace", "The service account's namespace.", required=True, pattern=_LABEL),
    Property(
        "service_account",
        "Whose tokens are issued; its roles say what they may do.",
        required=True,
        pattern=rf"{_LABEL}(\.{_LABEL})*",
        max_length=253,
    ),
    Property("audience", "For whom tokens are meant; the cluster's own API by default."),
    Property("cluster", "What the cluster is called here; cluster by default.", pattern=_LABEL),
)

TYPE = ConnectorType(
    "kubernetes",
    "Kubernetes",
    "One cluster. What signs in needs the right to create `serviceaccounts/token`, and no other.",
    auth_methods=(
        AuthMethod(
            KUBECONFIG,
            "Kubeconfig",
            "A kubeconfig whose user has a token or a client certificate in it.",
            (
                Property(
                    "kubeconfig", "The file's text.", required=True, secret=True, max_length=65_536
                ),
                Property("context", "Which of its contexts; the current one by default."),
                *_ACCOUNT,
            ),
        ),
        AuthMethod(
            TOKEN,
            "Token",
            "The API's address and a bearer token.",
            (
                Property(
                    "server",
                    "The API's address: https://cluster.example:6443.",
                    required=True,
                    steers=True,
                    pattern=r"https?://[^/?#@\s]+/?",
                ),
                Property(
                    "certificate_authority",
                    "The API's CA in PEM; the system's by default.",
                    steers=True,
                    max_length=65_536,
                ),
                Property("token", "The token.", required=True, secret=True, max_length=20_000),
                *_ACCOUNT,
            ),
        ),
    ),
    resource_types=(
        ResourceType(
            CLUSTER,
            "Cluster",
            "A token of the service account, for ten minutes to an hour.",
            "cluster",
            _LABEL,
        ),
    ),
    connect=KubernetesConnector,
)
