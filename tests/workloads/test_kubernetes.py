"""The Kubernetes launcher over a fake cluster whose pods really execute what they are told."""

import asyncio
import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from meshkit.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unavailable,
)
from meshtest.kubernetes.cluster import FakeCluster
from tests.workloads.kubernetes import WAIT, ClusterEngine, Managers
from tests.workloads.observed import OWNER, PATIENCE_S, key, said, shell
from workloads.launchers.kubernetes import manifests
from workloads.launchers.kubernetes.settings import Allowed, KubernetesSettings
from workloads.lifecycle import TRANSITIONS, WorkloadState
from workloads.model import Secrets
from workloads.pods import Pod, Volume
from workloads.pools import Cordon

# What operators make, and managers leave.
OPERATORS = {("configmaps", "weft-pools"), ("leases", "weft-leader")}


@pytest.fixture
def cluster(managers: Managers) -> FakeCluster:
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
    assert said(await engine.log("ok"), "stdout") == b"out\nerr\nno newline\n"


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


async def test_a_workload_has_the_image_that_it_names_if_its_registry_is_allowed(managers, cluster):
    engine = await managers.open(image_registries=["registry.example/team"])
    cluster.kubelet.images.add("registry.example/team/trainer:1")
    await engine.run("own", "true", image="registry.example/team/trainer:1")
    foreign = shell("true", image="registry.example/teammate/trainer:1")
    with pytest.raises(FailedPrecondition, match="teammate/trainer:1"):
        await engine.launcher.launch(key("foreign"), foreign, Secrets())
    [problem] = await engine.launcher.problems(foreign)
    assert "allowed: registry.example/team" in problem
    assert len(cluster.jobs()) == 1


async def test_a_pod_is_as_it_was_wished_for_if_that_is_allowed(managers, cluster):
    assert cluster.kubelet  # a real cluster has no such claim
    engine = await managers.open(allowed=Allowed(claims=["datasets"], marks=["team"]))
    wish = Pod(labels={"team": "vision"}, volumes=(Volume("/data", claim="datasets"),))
    await engine.run("own", "test -d /data || cd /data", pod=wish)
    [pod] = cluster.pods()
    assert pod["metadata"]["labels"]["team"] == "vision"
    evil = shell("true", pod=Pod(priority_class="system-node-critical"))
    with pytest.raises(FailedPrecondition, match=r"system-node-critical.*allowed: none"):
        await engine.launcher.launch(key("evil"), evil, Secrets())
    [problem] = await engine.launcher.problems(evil)
    assert "priorityClassName" in problem
    assert len(cluster.jobs()) == 1


async def test_what_was_taken_stays_taken_when_its_image_is_allowed_no_more(managers, cluster):
    cluster.kubelet.images.add("registry.example/old:1")
    spec = shell("true", image="registry.example/old:1")
    first = await managers.open(image_registries=["registry.example"])
    await first.launcher.launch(key("w"), spec, Secrets())
    second = await managers.open()
    await second.launcher.launch(key("w"), spec, Secrets())
    assert (await second.ended("w")).state is WorkloadState.SUCCEEDED


async def test_resources_stand_on_the_pod_as_the_cluster_calls_them(engine, cluster):
    assert cluster.kubelet  # real nodes have their own
    await engine.run("w", "true", gpu_count=2, ephemeral_storage_bytes=1 << 30, cpu_millis=500)
    await engine.run("amd", "true", gpu_count=1, gpu_resource="amd.com/gpu")
    limits = [p["spec"]["containers"][0]["resources"]["limits"] for p in cluster.pods()]
    assert {"amd.com/gpu": "1"} in limits
    wanted = {"cpu": "500m", "ephemeral-storage": str(1 << 30), "nvidia.com/gpu": "2"}
    assert wanted in limits


async def test_failure_tells_its_exit_code(engine):
    workload = await engine.run("bad", "exit 7")
    assert (workload.state, workload.exit.code) == (WorkloadState.FAILED, 7)
    assert workload.reason == "It ended with exit code 7."


async def test_secrets_reach_the_process_by_files_and_stand_nowhere_else(engine, cluster):
    secrets = Secrets({"WEFT_RUN_TOKEN_FILE": "hunter2"})
    await engine.run(
        "s", 'cat "$WEFT_RUN_TOKEN_FILE"; stat -c " %a" "$WEFT_RUN_TOKEN_FILE"', secrets
    )
    assert said(await engine.log("s"), "stdout") == b"hunter2 400\n"
    assert "hunter2" not in json.dumps([cluster.pods(), cluster.jobs()])
    [secret] = cluster.store.all("secrets")
    assert secret["metadata"]["ownerReferences"][0]["uid"] == cluster.jobs()[0]["metadata"]["uid"]


async def test_submitting_is_two_calls_and_tracking_is_none(engine, cluster):
    before = cluster.api.calls.copy()
    for number in range(5):
        await engine.launcher.launch(key(f"w{number}"), shell("true"), Secrets({"A": "b"}))
    for number in range(5):
        await engine.ended(f"w{number}")
    # Watches begin with a list each, and nobody waits for the one of events.
    watched = ("jobs", "pods", "events", "cluster/nodes", "configmaps", "resourcequotas")
    begun = {("watch", kind) for kind in watched} | {("list", "events")}
    begun |= {("get", "leases"), ("patch", "leases")}
    made = {call: n for call, n in (cluster.api.calls - before).items() if call not in begun}
    assert made == {("create", "jobs"): 5, ("create", "secrets"): 5}


async def test_the_same_workload_again_is_one_job_and_another_is_refused(engine, cluster):
    for _ in range(2):
        await engine.launcher.launch(key("w"), shell("true"), Secrets({"A": "b"}))
    assert len(cluster.jobs()) == 1
    with pytest.raises(AlreadyExists):
        await engine.launcher.launch(key("w"), shell("false"), Secrets())


async def test_the_documented_role_allows_no_more_than_is_used(managers, cluster):
    cluster.add_queue("team", "gpus", {"cpu": "8"})
    first = await managers.open(allowed=Allowed(queues=["team"]))
    await first.launcher.cordon("weft-runs", Cordon("ann", "work", datetime.now(UTC)))
    assert not any(pool.unseen for pool in await first.launcher.pools())
    for _ in range(2):
        await first.launcher.launch(key("w"), shell(WAIT), Secrets({"A": "b"}))
    await first.reaches("w", "RUNNING")
    [secret] = cluster.store.all("secrets")
    cluster.store.change("secrets", secret["metadata"]["name"], _of_an_earlier_job)
    await first.launcher.launch(key("w"), shell(WAIT), Secrets({"A": "b"}))
    await first.launcher.cancel(key("w"), grace_s=0, reason="cancelled")
    await first.ended("w")
    await first.log("w")
    await first.launcher.delete(key("w"))
    used = set(cluster.api.calls) - {("list", "")}  # what versions there are, which all may ask
    assert used == set(cluster.api.allowed)


def _of_an_earlier_job(secret: dict[str, Any]) -> None:
    secret["metadata"]["ownerReferences"][0]["uid"] = "gone"


async def test_a_submission_broken_off_in_the_middle_is_completed_by_the_next(managers, cluster):
    first = await managers.open()
    submit = first.launcher.launch(key("w"), shell('cat "$A"'), Secrets({"A": "whole"}))
    task = asyncio.create_task(submit)
    while not cluster.jobs():  # noqa: ASYNC110  # nobody tells us
        await asyncio.sleep(0)
    task.cancel()
    await first.close()
    for secret in cluster.store.all("secrets"):
        cluster.store.remove("secrets", secret["metadata"]["name"])
    second = await managers.open()
    await second.launcher.launch(key("w"), shell('cat "$A"'), Secrets({"A": "whole"}))
    await second.ended("w")
    assert said(await second.log("w"), "stdout") == b"whole\n"
    assert len(cluster.jobs()) == 1


async def test_what_waits_says_why_in_the_words_of_the_cluster(managers, cluster):
    engine = await managers.open(image="registry.example/absent:1")
    await engine.launcher.launch(key("w"), shell("true"), Secrets())
    await engine.until(lambda: "ImagePullBackOff" in engine.known[key("w")].reason)
    assert engine.known[key("w")].state is WorkloadState.PENDING
    cluster.kubelet.images.add("registry.example/absent:1")
    assert (await engine.ended("w")).state is WorkloadState.SUCCEEDED


async def test_what_fits_no_node_says_so(engine, cluster):
    cluster.kubelet.millis = 500
    await engine.launcher.launch(key("w"), shell("true", cpu_millis=2000), Secrets())
    await engine.until(lambda: "Insufficient cpu" in engine.known[key("w")].reason)
    cluster.kubelet.millis = 4000
    await engine.ended("w")


async def test_out_of_memory_names_the_limit(engine, cluster):
    pod = await engine.start("w", WAIT, memory_bytes=256 << 20)
    cluster.kubelet.out_of_memory(pod)
    workload = await engine.ended("w")
    assert workload.exit.is_oom
    assert workload.reason == "It ran out of memory: its limit is 256 MiB."


async def test_eviction_tells_the_words_of_the_node(engine, cluster):
    pod = await engine.start("w", WAIT)
    cluster.kubelet.evict(pod, "The node was low on resource: ephemeral-storage.")
    workload = await engine.ended("w")
    assert workload.state is WorkloadState.FAILED
    assert "low on resource: ephemeral-storage" in workload.reason


async def test_a_timeout_is_told_as_one(engine):
    workload = await engine.run("w", WAIT, timeout_s=1)
    assert workload.exit.is_timeout
    assert (
        workload.reason
        == "It ran out of time: it has 1 s on its node, the pull of its image included."
    )


async def test_a_silent_node_is_visible_and_no_verdict(engine, cluster):
    pod = await engine.start("w", WAIT)
    cluster.kubelet.lose(pod)
    await engine.until(lambda: engine.known[key("w")].reason == "Its node does not answer.")
    assert engine.known[key("w")].state is WorkloadState.RUNNING


async def test_a_pod_that_vanished_unseen_is_lost_not_failed(managers, cluster):
    engine = await managers.open()
    pod = await engine.start("w", WAIT)
    await engine.close()
    cluster.store.change("pods", pod, lambda t: t["status"].update(phase="Failed"))
    await asyncio.sleep(0.05)
    cluster.store.remove("pods", pod)
    after = await managers.open()
    workload = await after.ended("w")
    assert workload.state is WorkloadState.LOST
    assert "nobody saw it end" in workload.reason


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


async def test_watches_that_are_cut_or_too_old_lose_no_change(engine, cluster):
    for number in range(6):
        cluster.api.cut()
        if number % 2:
            cluster.store.compact()
        await engine.launcher.launch(key(f"w{number}"), shell("true"), Secrets())
    for number in range(6):
        await engine.ended(f"w{number}")
    told = [o.workload for o in engine.told if o.workload.state.is_terminal]
    assert sorted(w.key.id for w in told) == [f"w{n}" for n in range(6)]


async def test_what_was_deleted_while_nobody_watched_is_told(engine, cluster):
    await engine.run("w", "true")
    cluster.api.is_down = True
    cluster.api.cut()
    cluster.store.remove("jobs", manifests.job_name(key("w"), shell("")))
    cluster.store.compact()
    assert key("w") in engine.known  # blind is not gone
    cluster.api.is_down = False
    await engine.until(lambda: key("w") not in engine.known)


async def test_an_api_server_out_of_reach_is_no_end_of_anything(engine, cluster):
    await engine.start("w", WAIT)
    cluster.api.is_down = True
    cluster.api.cut()
    with pytest.raises(Unavailable):
        await engine.launcher.launch(key("later"), shell("true"), Secrets())
    assert engine.known[key("w")].state is WorkloadState.RUNNING
    cluster.api.is_down = False
    await engine.launcher.launch(key("later"), shell("true"), Secrets())
    await engine.ended("later")


@pytest.mark.parametrize("status", [401, 409, 429, 500, 503])
async def test_a_server_that_is_busy_is_asked_again_later(engine, cluster, status):
    cluster.api.faults = [status]
    with pytest.raises(Unavailable) as refused:
        await engine.launcher.launch(key("w"), shell("true"), Secrets())
    assert refused.value.retry_after_s == (1 if status == 429 else 5)
    await engine.launcher.launch(key("w"), shell("true"), Secrets())


async def test_a_refusal_has_the_words_of_the_cluster(engine, cluster):
    cluster.api.faults = [403]
    with pytest.raises(FailedPrecondition, match="the fake was told to fail"):
        await engine.launcher.launch(key("w"), shell("true"), Secrets())
    cluster.api.faults = [422]
    assert await engine.launcher.problems(shell("true")) == [
        "The cluster refuses it: the fake was told to fail"
    ]
    assert cluster.jobs() == []


async def test_what_a_cluster_cannot_keep_is_refused(engine):
    with pytest.raises(InvalidArgument, match="240 KiB"):
        await engine.launcher.launch(key("w"), shell("true", env={"A": "x" * 300_000}), Secrets())


async def test_a_poisoned_job_keeps_no_other_back(managers, cluster):
    labels = manifests.labels_of(key("evil"), KubernetesSettings(image="weft"))
    for name, annotations in (("weft-a", {}), ("weft-b", {manifests.SPEC: "[]"})):
        metadata = {"name": name, "labels": labels, "annotations": annotations}
        cluster.store.create(
            "jobs", {"kind": "Job", "metadata": metadata, "spec": {"suspend": True}}
        )
    engine = await managers.open()
    assert (await engine.run("good", "true")).state is WorkloadState.SUCCEEDED
    assert key("evil") not in engine.known


async def test_somebody_elses_pod_with_our_labels_is_none_of_ours(engine, cluster):
    pod = await engine.start("w", WAIT)
    labels = cluster.store.find("pods", pod)["metadata"]["labels"]
    stranger = {
        "kind": "Pod",
        "metadata": {"name": "stranger", "labels": labels, "finalizers": ["x"]},
        "spec": {"terminationGracePeriodSeconds": 0},
        "status": {"phase": "Failed"},
    }
    cluster.kubelet._tasks["stranger"] = asyncio.create_task(asyncio.sleep(0))
    cluster.store.create("pods", stranger)
    assert (await engine.run("next", "true")).state is WorkloadState.SUCCEEDED
    assert engine.known[key("w")].state is WorkloadState.RUNNING


async def test_delete_takes_the_pod_and_the_secret_with_it(engine, cluster):
    await engine.launcher.launch(key("w"), shell(WAIT), Secrets({"A": "b"}))
    await engine.reaches("w", "RUNNING")
    with pytest.raises(FailedPrecondition):
        await engine.launcher.delete(key("w"))
    await engine.launcher.cancel(key("w"), grace_s=0, reason="cancelled")
    await engine.ended("w")
    await engine.launcher.delete(key("w"))
    assert key("w") not in engine.known
    async with asyncio.timeout(PATIENCE_S):
        while cluster.store.objects.keys() != OPERATORS:  # noqa: ASYNC110  # nobody tells us
            await asyncio.sleep(0.01)
    with pytest.raises(NotFound):
        await engine.launcher.delete(key("w"))


def test_names_are_short_legal_and_different():
    names = {
        manifests.job_name(key(id_), shell(""))
        for id_ in ("a", "A", "a-", "a" * 200, "a" * 201, "é")
    }
    assert len(names) == 6
    assert all(len(name) <= 63 and not name.endswith("-") for name in names)
    assert OWNER.hex not in "".join(names)
