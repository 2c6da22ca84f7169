"""A fake cluster that tests break: what no API of a cluster would do for them."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from meshtest.kubernetes.cluster import FakeCluster
from meshtest.kubernetes.store import Object
from tests.system.project import PATIENCE_S

T = TypeVar("T")


class FaultyCluster:
    """A fake cluster in a thread of its own, since stories are told without a loop."""

    def __init__(self, directory: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cluster")
        self._fake = FakeCluster(directory)
        self._fake.kubelet.environment = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._fake.__aenter__(), self._loop).result(PATIENCE_S)
        self.kubeconfig = self._fake.kubeconfig

    def stop(self) -> None:
        end = self._fake.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(end, self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def ask(self, question: Callable[[FakeCluster], T]) -> T:
        """Does something with the cluster, where it lives."""

        async def answer() -> T:
            return question(self._fake)

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(PATIENCE_S)


def pod_of(cluster: FaultyCluster, run: str) -> str:
    """The pod that executes a run."""

    def find(fake: FakeCluster) -> str:
        [pod] = _pods_about(fake, f'"run":"{run}"', '"kind":"RUNNER"')
        return str(pod["metadata"]["name"])

    return cluster.ask(find)


def pods_of_step(cluster: FaultyCluster, run: str, step: str) -> list[Object]:
    """The pods that execute the attempts at a step, first to last."""

    found = cluster.ask(lambda fake: _pods_about(fake, f'"run":"{run}"', f'"step":"{step}"'))
    return sorted(found, key=attempt_of)


def attempt_of(pod: Object) -> int:
    """At which attempt a pod of a step is."""
    return int(pod["metadata"]["labels"]["weft.dev/attempt"])


def _pods_about(fake: FakeCluster, *about: str) -> list[Object]:
    """The pods of workloads whose specification holds these texts."""
    jobs = {
        job["metadata"]["name"]
        for job in fake.jobs()
        if all(text in job["metadata"]["annotations"]["weft.dev/spec"] for text in about)
    }
    return [pod for pod in fake.pods() if pod["metadata"]["labels"]["job-name"] in jobs]
