"""A run on Kubernetes, from the command line to a pod and back, over a fake cluster."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.fakes.kubernetes.cluster import FakeCluster
from tests.system.conftest import SETTINGS
from tests.system.mesh import Mesh
from tests.system.project import PATIENCE_S, Project
from weftapi.workspace.v1 import run_types_pb2

T = TypeVar("T")
STATE = run_types_pb2.RunState


class Cluster:
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


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def mesh(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A mesh whose workload manager has the cluster in place of this machine."""
    engine = {
        "ENGINE": "kubernetes",
        "KUBERNETES_CONFIG": str(cluster.kubeconfig),
        "KUBERNETES_IMAGE": "weft",
    }
    mesh = Mesh(tmp_path_factory.mktemp("mesh"), {**SETTINGS, "workloads": engine})
    try:
        mesh.start()
        yield mesh
    finally:
        mesh.stop()


def pod_of(cluster: Cluster, run: str) -> str:
    """The pod that executes a run."""

    def find(fake: FakeCluster) -> str:
        about = f'"run":"{run.rpartition("/")[2]}"'
        [job] = [j for j in fake.jobs() if about in j["metadata"]["annotations"]["weft.dev/spec"]]
        name = job["metadata"]["name"]
        [pod] = [p for p in fake.pods() if p["metadata"]["labels"]["job-name"] == name]
        return str(pod["metadata"]["name"])

    return cluster.ask(find)


def test_a_run_is_executed_by_a_pod(cluster: Cluster, project: Project, gate: Path) -> None:
    gate.touch()
    run = project.submit("gated.py", gate=gate, lines=3)
    assert project.watch_to_end(run).state == STATE.RUN_STATE_SUCCEEDED
    assert "before 2" in project.cli("logs", run.rpartition("/")[2])
    [job] = cluster.ask(lambda fake: fake.jobs())
    assert [c["type"] for c in job["status"]["conditions"]] == ["Complete"]
    spec = job["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert not spec["automountServiceAccountToken"]


def test_the_reason_of_a_killed_pod_reaches_whoever_watches(
    cluster: Cluster, project: Project, gate: Path
) -> None:
    run = project.submit("gated.py", gate=gate, lines=3)
    project.until_step(run, "first")
    pod = pod_of(cluster, run)
    cluster.ask(lambda fake: fake.kubelet.out_of_memory(pod))
    ended = project.watch_to_end(run)
    assert ended.state == STATE.RUN_STATE_FAILED
    assert ended.failure.code == "OUT_OF_MEMORY"
    assert "It ran out of memory" in ended.failure.message


def test_a_run_that_is_stopped_ends_with_its_pod(
    cluster: Cluster, project: Project, gate: Path
) -> None:
    run = project.submit("gated.py", gate=gate, lines=3)
    project.until_step(run, "first")
    project.cli("runs", "stop", run.rpartition("/")[2])
    assert project.watch_to_end(run).state == STATE.RUN_STATE_STOPPED


def test_a_manager_that_dies_finds_its_pods_again(
    mesh: Mesh, cluster: Cluster, project: Project, gate: Path
) -> None:
    run = project.submit("gated.py", gate=gate, lines=3)
    project.until_step(run, "first")
    mesh.kill("workloads")
    gate.touch()
    assert project.watch_to_end(run).state == STATE.RUN_STATE_SUCCEEDED
    jobs = cluster.ask(lambda fake: [job["metadata"]["name"] for job in fake.jobs()])
    assert len(jobs) == len(set(jobs))


def test_a_cluster_out_of_reach_ends_no_run(
    mesh: Mesh, cluster: Cluster, project: Project, gate: Path
) -> None:
    run = project.submit("gated.py", gate=gate, lines=3)
    project.until_step(run, "first")

    def down(fake: FakeCluster) -> None:
        fake.api.is_down = True
        fake.api.cut()

    def up(fake: FakeCluster) -> None:
        fake.api.is_down = False

    before = len(mesh.logged("workloads", "cluster_out_of_sight"))
    cluster.ask(down)
    mesh.wait_logged("workloads", "cluster_out_of_sight", after=before)
    later = project.submit("gated.py", gate=gate, lines=3)
    gate.touch()
    assert project.watch_to_end(run).state == STATE.RUN_STATE_SUCCEEDED
    cluster.ask(up)
    assert project.watch_to_end(later).state == STATE.RUN_STATE_SUCCEEDED
