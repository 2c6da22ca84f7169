"""A whole fake cluster."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from meshtest.kubernetes.api import FakeApi
from meshtest.kubernetes.controllers import Controllers
from meshtest.kubernetes.kubelet import Kubelet
from meshtest.kubernetes.store import Object, Store


def documented(kind: str) -> list[Object]:
    """What docs/kubernetes.md tells operators to make."""
    text = Path(__file__).with_name("operators.yaml").read_text(encoding="utf-8")
    objects: list[Object] = list(yaml.safe_load_all(text))
    return [thing for thing in objects if thing["kind"] == kind]


def documented_rules() -> list[Object]:
    """What the role of the page lets the workload manager do: all that it can do here."""
    [role] = documented("Role")
    return list(role["rules"])


def documented_cluster_rules() -> list[Object]:
    """The same for what belongs to no namespace, with what operators may leave out."""
    return [rule for role in documented("ClusterRole") for rule in role["rules"]]


class FakeCluster:
    """An API server, its controllers and one node; its first namespace is "weft-runs"."""

    # What launchers over it are told; see also tests/real_cluster.py.
    namespace, image, manager = "weft-runs", "weft", "weft"

    def __init__(self, directory: Path) -> None:
        self.api = FakeApi(documented_rules(), documented_cluster_rules())
        self._directory = directory
        self._kubelets: list[Kubelet] = []
        self.store, self.kubelet = self.add_namespace("weft-runs")

    def add_namespace(self, name: str) -> tuple[Store, Kubelet]:
        """Another namespace in which the documented role is bound, and what executes its pods."""
        store = self.api.stores[name] = Store(name)
        Controllers(store)
        kubelet = Kubelet(store, self._directory / name)
        self._kubelets.append(kubelet)
        self.api.log_of[name] = kubelet.log_of
        return store, kubelet

    def add_node(self, name: str, *, taints: Sequence[Object] = (), **allocatable: str) -> None:
        """A node that takes pods; the first one is where the kubelet is."""
        has = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "110"}
        devices = {"nvidia.com/gpu": "8", "amd.com/gpu": "8"}
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
        node = {
            "kind": "Node",
            "metadata": {"name": name, "labels": labels},
            "spec": {"taints": list(taints)} if taints else {},
            "status": {
                "allocatable": has | (allocatable or devices),
                "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                "conditions": [{"type": "Ready", "status": "True"}],
                "images": [{"names": ["weft"], "sizeBytes": 1}],
            },
        }
        self.api.cluster.create("nodes", node)

    def add_queue(
        self, name: str, behind: str, quota: Object, *, used: Object | None = None, **spec: object
    ) -> None:
        """A LocalQueue of Kueue and the ClusterQueue behind it, with one flavor."""
        self.api.kueue = "v1beta1"
        local = {"kind": "LocalQueue", "metadata": {"name": name}, "spec": {"clusterQueue": behind}}
        self.store.create("localqueues", local)
        given = [{"name": each, "nominalQuota": most} for each, most in quota.items()]
        taken = [{"name": n, "total": t, "borrowed": "0"} for n, t in (used or {}).items()]
        flavors = [{"name": "default", "resources": given}]
        group = {"coveredResources": list(quota), "flavors": flavors}
        usage = [{"name": "default", "resources": taken}]
        cluster_queue = {
            "kind": "ClusterQueue",
            "metadata": {"name": behind},
            "spec": {"resourceGroups": [group], **spec},
            "status": {"flavorsUsage": usage, "flavorsReservation": usage, "pendingWorkloads": 0},
        }
        self.api.cluster.create("clusterqueues", cluster_queue)

    def add_quota(self, name: str, hard: Object, used: Object, **spec: object) -> None:
        quota = {
            "kind": "ResourceQuota",
            "metadata": {"name": name},
            "spec": {"hard": hard, **spec},
            "status": {"hard": hard, "used": used},
        }
        self.store.create("resourcequotas", quota)

    @property
    def kubeconfig(self) -> Path:
        return self.api.kubeconfig(self._directory)

    def pods(self) -> list[Object]:
        return self.store.all("pods")

    def jobs(self) -> list[Object]:
        return self.store.all("jobs")

    async def __aenter__(self) -> Self:
        for thing in documented("ConfigMap"):
            self.store.create("configmaps", thing)
        for thing in documented("Lease"):
            self.store.create("leases", thing)
        self.add_node("node-1")
        await self.api.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for kubelet in self._kubelets:
            await kubelet.stop()
        await self.api.__aexit__(kind, error, trace)
