"""Who takes the workloads of a mesh: a fake that runs none or, where a test asks, a cluster."""

from collections.abc import Mapping

from meshtest.manager import FakeManager
from workspace.launching.managers import ManagerChannel

Manager = FakeManager | ManagerChannel


class Managers:
    """The fake manager, and that of a cluster once there is one (protocol: WorkloadManagers)."""

    def __init__(self) -> None:
        self._fake = FakeManager()
        self._all: dict[str, Manager] = {self._fake.uid: self._fake}
        self._used: Manager = self._fake

    def use(self, manager: ManagerChannel | None) -> None:
        """From now on this one takes new workloads; None stands for the fake one."""
        self._used = manager or self._fake
        self._all[self._used.uid] = self._used

    @property
    def is_known(self) -> bool:
        return True

    @property
    def is_present(self) -> bool:
        return True

    def choose(self, wanted: str) -> Manager | None:
        return self._all.get(wanted) if wanted else self._used

    def all(self) -> Mapping[str, Manager]:
        return self._all

    def require(self) -> None:
        return None
