"""A fake cluster below the mesh of a test."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshtest.background import Background
    from meshtest.cluster import ClusterBelow
    from meshtest.kubernetes.cluster import FakeCluster

_PATIENCE_S = 60.0
Object = dict[str, Any]


class ClusterWeft:
    """A Kubernetes whose pods are processes of this machine: what a test sees and does to it."""

    def __init__(self, below: ClusterBelow, background: Background, project: str) -> None:
        self._below = below
        self._background = background
        self._about = f'"run":"projects/{project}/runs/'

    def jobs(self) -> list[Object]:
        """The Jobs of the test's runs, as the API server has them."""

        def find(cluster: FakeCluster) -> list[Object]:
            key = "weft.dev/spec"
            found = cluster.jobs()
            return [job for job in found if self._about in job["metadata"]["annotations"][key]]

        return self._background.run(self._below.ask(find))

    def pods(self) -> list[Object]:
        """Their pods."""
        jobs = {job["metadata"]["name"] for job in self.jobs()}
        found = self._background.run(self._below.ask(lambda cluster: cluster.pods()))
        return [pod for pod in found if pod["metadata"]["labels"]["job-name"] in jobs]

    def wait_for_pod(self) -> str:
        """Wait until a pod of the test runs, and give its name.

        Raises:
            TimeoutError: None did within a minute.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            for pod in self.pods():
                if pod["status"].get("phase") == "Running":
                    return str(pod["metadata"]["name"])
            time.sleep(0.02)
        raise TimeoutError("no pod of this test runs; `weft_cluster.pods()` says why")

    def out_of_memory(self, pod: str) -> None:
        """Kill a pod as the kernel does that is out of memory."""
        self._background.run(self._below.ask(lambda cluster: cluster.kubelet.out_of_memory(pod)))

    def evict(self, pod: str, message: str) -> None:
        """Kill a pod as a node does that runs short of something."""
        self._background.run(self._below.ask(lambda cluster: cluster.kubelet.evict(pod, message)))
