"""Workload managers of workspaces under test: one in memory, or none."""

from meshtest.manager import FakeError, FakeManager
from workspace.launching.ports import no_manager

__all__ = ["FakeError", "FakeManager", "NoManager"]


class NoManager:
    """A workspace without one."""

    is_known = True
    is_present = False

    def choose(self, _wanted: str) -> None:
        return None

    def all(self) -> dict[str, FakeManager]:
        return {}

    def require(self) -> None:
        raise no_manager()
