"""Servers of workspaces as objects of a Kubernetes cluster.

The objects are applied whole, under one field manager: applying them again changes nothing, and
whatever was cut off is completed by the next attempt. What is there is read from the cluster.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException

from controlplane.provisioners import Observation, Placement, Presence, ProvisionError, manifests
from controlplane.provisioners.manifests import Cluster, Json, WorkspaceObjects, name_of

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_NOT_FOUND, _CONFLICT = 404, 409
_TIMEOUT_S = 15.0
_MAX_TROUBLE = 300


@dataclass(frozen=True, slots=True)
class KubernetesSettings:
    """How to reach the cluster, and how long to wait for it."""

    cluster: Cluster
    endpoints: Callable[[], tuple[str, str]]
    """The control plane's edge and mesh listeners, as pods reach them."""
    kubeconfig: str = ""
    """A kubeconfig file; empty inside a cluster."""
    stop_s: float = 90.0
    """How long a pod may take to end."""
    poll_s: float = 1.0


@dataclass(frozen=True, slots=True)
class _Groups:
    """The groups of the API that the objects belong to."""

    core: client.CoreV1Api
    apps: client.AppsV1Api
    policy: client.PolicyV1Api


class KubernetesProvisioner:
    """Runs servers as StatefulSets (protocol: controlplane.provisioners.Provisioner)."""

    def __init__(self, settings: KubernetesSettings) -> None:
        self._settings = settings
        self._cluster = settings.cluster
        self._connecting = asyncio.Lock()
        self._api: client.ApiClient | None = None

    @property
    def versions(self) -> tuple[str, ...]:
        return tuple(self._cluster.images)

    def host_names(self, uid: UUID) -> tuple[str, ...]:
        return manifests.host_names(uid, self._cluster.namespace)

    async def place(self, placement: Placement) -> None:
        async with self._calls() as api:
            present = await self._find(api.apps, placement.uid)
            token = placement.token
            digest = manifests.digest_of(token) if token else _digest_in(present)
            objects = WorkspaceObjects(
                self._cluster,
                placement,
                endpoints=self._settings.endpoints(),
                token_digest=digest,
            )
            await self._make_claim(api.core, objects.claim())
            await self._apply(api.core.patch_namespaced_service_account, objects.service_account())
            if token:
                await self._apply(api.core.patch_namespaced_secret, objects.secret())
            await self._apply(api.core.patch_namespaced_service, objects.service())
            await self._apply(
                api.policy.patch_namespaced_pod_disruption_budget, objects.disruption_budget()
            )
            await self._apply(api.apps.patch_namespaced_stateful_set, objects.stateful_set())

    async def observe(self, uid: UUID) -> Observation:
        async with self._calls() as api:
            found = await self._find(api.apps, uid)
            if found is None:
                return Observation(Presence.ABSENT)
            if not found.spec.replicas:
                return Observation(Presence.STOPPED)
            version = found.spec.template.metadata.labels.get(manifests.VERSION, "")
            pods = await self._pods(api.core, uid)
            trouble = "; ".join(filter(None, map(_trouble_of, pods)))[:_MAX_TROUBLE]
            return Observation(Presence.PRESENT, version, trouble)

    async def forget_token(self, uid: UUID) -> None:
        async with self._calls() as api:
            await self._delete(api.core.delete_namespaced_secret, uid)

    async def stop(self, uid: UUID) -> None:
        async with self._calls() as api:
            if await self._find(api.apps, uid) is not None:
                await api.apps.patch_namespaced_stateful_set(
                    name_of(uid),
                    self._cluster.namespace,
                    {"spec": {"replicas": 0}},
                    _content_type=_MERGE,
                )
            await self._until_gone(api.core, uid)

    async def remove(self, uid: UUID, *, remove_data: bool) -> None:
        await self.stop(uid)
        async with self._calls() as api:
            await self._delete(api.apps.delete_namespaced_stateful_set, uid)
            await self._delete(api.policy.delete_namespaced_pod_disruption_budget, uid)
            await self._delete(api.core.delete_namespaced_service, uid)
            await self._delete(api.core.delete_namespaced_service_account, uid)
            await self._delete(api.core.delete_namespaced_secret, uid)
            if remove_data:
                await self._delete(api.core.delete_namespaced_persistent_volume_claim, uid)

    async def placed(self) -> Collection[UUID]:
        async with self._calls() as api:
            found: Any = await api.apps.list_namespaced_stateful_set(
                self._cluster.namespace,
                label_selector=f"{manifests.CONTROL_PLANE}={self._cluster.control_plane}",
            )
            return {
                UUID(item.metadata.labels[manifests.WORKSPACE])
                for item in found.items
                if item.spec.replicas
            }

    async def close(self) -> None:
        if self._api is not None:
            await self._api.close()  # type: ignore[no-untyped-call]

    @contextlib.asynccontextmanager
    async def _calls(self) -> AsyncIterator[_Groups]:
        """The API's groups; what goes wrong with them comes out as ProvisionError."""
        try:
            async with asyncio.timeout(_TIMEOUT_S + self._settings.stop_s):
                api = await self._connected()
                yield _Groups(client.CoreV1Api(api), client.AppsV1Api(api), client.PolicyV1Api(api))
        except ApiException as error:
            raise ProvisionError(f"Kubernetes refuses: {_sentence(error)}") from error
        except (aiohttp.ClientError, OSError, TimeoutError, config.ConfigException) as error:
            raise ProvisionError(f"Kubernetes cannot be reached: {error!r}") from error

    async def _connected(self) -> client.ApiClient:
        async with self._connecting:
            if self._api is None:
                where = client.Configuration()
                if self._settings.kubeconfig:
                    await config.load_kube_config(  # type: ignore[no-untyped-call]
                        self._settings.kubeconfig, client_configuration=where
                    )
                else:
                    config.load_incluster_config(client_configuration=where)  # type: ignore[no-untyped-call]
                self._api = client.ApiClient(where)
            return self._api

    async def _apply(self, patch: Callable[..., Any], document: Json) -> None:
        await patch(
            document["metadata"]["name"],
            self._cluster.namespace,
            document,
            field_manager=manifests.MANAGER,
            force=True,
            _content_type=_APPLY,
        )

    async def _make_claim(self, core: client.CoreV1Api, document: Any) -> None:
        """Made once: most of a claim cannot change, and settings may have since."""
        try:
            await core.create_namespaced_persistent_volume_claim(self._cluster.namespace, document)
        except ApiException as error:
            if error.status != _CONFLICT:
                raise

    async def _find(self, apps: client.AppsV1Api, uid: UUID) -> Any:
        """The StatefulSet of a workspace, or None."""
        try:
            return await apps.read_namespaced_stateful_set(name_of(uid), self._cluster.namespace)
        except ApiException as error:
            if error.status != _NOT_FOUND:
                raise
            return None

    async def _pods(self, core: client.CoreV1Api, uid: UUID) -> list[Any]:
        found = await core.list_namespaced_pod(
            self._cluster.namespace, label_selector=f"{manifests.WORKSPACE}={uid}"
        )
        return list(found.items)

    async def _until_gone(self, core: client.CoreV1Api, uid: UUID) -> None:
        """Waits for the end of a workspace's pods; asked for again where it takes too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.stop_s):
                while await self._pods(core, uid):  # noqa: ASYNC110 - the cluster is asked
                    await asyncio.sleep(self._settings.poll_s)
                return
        raise ProvisionError("its pod does not end")

    async def _delete(self, delete: Callable[..., Any], uid: UUID) -> None:
        try:
            await delete(name_of(uid), self._cluster.namespace)
        except ApiException as error:
            if error.status != _NOT_FOUND:
                raise


def _digest_in(present: Any) -> str:
    """The token that a server was last started with, by its digest."""
    annotations = present.spec.template.metadata.annotations if present else None
    return str((annotations or {}).get(manifests.TOKEN_DIGEST, ""))


def _trouble_of(pod: Any) -> str:
    """Why a pod does not get on, in the cluster's own words."""
    status = pod.status
    for container in (status.container_statuses or []) if status else []:
        waiting = container.state.waiting if container.state else None
        if waiting and waiting.reason not in (None, "ContainerCreating", "PodInitializing"):
            return f"{waiting.reason}: {waiting.message or 'no message'}"
    for condition in (status.conditions or []) if status else []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return f"{condition.reason}: {condition.message}"
    return ""


def _sentence(error: ApiException) -> str:
    """What the API server said."""
    return f"{error.status} {error.reason}: {str(error.body or '')[:_MAX_TROUBLE]}"
