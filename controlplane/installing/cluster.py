"""A Kubernetes cluster: its version, the rights to install there, storage and ingress."""

import asyncio
from typing import Any

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException

from controlplane.installing import Finding

_OLDEST = 30
_TIMEOUT_S = 30.0
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
# What the chart makes, and what its notes type, by API group; a test compares them.
MADE = (
    ("", "serviceaccounts"),
    ("", "services"),
    ("", "persistentvolumeclaims"),
    ("", "secrets"),
    ("", "configmaps"),
    ("apps", "statefulsets"),
    ("apps", "deployments"),
    ("batch", "jobs"),
    ("coordination.k8s.io", "leases"),
    ("autoscaling", "horizontalpodautoscalers"),
    ("policy", "poddisruptionbudgets"),
    ("networking.k8s.io", "networkpolicies"),
    ("networking.k8s.io", "ingresses"),
    ("rbac.authorization.k8s.io", "roles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
)
# Those that are in no namespace, which the chart can be told not to make.
_OF_THE_CLUSTER = frozenset({"clusterroles", "clusterrolebindings"})
_EXEC = ("", "pods", "exec")


async def check_cluster(kubeconfig: str, namespace: str) -> list[Finding]:
    """Asks the API server; makes nothing there."""
    where = client.Configuration()
    try:
        await config.load_kube_config(kubeconfig, client_configuration=where)  # type: ignore[no-untyped-call]
        async with asyncio.timeout(_TIMEOUT_S), client.ApiClient(where) as api:
            return [
                await _version(api),
                await _rights(api, namespace),
                await _storage(api),
                await _ingress(api),
            ]
    except (
        ApiException,
        aiohttp.ClientError,
        OSError,
        TimeoutError,
        config.ConfigException,
    ) as error:
        said = f"{error.status} {error.reason}" if isinstance(error, ApiException) else str(error)
        fix = f"`kubectl --kubeconfig {kubeconfig} version` must work"
        return [Finding("kubernetes", ok=False, detail=said or type(error).__name__, fix=fix)]


async def _version(api: client.ApiClient) -> Finding:
    said = await client.VersionApi(api).get_code()
    minor = int("".join(filter(str.isdigit, said.minor)) or 0)
    is_new = int(said.major) > 1 or minor >= _OLDEST
    fix = "" if is_new else f"Kubernetes 1.{_OLDEST} or newer"
    return Finding("kubernetes", ok=is_new, detail=str(said.git_version), fix=fix)


async def _rights(api: client.ApiClient, namespace: str) -> Finding:
    asked = [*((group, resource, "") for group, resource in MADE), _EXEC]
    reviews = client.AuthorizationV1Api(api)
    missing = [
        f"{resource}/{sub}" if sub else resource
        for group, resource, sub in asked
        if not await _can_create(reviews, namespace, (group, resource, sub))
    ]
    if missing:
        fix = f"get `create` on them in the namespace {namespace}, or have it installed by who has"
        if set(missing) <= _OF_THE_CLUSTER:
            fix = "set `workloads.clusterRights.nodes=false`, or have it installed by who has it"
        return Finding("rights", ok=False, detail=f"none to make {', '.join(missing)}", fix=fix)
    return Finding("rights", ok=True, detail=f"all that the chart takes in {namespace}")


async def _can_create(
    reviews: client.AuthorizationV1Api, namespace: str, what: tuple[str, str, str]
) -> bool:
    group, resource, sub = what
    attributes = {"verb": "create", "group": group, "resource": resource}
    if resource not in _OF_THE_CLUSTER:
        attributes["namespace"] = namespace
    if sub:
        attributes["subresource"] = sub
    review: Any = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await reviews.create_self_subject_access_review(review)
    return bool(answer.status and answer.status.allowed)


async def _storage(api: client.ApiClient) -> Finding:
    found: Any = await client.StorageV1Api(api).list_storage_class()
    names = [item.metadata.name for item in found.items]
    default = [
        item.metadata.name
        for item in found.items
        if (item.metadata.annotations or {}).get(_DEFAULT_CLASS) == "true"
    ]
    if default:
        return Finding("storage", ok=True, detail=f"{default[0]} by default")
    if names:
        facts = {"storageClass": names[0]}
        return Finding("storage", ok=True, detail=f"{names[0]}, by its name", facts=facts)
    fix = "a StorageClass that makes volumes: the servers keep keys and certificates in them"
    return Finding("storage", ok=False, detail="no StorageClass", fix=fix)


async def _ingress(api: client.ApiClient) -> Finding:
    found: Any = await client.NetworkingV1Api(api).list_ingress_class()
    names = sorted(item.metadata.name for item in found.items)
    if names:
        facts = {"ingressClass": names[0]}
        return Finding("ingress", ok=True, detail=", ".join(names), facts=facts)
    detail = "no IngressClass: the servers get load balancers of their own"
    return Finding("ingress", ok=True, detail=detail, facts={"ingressClass": ""})
