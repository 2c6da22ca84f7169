"""A whole fake cluster."""

import re
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from tests.fakes.kubernetes.api import FakeApi
from tests.fakes.kubernetes.controllers import Controllers
from tests.fakes.kubernetes.kubelet import Kubelet
from tests.fakes.kubernetes.store import Object, Store

ROOT = Path(__file__).parents[3]


def documented_rules() -> list[Object]:
    """What the role of docs/kubernetes.md lets the workload manager do: all that it can do here."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/kubernetes.md").read_text(), re.DOTALL)
    objects = [thing for block in blocks for thing in yaml.safe_load_all(block)]
    [role] = [thing for thing in objects if thing["kind"] == "Role"]
    return list(role["rules"])


class FakeCluster:
    """An API server, its controllers and one node; its first namespace is "weft-runs"."""

    # What launchers over it are told; see also tests/workloads/real_cluster.py.
    namespace, image, manager = "weft-runs", "weft", "weft"

    def __init__(self, directory: Path) -> None:
        self.api = FakeApi(documented_rules())
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

    @property
    def kubeconfig(self) -> Path:
        return self.api.kubeconfig(self._directory)

    def pods(self) -> list[Object]:
        return self.store.all("pods")

    def jobs(self) -> list[Object]:
        return self.store.all("jobs")

    async def __aenter__(self) -> Self:
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
