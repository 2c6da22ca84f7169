"""Two workload managers, of this machine and of a cluster; one dies while its runs go on."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.faulty_cluster import FaultyCluster, pod_of
from tests.system.mesh import PATIENCE_S, Mesh
from tests.system.project import Project
from weftapi.workspace.v1 import run_types_pb2

ROOT = Path(__file__).parents[2]
STATE = run_types_pb2.RunState


class Manager:
    """The manager of a cluster, started as `weft workspaces enroll` says."""

    def __init__(self, mesh: Mesh, cluster: FaultyCluster, directory: Path) -> None:
        printed = mesh.cli("workspaces", "enroll", "default", "--as", "workload-manager")
        self._command = printed.replace("python -m", f"exec {sys.executable} -m")
        self._directory = directory
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("WEFT_")},
            "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("", "generated")),
            "WEFT_WORKLOADS_ENGINE": "kubernetes",
            "WEFT_WORKLOADS_KUBERNETES_CONFIG": str(cluster.kubeconfig),
            "WEFT_WORKLOADS_KUBERNETES_IMAGE": "weft",
        }

    def start(self) -> None:
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-ec", self._command],
                cwd=self._directory,
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """As `kill -9` does: no goodbye."""
        self._process.kill()
        self._process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[FaultyCluster]:
    cluster = FaultyCluster(tmp_path)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def manager(mesh: Mesh, cluster: FaultyCluster, tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(mesh, cluster, tmp_path)
    manager.start()
    yield manager
    manager.kill()


def name_of_second(project: Project) -> str:
    """Its name, once its pool can be seen."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        listed = json.loads(project.cli("pools", "list", "-o", "json"))
        found = [p["name"] for p in listed if p["capacity"]["engine"] == "kubernetes"]
        if found:
            return str(found[0]).partition("/pools/")[0]
        # What two other servers tell each other: there is nothing to wait on.
        assert time.monotonic() < deadline, listed
        time.sleep(0.2)


def until_told(project: Project, run: str, words: str) -> None:
    assert any(words in event.run.state_reason for event in project.watch(run))


@pytest.mark.fault
def test_one_manager_dies_and_only_its_own_runs_wait_for_it(
    manager: Manager, cluster: FaultyCluster, project: Project, tmp_path: Path
) -> None:
    name, id_ = name_of_second(project), f"far-{os.getpid()}-{time.time_ns()}"
    setting = f"workload_manager={name}"
    project.cli(
        "components", "create", id_, "--flavor", "kubernetes-orchestrator", "--set", setting
    )
    project.cli("stacks", "create", id_, "--component", id_)
    assert id_ in project.cli("pools", "list")
    assert f"{name} would take" in project.cli("stacks", "validate", id_)
    gates = {which: tmp_path / which for which in ("goes", "dies", "later", "here")}

    def submit(which: str, *flags: str) -> str:
        return project.submit("gated.py", *flags, gate=gates[which])

    goes_on, dies = (submit(which, "--stack", id_) for which in ("goes", "dies"))
    here = submit("here")
    for run in (goes_on, dies, here):
        project.until_step(run, "first")
    assert project.run(goes_on).workload_manager == project.run(dies).workload_manager == name
    assert project.run(here).workload_manager not in ("", name)
    assert name in project.cli("runs", "show", dies.rpartition("/")[2])
    pod = pod_of(cluster, dies)

    manager.kill()
    cluster.ask(lambda fake: fake.kubelet.out_of_memory(pod))
    later = submit("later", "--stack", id_)
    until_told(project, later, "does not answer")
    for gate in gates.values():
        gate.touch()
    # The one goes on at the other manager, the other in a pod that needs no manager to report.
    assert project.watch_to_end(here).state == STATE.RUN_STATE_SUCCEEDED
    assert project.watch_to_end(goes_on).state == STATE.RUN_STATE_SUCCEEDED
    assert project.run(dies).state == STATE.RUN_STATE_RUNNING

    manager.start()
    assert project.watch_to_end(dies).failure.code == "OUT_OF_MEMORY"
    assert project.watch_to_end(later).state == STATE.RUN_STATE_SUCCEEDED
