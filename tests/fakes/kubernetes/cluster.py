"""A whole fake cluster."""

from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fakes.kubernetes.api import FakeApi
from tests.fakes.kubernetes.controllers import Controllers
from tests.fakes.kubernetes.kubelet import Kubelet
from tests.fakes.kubernetes.store import Object, Store


class FakeCluster:
    """An API server, its controllers and one node; the namespace is "weft-runs"."""

    def __init__(self, directory: Path) -> None:
        self.store = Store()
        self.api = FakeApi(self.store)
        self.controllers = Controllers(self.store)
        self.kubelet = Kubelet(self.store, directory / "node")
        self.api.log_of = self.kubelet.log_of
        self._directory = directory

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
        await self.kubelet.stop()
        await self.api.__aexit__(kind, error, trace)
