"""Runs on a cluster of which something fails: pods, nodes, managers, its API; only a fake does so.

What works on any cluster is told in test_kubernetes.py.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshtest.kubernetes.cluster import FakeCluster
from tests.system.conftest import SETTINGS
from tests.system.faulty_cluster import FaultyCluster, pod_of, pods_of_step
from tests.system.mesh import Mesh
from tests.system.project import Project, process_at
from weftapi.workspace.v1 import run_types_pb2, steps_pb2

STATE = run_types_pb2.RunState

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyCluster]:
    cluster = FaultyCluster(tmp_path_factory.mktemp("cluster"))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def mesh(cluster: FaultyCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
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


def test_the_reason_of_a_killed_pod_reaches_whoever_watches(
    cluster: FaultyCluster, project: Project, gate: Path
) -> None:
    run = project.submit("gated.py", gate=gate, lines=3)
    project.until_step(run, "first")
    pod = pod_of(cluster, run)
    cluster.ask(lambda fake: fake.kubelet.out_of_memory(pod))
    ended = project.watch_to_end(run)
    assert ended.state == STATE.RUN_STATE_FAILED
    assert ended.failure.code == "OUT_OF_MEMORY"
    assert "It ran out of memory" in ended.failure.message


def test_a_manager_that_dies_finds_its_pods_again(
    mesh: Mesh, cluster: FaultyCluster, project: Project, gate: Path
) -> None:
    run = project.submit("gated.py", gate=gate, lines=3)
    project.until_step(run, "first")
    mesh.kill("workloads")
    gate.touch()
    assert project.watch_to_end(run).state == STATE.RUN_STATE_SUCCEEDED
    jobs = cluster.ask(lambda fake: [job["metadata"]["name"] for job in fake.jobs()])
    assert len(jobs) == len(set(jobs))


def test_a_cluster_out_of_reach_ends_no_run(
    mesh: Mesh, cluster: FaultyCluster, project: Project, gate: Path
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


@pytest.fixture
def sluggish(cluster: FaultyCluster) -> Iterator[None]:
    """Every call of its API takes a while, and some are turned away for a second."""

    def slow_down(fake: FakeCluster) -> None:
        fake.api.delay_s = 0.3
        fake.api.faults = [429, 429, 429]
        fake.api.cut()

    def recover(fake: FakeCluster) -> list[int]:
        fake.api.delay_s = 0.0
        return fake.api.faults

    cluster.ask(slow_down)
    yield
    assert cluster.ask(recover) == []


@pytest.mark.usefixtures("sluggish")
def test_runs_on_a_slow_and_busy_cluster_end_as_they_ended(project: Project) -> None:
    good, bad = project.submit("shipping.py"), project.submit("shipping.py", ending="crash")
    assert project.watch_to_end(good).state == STATE.RUN_STATE_SUCCEEDED
    assert project.watch_to_end(bad).state == STATE.RUN_STATE_FAILED
    failure = project.steps_of(bad)["drive"].failure
    assert failure.message == "It ended with exit code 7."
    assert failure.traceback.endswith("last words\n")


def until_it_waits(project: Project, run: str) -> None:
    assert any("pid" in event.step.metadata for event in project.watch(run))


def test_an_attempt_that_ran_out_of_memory_is_followed_by_one_with_more(
    cluster: FaultyCluster, project: Project, gate: Path
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
    assert project.log_lines(first.log_stream) == ["attempt 1"]


def test_an_evicted_pod_ends_its_step_with_the_nodes_words(
    cluster: FaultyCluster, project: Project, gate: Path
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
    mesh: Mesh, cluster: FaultyCluster, project: Project, gate: Path
) -> None:
    run = project.submit("hungry.py", gate=gate)
    until_it_waits(project, run)
    runner = pod_of(cluster, run)
    cluster.ask(lambda fake: fake.kubelet.out_of_memory(runner))
    assert project.watch_to_end(run).failure.code == "OUT_OF_MEMORY"
    process, group = process_at(gate)
    project.until_workload_gone(process, group)
