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
    """An API server, its controllers and one node; the namespace is "weft-runs"."""

    def __init__(self, directory: Path) -> None:
        self.store = Store()
        self.api = FakeApi(self.store, documented_rules())
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
