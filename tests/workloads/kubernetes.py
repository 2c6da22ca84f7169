"""Launchers over a fake cluster, and what their tests say often."""

from contextlib import AsyncExitStack

from tests.real_cluster import AnyCluster
from tests.workloads.observed import Engine, key, shell
from workloads.launchers.kubernetes.api import connect
from workloads.launchers.kubernetes.launcher import KubernetesLauncher
from workloads.launchers.kubernetes.settings import KubernetesSettings
from workloads.model import Secrets

WAIT = "while [ ! -e gate ]; do sleep .05; done; echo on"


class ClusterEngine(Engine):
    """A launcher over a cluster."""

    def __init__(
        self,
        cluster: AnyCluster,
        launcher: KubernetesLauncher,
        stack: AsyncExitStack,
    ) -> None:
        super().__init__(launcher, None, stack)
        self.cluster = cluster

    async def start(self, id_: str, script: str, **rest: object) -> str:
        """Submits a script and waits until it runs; answers its pod."""
        await self.launcher.launch(key(id_), shell(script, **rest), Secrets())
        uid = str((await self.reaches(id_, "RUNNING")).uid)
        owned = (
            p for p in self.cluster.pods() if p["metadata"]["ownerReferences"][0]["uid"] == uid
        )
        return next(owned)["metadata"]["name"]

    async def read_all(self, id_: str) -> bytes:
        """Follows a log to its end."""
        whole = b""
        while True:
            await self.launcher.log_changed(key(id_), len(whole))
            chunk = await self.launcher.read_log(key(id_), len(whole), 1 << 20)
            whole += chunk.data
            if chunk.is_end:
                return whole


class Managers:
    """Launchers over one cluster, one after the other or side by side."""

    def __init__(self, cluster: AnyCluster, stack: AsyncExitStack) -> None:
        self.cluster = cluster
        self._stack = stack

    async def open(self, **changes: object) -> ClusterEngine:
        cluster = self.cluster
        base = {"image": cluster.image, "manager": cluster.manager, "grace_s": 5}
        settings = KubernetesSettings(**base | changes)
        access = await connect(cluster.namespace, kubeconfig=str(cluster.kubeconfig))
        own = await self._stack.enter_async_context(AsyncExitStack())
        launcher = await own.enter_async_context(KubernetesLauncher(access, settings))
        return ClusterEngine(self.cluster, launcher, own)
