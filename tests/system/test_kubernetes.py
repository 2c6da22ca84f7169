"""Runs on Kubernetes, from the command line to pods and back: on any cluster.

The cluster is the one that WEFT_TEST_KUBECONFIG names, else a fake one in a process of its own; of
either the tests know a kubeconfig and what its API answers. CONTRIBUTING.md says how to run them
on a real one; faults that only a fake can be told are in test_kubernetes_faults.py.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clouds import emulators
from tests.real_cluster import KUBECONFIG, Cluster, Object
from tests.system.conftest import SETTINGS
from tests.system.mesh import Mesh
from tests.system.project import Project, step_states
from weftapi.workspace.v1 import run_types_pb2, steps_pb2

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/breast_cancer.py"
STATE = run_types_pb2.RunState
STACK = "pods"
# A real node pulls the image first.
pytestmark = pytest.mark.timeout(900 if KUBECONFIG else 120)
# By which runners find the bucket, and may write to it.
OF_BUCKETS = ("AWS_", "AZURE_", "GOOGLE_")


@contextmanager
def fake_cluster(directory: Path) -> Iterator[Path]:
    """A fake cluster in a process of its own; gives its kubeconfig."""
    arguments = [sys.executable, "-m", "meshtest.kubernetes", str(directory)]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdin
        assert process.stdout
        kubeconfig = process.stdout.readline().strip()
        assert kubeconfig, "the fake cluster did not start"
        yield Path(kubeconfig)
        # It ends with its input, and takes its pods along.
        process.stdin.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """What the workload manager of these tests has in a cluster."""
    if KUBECONFIG:
        yield from _cleared(Cluster.named())
        return
    with fake_cluster(tmp_path_factory.mktemp("cluster")) as kubeconfig:
        yield from _cleared(Cluster(kubeconfig, namespace="weft-runs", image="weft"))


def _cleared(cluster: Cluster) -> Iterator[Cluster]:
    yield cluster
    cluster.clear()
    cluster.close()


@pytest.fixture(scope="module")
def advertised(cluster: Cluster) -> str:
    """By what pods reach this machine; empty where they are on it."""
    if not KUBECONFIG:
        return ""
    return os.environ.get("WEFT_TEST_ADVERTISE_HOST") or cluster.address_of_this_machine()


@pytest.fixture(scope="module")
def artifact_store(advertised: str) -> Iterator[str]:
    """Where pods and this machine write; empty where they share its disk."""
    named = os.environ.get("WEFT_TEST_ARTIFACT_STORE", "")
    if named or not KUBECONFIG:
        yield named
        return
    with emulators.s3(host=advertised) as bucket, pytest.MonkeyPatch.context() as environment:
        for name, text in bucket.options.items():
            environment.setenv(f"AWS_{name.upper()}", text)
        yield f"{bucket.uri}/story"


@pytest.fixture(scope="module")
def mesh(
    cluster: Cluster,
    advertised: str,
    artifact_store: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mesh]:
    """A mesh whose workload manager has the cluster in place of this machine."""
    engine = {
        "ENGINE": "kubernetes",
        "KUBERNETES_CONFIG": str(cluster.kubeconfig),
        "KUBERNETES_NAMESPACE": cluster.namespace,
        "KUBERNETES_IMAGE": cluster.image,
        "KUBERNETES_MANAGER": cluster.manager,
        "KUBERNETES_ALLOWED_MARKS": '["team"]',
    }
    workspace = {**SETTINGS.get("workspace", {}), "ARTIFACT_STORE_URI": artifact_store}
    settings = {**SETTINGS, "workspace": workspace, "workloads": engine}
    mesh = Mesh(tmp_path_factory.mktemp("mesh"), settings, runners_host=advertised)
    try:
        mesh.start()
        _make_stack(mesh)
        yield mesh
    finally:
        mesh.stop()


def _make_stack(mesh: Mesh) -> None:
    """A pod for each step, wherever a pipeline says nothing of it."""
    variables = {name: text for name, text in os.environ.items() if name.startswith(OF_BUCKETS)}
    wishes = {"step_isolation": "WORKLOAD"}
    wishes |= {f"environment.{name}": text for name, text in variables.items()}
    said = [word for name, text in wishes.items() for word in ("--set", f"{name}={text}")]
    mesh.cli("components", "create", STACK, "--flavor", "kubernetes-orchestrator", *said)
    mesh.cli("stacks", "create", STACK, "-c", STACK)


def submit(project: Project, pipeline: str, **parameters: str) -> str:
    return project.submit(pipeline, "--stack", STACK, **parameters)


def pods_of(cluster: Cluster, run: str, step: str) -> list[Object]:
    """The pods of the attempts at a step, first to last."""
    found = cluster.pods(f'"run":"{run}"', f'"step":"{step}"')
    return sorted(found, key=lambda pod: int(pod["metadata"]["labels"]["weft.dev/attempt"]))


def log_of(project: Project, run: str, step: str) -> str:
    return project.cli("logs", f"{run.rpartition('/')[2]}/{step}")


@pytest.mark.timeout(900 if KUBECONFIG else 400)  # each step of it imports scikit-learn
def test_the_example_is_executed_with_a_pod_for_each_step(
    cluster: Cluster, project: Project
) -> None:
    run = submit(project, str(EXAMPLE))
    assert project.watch_to_end(run).state == STATE.RUN_STATE_SUCCEEDED
    steps = project.steps_of(run)
    assert set(step_states(steps).values()) == {"SUCCEEDED"}
    # All but those that stand for all of a fan-out.
    apart = [id_ for id_, step in steps.items() if step.workload]
    assert len(apart) == 10
    cluster.wait_over(f'"run":"{run}"')
    for step in apart:
        [pod] = pods_of(cluster, run, step)
        assert pod["status"]["phase"] == "Succeeded"
    assert "ROC AUC" in log_of(project, run, "evaluate-0")
    assert {"best_model", "best_score", "confusion"} <= set(steps["select"].outputs)


def test_a_pod_is_as_its_step_wished_and_the_operator_demands(
    cluster: Cluster, project: Project
) -> None:
    run = submit(project, "shipping.py")
    assert project.watch_to_end(run).state == STATE.RUN_STATE_SUCCEEDED
    cluster.wait_over(f'"run":"{run}"')
    for step in ("weigh-0", "weigh-1"):
        [pod] = pods_of(cluster, run, step)
        assert pod["status"]["phase"] == "Succeeded"
        assert pod["metadata"]["labels"]["team"] == "ml"
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        assert not pod["spec"]["automountServiceAccountToken"]
        assert "is on the scales of" in log_of(project, run, step)


def test_an_attempt_that_failed_is_followed_by_another_pod(
    cluster: Cluster, project: Project
) -> None:
    run = submit(project, "shipping.py")
    assert project.watch_to_end(run).state == STATE.RUN_STATE_SUCCEEDED
    pods = pods_of(cluster, run, "load")
    assert [pod["metadata"]["labels"]["weft.dev/attempt"] for pod in pods] == ["1", "2"]
    request = steps_pb2.ListStepAttemptsRequest(parent=f"{run}/steps/load")
    first = project.call(project.steps.ListStepAttempts, request).step_attempts[0]
    assert "the first van is full" in first.failure.message


def test_what_a_step_raised_is_the_reason_of_its_run(project: Project) -> None:
    run = submit(project, "shipping.py", ending="raise")
    ended = project.watch_to_end(run)
    assert ended.state == STATE.RUN_STATE_FAILED
    assert "no such address" in ended.failure.message
    assert project.steps_of(run)["drive"].failure.exception_type == "ValueError"


def test_a_pod_that_breaks_off_ends_its_step_with_the_clusters_words_and_its_last_line(
    cluster: Cluster, project: Project
) -> None:
    run = submit(project, "shipping.py", ending="crash")
    assert project.watch_to_end(run).state == STATE.RUN_STATE_FAILED
    failure = project.steps_of(run)["drive"].failure
    assert (failure.code, failure.message) == ("WORKLOAD_FAILED", "It ended with exit code 7.")
    said = log_of(project, run, "drive")
    assert said.count("the engine is running") == said.count("last words") == 1
    assert said.splitlines()[-1].endswith("last words")
    assert failure.traceback.endswith("last words\n")
    [pod] = pods_of(cluster, run, "drive")
    assert pod["status"]["phase"] == "Failed"


def test_a_workspace_that_is_killed_misses_no_line_of_the_pods_that_go_on(
    mesh: Mesh, cluster: Cluster, project: Project
) -> None:
    run = submit(project, "shipping.py", ending="arrive")
    assert any("driving" in event.step.metadata for event in project.watch(run))
    mesh.kill("workspace")
    assert project.watch_to_end(run).state == STATE.RUN_STATE_SUCCEEDED
    assert len(pods_of(cluster, run, "drive")) == 1
    said = [line.rpartition("kilometre ")[2] for line in log_of(project, run, "drive").splitlines()]
    assert said[-100:] == [str(number) for number in range(100)]


def test_a_run_that_is_stopped_ends_with_its_pods(cluster: Cluster, project: Project) -> None:
    run = submit(project, "shipping.py", ending="never")
    assert any("driving" in event.step.metadata for event in project.watch(run))
    project.cli("runs", "stop", run.rpartition("/")[2])
    assert project.watch_to_end(run).state == STATE.RUN_STATE_STOPPED
    assert step_states(project.steps_of(run)) == {"drive": "STOPPED"}
    cluster.wait_over(f'"run":"{run}"')


def test_a_pod_that_the_operator_does_not_allow_fails_its_step_by_name(
    cluster: Cluster, project: Project
) -> None:
    run = submit(project, "shipping.py", ending="overtake")
    assert project.watch_to_end(run).state == STATE.RUN_STATE_FAILED
    failure = project.steps_of(run)["overtake"].failure
    assert failure.code == "WORKLOAD_REFUSED"
    assert "never-allowed" in failure.message
    assert not pods_of(cluster, run, "overtake")


@pytest.mark.timeout(300)  # a mesh of its own, beside the one of this module
def test_all_that_a_story_needs_of_a_cluster_is_a_kubeconfig(tmp_path: Path) -> None:
    """As on a real one: pods come by another listener, and what they make goes to a bucket."""
    with fake_cluster(tmp_path) as kubeconfig:
        told = {"WEFT_TEST_KUBECONFIG": str(kubeconfig), "WEFT_TEST_KUBE_IMAGE": "weft"}
        story = f"{__file__}::{test_an_attempt_that_failed_is_followed_by_another_pod.__name__}"
        command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", story]
        child = subprocess.run(
            command,
            env={**os.environ, **told},
            cwd=ROOT,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert child.returncode == 0, child.stdout
        assert "1 passed" in child.stdout
