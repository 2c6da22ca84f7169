"""A run on Kubernetes, from the command line to a pod and back, over a fake cluster."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from meshtest.kubernetes.cluster import FakeCluster
from meshtest.kubernetes.store import Object
from tests.system.conftest import SETTINGS
from tests.system.mesh import Mesh
from tests.system.project import PATIENCE_S, Project, process_at
from weftapi.workspace.v1 import run_types_pb2, steps_pb2

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
        "KUBERNETES_ALLOWED_MARKS": '["team"]',
    }
    patience = {**SETTINGS.get("workspace", {}), "STOP_GRACE_S": "2"}
    settings = {**SETTINGS, "workspace": patience, "workloads": engine}
    mesh = Mesh(tmp_path_factory.mktemp("mesh"), settings)
    try:
        mesh.start()
        yield mesh
    finally:
        mesh.stop()


def _pods_about(fake: FakeCluster, *about: str) -> list[Object]:
    """The pods of workloads whose specification holds these texts."""
    jobs = {
        job["metadata"]["name"]
        for job in fake.jobs()
        if all(text in job["metadata"]["annotations"]["weft.dev/spec"] for text in about)
    }
    return [pod for pod in fake.pods() if pod["metadata"]["labels"]["job-name"] in jobs]


def pod_of(cluster: Cluster, run: str) -> str:
    """The pod that executes a run."""

    def find(fake: FakeCluster) -> str:
        [pod] = _pods_about(fake, f'"run":"{run}"', '"kind":"RUNNER"')
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


def pods_of_step(cluster: Cluster, run: str, step: str) -> list[Object]:
    """The pods that execute the attempts at a step, first to last."""

    found = cluster.ask(lambda fake: _pods_about(fake, f'"run":"{run}"', f'"step":"{step}"'))
    return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))


def until_it_waits(project: Project, run: str) -> None:
    assert any("pid" in event.step.metadata for event in project.watch(run))


def test_each_step_is_executed_by_a_pod_of_its_own(
    cluster: Cluster, project: Project, gate: Path
) -> None:
    gate.touch()
    run = project.submit("apart.py", gate=gate)
    assert project.watch_to_end(run).state == STATE.RUN_STATE_SUCCEEDED
    for step in ("total", "square-0", "square-1", "square-2"):
        [pod] = pods_of_step(cluster, run, step)
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
    # As the step says it of its own pod alone.
    teams = [
        pods_of_step(cluster, run, step)[0]["metadata"]["labels"].get("team")
        for step in ("total", "square-0")
    ]
    assert teams == ["ml", None]
    assert len(pods_of_step(cluster, run, "flaky")) == 2
    assert not pods_of_step(cluster, run, "numbers")
    assert "hello from" in project.cli("logs", f"{run.rpartition('/')[2]}/total")


def test_a_pod_that_the_operator_does_not_allow_fails_its_step_by_name(
    cluster: Cluster, project: Project, gate: Path
) -> None:
    gate.touch()
    run = project.submit("apart.py", gate=gate, refusing=1)
    assert project.watch_to_end(run).state == STATE.RUN_STATE_FAILED
    failure = project.steps_of(run)["refused"].failure
    assert failure.code == "WORKLOAD_REFUSED"
    assert "never-allowed" in failure.message
    assert not pods_of_step(cluster, run, "refused")


def test_an_attempt_that_ran_out_of_memory_is_followed_by_one_with_more(
    cluster: Cluster, project: Project, gate: Path
) -> None:
    run = project.submit("hungry.py", gate=gate)
    until_it_waits(project, run)
    [pod] = pods_of_step(cluster, run, "hungry")
    cluster.ask(lambda fake: fake.kubelet.out_of_memory(pod["metadata"]["name"]))
    assert project.watch_to_end(run).state == STATE.RUN_STATE_SUCCEEDED
    limits = [
        pod["spec"]["containers"][0]["resources"]["limits"]["memory"]
        for pod in pods_of_step(cluster, run, "hungry")
    ]
    assert limits == [str(64 << 20), str(96 << 20)]
    request = steps_pb2.ListStepAttemptsRequest(parent=f"{run}/steps/hungry")
    first = project.call(project.steps.ListStepAttempts, request).step_attempts[0]
    assert first.failure.code == "OUT_OF_MEMORY"
    assert "attempt 1" in first.failure.traceback


def test_an_evicted_pod_ends_its_step_with_the_nodes_words(
    cluster: Cluster, project: Project, gate: Path
) -> None:
    run = project.submit("apart.py", gate=gate)
    until_it_waits(project, run)
    [pod] = pods_of_step(cluster, run, "total")
    words = "The node was low on resource: memory."
    cluster.ask(lambda fake: fake.kubelet.evict(pod["metadata"]["name"], words))
    ended = project.watch_to_end(run)
    assert ended.state == STATE.RUN_STATE_FAILED
    assert words in ended.failure.message


def test_the_pods_of_a_dead_runner_end_with_its_run(
    mesh: Mesh, cluster: Cluster, project: Project, gate: Path
) -> None:
    run = project.submit("hungry.py", gate=gate)
    until_it_waits(project, run)
    runner = pod_of(cluster, run)
    cluster.ask(lambda fake: fake.kubelet.out_of_memory(runner))
    assert project.watch_to_end(run).failure.code == "OUT_OF_MEMORY"
    process, group = process_at(gate)
    project.until_workload_gone(process, group)
