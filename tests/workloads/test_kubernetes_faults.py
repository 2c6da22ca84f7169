"""The Kubernetes launcher and what only a fake cluster can be told: faults, its store, its node."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from meshkit.errors import FailedPrecondition, NotFound, Unavailable
from meshtest.kubernetes.cluster import FakeCluster
from tests.workloads.kubernetes import WAIT, ClusterEngine, Managers
from tests.workloads.observed import PATIENCE_S, key, said, shell
from workloads.launchers.kubernetes import api, manifests
from workloads.launchers.kubernetes.settings import Allowed, KubernetesSettings
from workloads.lifecycle import WorkloadState
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
    await engine.run("w", "true", gpu_count=2, ephemeral_storage_bytes=1 << 30, cpu_millis=500)
    await engine.run("amd", "true", gpu_count=1, gpu_resource="amd.com/gpu")
    limits = [p["spec"]["containers"][0]["resources"]["limits"] for p in cluster.pods()]
    assert {"amd.com/gpu": "1"} in limits
    wanted = {"cpu": "500m", "ephemeral-storage": str(1 << 30), "nvidia.com/gpu": "2"}
    assert wanted in limits


async def test_a_secret_goes_with_its_job(engine, cluster):
    await engine.run("s", "true", Secrets({"A": "b"}))
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
    # Whoever is not let in signs in anew, and asks once more.
    cluster.api.faults = [status, status] if status == 401 else [status]
    with pytest.raises(Unavailable) as refused:
        await engine.launcher.launch(key("w"), shell("true"), Secrets())
    assert refused.value.retry_after_s == (1 if status == 429 else 5)
    await engine.launcher.launch(key("w"), shell("true"), Secrets())


async def test_a_cancellation_does_not_end_another_job_of_the_same_name(managers, cluster):
    engine = await managers.open(queue="small")
    await engine.launcher.launch(key("w"), shell("true"), Secrets())
    rights = {verb: cluster.api.allowed.pop((verb, "jobs")) for verb in ("list", "watch")}
    cluster.api.cut()
    [job] = cluster.jobs()
    cluster.store.remove("jobs", job["metadata"]["name"])
    again = job | {"metadata": job["metadata"] | {"uid": str(uuid4())}}
    cluster.store.create("jobs", again)
    with pytest.raises(Unavailable, match="field is immutable"):
        await engine.launcher.cancel(key("w"), grace_s=1, reason="cancelled: enough")
    [other] = cluster.jobs()
    assert manifests.CANCELLED not in other["metadata"]["annotations"]
    cluster.api.allowed |= {(verb, "jobs"): names for verb, names in rights.items()}
    uid = other["metadata"]["uid"]
    await engine.until(lambda: str(engine.known[key("w")].uid) == uid)
    await engine.launcher.cancel(key("w"), grace_s=1, reason="cancelled: enough")
    assert (await engine.ended("w")).state is WorkloadState.CANCELLED


async def test_a_refusal_has_the_words_of_the_cluster(engine, cluster):
    cluster.api.faults = [403]
    with pytest.raises(FailedPrecondition, match="the fake was told to fail"):
        await engine.launcher.launch(key("w"), shell("true"), Secrets())
    cluster.api.faults = [422]
    assert await engine.launcher.problems(shell("true")) == [
        "The cluster refuses it: the fake was told to fail"
    ]
    assert cluster.jobs() == []


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


async def test_a_log_that_is_silent_for_long_is_asked_for_anew(engine, cluster, monkeypatch):
    monkeypatch.setattr(api, "_SILENCE_S", 0.2)
    await engine.start("w", "echo one; " + WAIT)
    following = asyncio.create_task(engine.read_all("w"))
    # Each connection is as good as dead: nothing comes by it.
    await engine.has(lambda: cluster.api.calls["get", "pods/log"] > 2)
    await engine.launcher.cancel(key("w"), grace_s=0, reason="cancelled")
    assert said(await following, "stdout") == b"one\n"


async def test_a_deadline_gives_the_grace_of_the_pod(engine):
    script = "trap 'echo bye; exit 0' TERM; while :; do sleep .05; done"
    workload = await engine.run("w", script, timeout_s=1)
    assert said(await engine.log("w"), "stdout").endswith(b"bye\n")
    assert (workload.state, workload.exit.is_timeout) == (WorkloadState.FAILED, True)


async def test_a_job_that_is_found_again_is_known_by_what_was_said_of_it(managers, cluster):
    """What an API server adds, and leaves out, makes it no stranger."""
    changes = {"service_account": "runs", "pull_secrets": ["pull"], "scratch_bytes": 5 * 10**9}
    changes |= {"allowed": Allowed(claims=["data"], config_maps=["words"], marks=["team"])}
    volumes = (Volume("/data", claim="data"), Volume("/words", config_map="words"))
    wish = Pod(labels={"team": ""}, volumes=volumes)
    spec = shell(WAIT, env={"EMPTY": "", "A": "$(B)"}, pod=wish, cpu_millis=500)
    for _ in range(2):
        engine = await managers.open(**changes)
        await engine.launcher.launch(key("w"), spec, Secrets({"A": "b"}))
    [job] = cluster.jobs()
    assert job["spec"]["template"]["spec"]["dnsPolicy"] == "ClusterFirst"
    assert len(cluster.store.all("secrets")) == 1
