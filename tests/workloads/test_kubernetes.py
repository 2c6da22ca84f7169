"""The Kubernetes launcher over a cluster whose pods really execute what they are told.

The cluster is the one that WEFT_TEST_KUBECONFIG names, else a fake one.
"""

import asyncio
import json
from itertools import pairwise

import pytest

from meshkit.errors import (
    AlreadyExists,
    InvalidArgument,
)
from tests.real_cluster import AnyCluster
from tests.workloads.kubernetes import WAIT, ClusterEngine, Managers
from tests.workloads.observed import OWNER, key, said, shell
from workloads.launchers.kubernetes import manifests
from workloads.lifecycle import TRANSITIONS, WorkloadState
from workloads.model import Secrets


@pytest.fixture
def managers(any_managers: Managers) -> Managers:
    return any_managers


@pytest.fixture
def cluster(managers: Managers) -> AnyCluster:
    return managers.cluster


@pytest.fixture
async def engine(managers: Managers) -> ClusterEngine:
    return await managers.open()


async def test_success_passes_legal_states_and_keeps_what_was_written(engine, cluster):
    workload = await engine.run("ok", "echo out; echo err >&2; printf 'no newline'")
    assert workload.state is WorkloadState.SUCCEEDED
    states = [WorkloadState(state) for state in engine.states("ok")]
    assert all(after in TRANSITIONS[before] for before, after in pairwise(states))
    assert workload.start_time <= workload.end_time
    name = manifests.job_name(key("ok"), shell(""))
    assert workload.engine_reference.startswith(f"job {cluster.namespace}/{name} on ")
    lines = said(await engine.log("ok"), "stdout").splitlines()
    # A node reads both streams side by side.
    assert sorted(lines) == [b"err", b"no newline", b"out"]
    assert lines.index(b"out") < lines.index(b"no newline")


async def test_a_step_is_a_job_whose_name_and_labels_people_can_read(engine, cluster):
    attempt = {"run": "projects/vision/runs/night-7", "step": "Train:3", "attempt": 2}
    assert (await engine.run("s", "true", kind="STEP", **attempt)).spec.attempt == 2
    [job] = cluster.jobs()
    assert job["metadata"]["name"].startswith("weft-night-7-train-3-2-")
    told = {"kind": "step", "project": "vision", "run": "night-7", "step": "Train-3"}
    labels = {f"weft.dev/{name}": value for name, value in told.items()}
    assert job["metadata"]["labels"].items() >= (labels | {"weft.dev/attempt": "2"}).items()
    assert cluster.pods()[0]["metadata"]["labels"].items() >= labels.items()
    await engine.launcher.delete(key("s"))
    assert key("s") not in engine.known


async def test_failure_tells_its_exit_code(engine):
    workload = await engine.run("bad", "exit 7")
    assert (workload.state, workload.exit.code) == (WorkloadState.FAILED, 7)
    assert workload.reason == "It ended with exit code 7."


async def test_secrets_reach_the_process_by_files_and_stand_nowhere_else(engine, cluster):
    secrets = Secrets({"WEFT_RUN_TOKEN_FILE": "hunter2"})
    script = 'cat "$WEFT_RUN_TOKEN_FILE"; stat -L -c " %a" "$WEFT_RUN_TOKEN_FILE"'
    await engine.run("s", script, secrets)
    # Nobody outside of the pod's group reads it, and nobody writes it.
    assert said(await engine.log("s"), "stdout") == b"hunter2 440\n"
    assert "hunter2" not in json.dumps([cluster.pods(), cluster.jobs()])


async def test_the_same_workload_again_is_one_job_and_another_is_refused(engine, cluster):
    for _ in range(2):
        await engine.launcher.launch(key("w"), shell("true"), Secrets({"A": "b"}))
    assert len(cluster.jobs()) == 1
    with pytest.raises(AlreadyExists):
        await engine.launcher.launch(key("w"), shell("false"), Secrets())


async def test_a_timeout_is_told_as_one(engine):
    workload = await engine.run("w", WAIT, timeout_s=1)
    assert workload.exit.is_timeout
    assert (
        workload.reason
        == "It ran out of time: it has 1 s on its node, the pull of its image included."
    )


async def test_another_manager_finds_everything_again(managers, cluster):
    first = await managers.open()
    await first.start("on", WAIT)
    await first.run("over", "exit 3")
    await first.close()
    second = await managers.open()
    assert second.known == first.known
    assert second.known[key("over")].exit.code == 3
    await second.launcher.cancel(key("on"), grace_s=0, reason="cancelled")
    await second.ended("on")


async def test_two_managers_submit_the_same_and_one_pod_is_made(managers, cluster):
    one, two = await managers.open(), await managers.open()
    spec, secrets = shell("echo once"), Secrets({"A": "b"})
    await asyncio.gather(*(m.launcher.launch(key("w"), spec, secrets) for m in (one, two)))
    assert await one.ended("w") == await two.ended("w")
    assert (len(cluster.jobs()), len(cluster.pods())) == (1, 1)


async def test_what_a_cluster_cannot_keep_is_refused(engine):
    with pytest.raises(InvalidArgument, match="240 KiB"):
        await engine.launcher.launch(key("w"), shell("true", env={"A": "x" * 300_000}), Secrets())


def test_names_are_short_legal_and_different():
    names = {
        manifests.job_name(key(id_), shell(""))
        for id_ in ("a", "A", "a-", "a" * 200, "a" * 201, "é")
    }
    assert len(names) == 6
    assert all(len(name) <= 63 and not name.endswith("-") for name in names)
    assert OWNER.hex not in "".join(names)
