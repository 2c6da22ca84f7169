"""How much room a cluster has, what is too large for it, and pools that take nothing new."""

import asyncio
import copy
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.errors import FailedPrecondition, NotFound, ResourceExhausted, Unavailable
from meshtest.kubernetes.cluster import FakeCluster
from tests.workloads.kubernetes import WAIT, ClusterEngine, Managers
from tests.workloads.observed import key, shell
from workloads.feed import Feed
from workloads.launchers import Observation
from workloads.launchers.kubernetes.nodes import Node, too_large
from workloads.launchers.kubernetes.quantities import amount, requests_of
from workloads.launchers.kubernetes.settings import Allowed
from workloads.lifecycle import WorkloadState
from workloads.model import Secrets
from workloads.operations.workloads import Workloads
from workloads.pods import Pod as PodWish
from workloads.pods import Toleration
from workloads.pools import Cordon, Pool, Resource

GIB, TIB = 1 << 30, 1 << 40
CORDON = Cordon("ann@example.com", "new drivers", datetime(2026, 11, 22, 15, 4, tzinfo=UTC))
VISION = {"run": "projects/vision/runs/r"}
STEP = {"kind": "STEP", "step": "train", "attempt": 1} | VISION
# What looking at all pools may ask, however often: pods, and a queue with what is behind it.
LOOKS = {("list", "cluster/pods"), ("list", ""), ("get", "localqueues")}


@pytest.fixture
def cluster(managers: Managers) -> FakeCluster:
    return managers.cluster


def over(engine: ClusterEngine) -> Workloads:
    """What workspaces reach of a launcher."""
    feed = Feed()

    def hear(observation: Observation) -> None:
        feed.hear(observation)
        engine.hear(observation)

    engine.launcher.observe(hear)
    return Workloads(engine.launcher, feed)


async def pool(engine: ClusterEngine, id_: str = "weft-runs") -> Pool:
    [found] = [each for each in await engine.launcher.pools() if each.id == id_]
    return found


def of(found: Pool, name: str) -> Resource:
    [resource] = [each for each in found.resources if each.name == name]
    return resource


def test_quantities_are_read_as_kubernetes_writes_them():
    written = {"1500m": 1500, "2": 2000, "0.1": 100, "1e3": 1_000_000, "1k": 1_000_000}
    assert {text: amount("cpu", text) for text in written} == written
    assert amount("memory", "64Gi") == 64 * GIB
    assert amount("memory", "1E") == 10**18
    assert (amount("cpu", "1u"), amount("cpu", "1u", up=True)) == (0, 1)
    with pytest.raises(ValueError, match="no quantity"):
        amount("memory", "much")


@given(st.integers(0, 1 << 50), st.sampled_from(["", "Ki", "Mi", "k", "M"]))
@settings(max_examples=30)
def test_whole_numbers_stay_what_they_are(number, suffix):
    factor = {"": 1, "Ki": 1024, "Mi": 1024**2, "k": 1000, "M": 1000**2}[suffix]
    assert amount("memory", f"{number}{suffix}") == number * factor


def test_a_pod_asks_for_all_its_containers_or_for_the_largest_before_them():
    def box(cpu: str, **rest: str) -> dict:
        return {"resources": {"requests": {"cpu": cpu}}} | rest

    spec = {"containers": [box("1"), box("500m")], "overhead": {"cpu": "100m"}}
    assert requests_of({"spec": spec}) == {"cpu": 1600}
    spec["initContainers"] = [box("4"), box("250m", restartPolicy="Always")]
    assert requests_of({"spec": spec}) == {"cpu": 4100}
    spec["resources"] = {"requests": {"cpu": "6"}}
    assert requests_of({"spec": spec}) == {"cpu": 6100}
    assert requests_of({"spec": {"containers": [{}]}}) == {}


def test_a_node_is_too_small_only_if_it_could_never_take_it():
    gpu = Node("gpu", {"zone": "a"}, [{"key": "team", "value": "x", "effect": "NoSchedule"}],
               {"cpu": 8000, "memory": 8 * GIB, "nvidia.com/gpu": 1}, is_open=False)  # fmt: skip
    plain = Node("plain", {}, [], {"cpu": 2000, "memory": 64 * GIB}, is_open=True)
    nodes, tolerant = [gpu, plain], [{"key": "team", "value": "x"}]
    assert too_large({"cpu": 2000}, nodes, {}, []) == ""
    assert "largest node has 2 cores" in too_large({"cpu": 4000}, nodes, {}, [])
    assert too_large({"cpu": 4000}, nodes, {}, tolerant) == ""
    assert "any nvidia.com/gpu" in too_large({"nvidia.com/gpu": 1}, nodes, {}, [])
    both = {"cpu": 4000, "memory": 32 * GIB}
    assert "no node has all of that" in too_large(both, nodes, {}, tolerant)
    assert "labels zone=b" in too_large({}, nodes, {"zone": "b"}, tolerant)
    own = replace(gpu, taints=[{"key": "nvidia.com/gpu", "effect": "NoExecute"}])
    assert too_large({"nvidia.com/gpu": 1}, [own], {}, []) == ""
    assert too_large({"cpu": 1}, [own], {}, [])
    assert too_large({"cpu": 1}, [own], {}, [{"operator": "Exists"}]) == ""
    assert too_large({"cpu": 1}, [own], {}, [{"operator": "Exists", "effect": "NoSchedule"}])


async def test_a_pool_says_what_there_is_what_is_used_and_what_waits(managers, cluster):
    cluster.add_quota("team", {"requests.cpu": "10", "pods": "50"}, {"requests.cpu": "2"})
    cluster.add_node("closed", cpu="8", memory="512Gi")
    cluster.api.cluster.change("nodes", "closed", lambda n: n["spec"].update(unschedulable=True))
    taint = {"key": "others", "effect": "NoSchedule"}
    cluster.add_node("theirs", cpu="999", taints=[taint])
    engine = await managers.open()
    stranger = {"containers": [{"resources": {"requests": {"cpu": "3"}}}], "nodeName": "node-1"}
    metadata = {"metadata": {"name": "other"}, "kind": "Pod"}
    status = {"status": {"phase": "Running"}}
    theirs, kubelet = cluster.add_namespace("theirs")
    kubelet._tasks["other"] = asyncio.create_task(asyncio.sleep(0))
    theirs.create("pods", {"spec": stranger} | metadata | status)
    await engine.start("w", WAIT, cpu_millis=2000, gpu_count=1)
    cluster.kubelet.millis = 0
    await engine.launcher.launch(key("next"), shell("true", cpu_millis=4000), Secrets())
    await engine.until(lambda: "Insufficient" in engine.known[key("next")].reason)
    found = await pool(engine)
    assert (found.running, found.queued, found.unseen) == (1, 1, ())
    assert of(found, "cpu") == Resource("cpu", 64_000, 5000, 2000, 4000, 10_000)
    assert of(found, "memory").largest == 512 * GIB
    assert of(found, "memory").allocatable == 256 * GIB
    assert of(found, "nvidia.com/gpu") == Resource("nvidia.com/gpu", 8, 1, 1, 0, 8)
    limits = [(limit.source, limit.resource, limit.limit, limit.used) for limit in found.limits]
    assert ("ResourceQuota team", "cpu", 10_000, 2000) in limits
    assert ("ResourceQuota team", "pods", 50, None) in limits
    await engine.launcher.cancel(key("w"), grace_s=0, reason="cancelled")
    await engine.launcher.cancel(key("next"), grace_s=0, reason="cancelled")


def asked(cluster: FakeCluster) -> Counter[tuple[str, str]]:
    """What was asked for, without the lease, which is renewed at its own times."""
    calls = cluster.api.calls.items()
    return Counter({call: count for call, count in calls if call[1] != "leases"})


async def test_looking_asks_the_cluster_once_and_submitting_asks_nothing(managers, cluster):
    cluster.add_queue("team", "gpus", {"cpu": "8"})
    engine = await managers.open(queues={"vision": "team"}, allowed=Allowed(queues=["team"]))
    before = asked(cluster)
    for _ in range(5):
        await engine.launcher.pools()
    made = {call: n for call, n in (asked(cluster) - before).items() if call[0] != "watch"}
    assert made == dict.fromkeys({*LOOKS, ("get", "cluster/clusterqueues")}, 1)
    before = asked(cluster)
    assert engine.launcher.lacking(shell("true", memory_bytes=10 * TIB))
    assert engine.launcher.pool_of(shell("true")) == ("weft-runs", None)
    assert asked(cluster) == before


async def test_what_may_not_be_seen_is_said_and_never_zero(managers, cluster):
    for right in [each for each in cluster.api.allowed if each[1].startswith("cluster/")]:
        del cluster.api.allowed[right]
    engine = await managers.open(queue="team")
    await engine.launcher.launch(key("w"), shell("true", cpu_millis=1000), Secrets())
    found = await pool(engine, "weft-runs--team")
    assert of(found, "cpu") == Resource("cpu", queued=1000)
    said = " ".join(found.unseen)
    assert "Nodes cannot be seen: nodes is forbidden" in said.replace("cluster/", "")
    assert "others ask for cannot be seen" in said
    assert "Kueue is not installed" in said
    assert engine.launcher.lacking(shell("true", memory_bytes=10 * TIB)) is None


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"memory_bytes": 10 * TIB}, "10 TiB of memory, and the largest node has 256 GiB"),
        ({"cpu_millis": 65_000}, "65 cores, and the largest node has 64 cores"),
        ({"gpu_count": 9}, "9 nvidia.com/gpu, and the largest node has 8"),
        ({"gpu_count": 1, "gpu_resource": "habana.ai/gaudi"}, "any habana.ai/gaudi"),
        ({"pod": PodWish(node_selector={"gpu": "h100"})}, "No node with the labels gpu=h100"),
    ],
)
async def test_what_no_node_could_ever_give_is_refused_at_once(managers, cluster, wish, words):
    assert cluster.kubelet  # a real cluster has its own nodes
    engine = await managers.open()
    with pytest.raises(FailedPrecondition, match=words) as caught:
        await over(engine).submit(key("w"), shell("true", **wish), Secrets())
    assert caught.value.reason == "RESOURCES_TOO_LARGE"
    assert await over(engine).validate(shell("true", **wish), Secrets()) == [caught.value.message]
    assert cluster.jobs() == []


async def test_where_nodes_may_be_added_it_is_a_warning(managers, cluster):
    cluster.add_quota("team", {"limits.memory": "20Ti"}, {})
    engine = await managers.open(can_grow=True)
    too_much, far_too_much = (shell("true", memory_bytes=n * TIB) for n in (10, 30))
    [warning, refusal] = await engine.launcher.fits([too_much, far_too_much])
    assert warning.is_warning
    assert not refusal.is_warning
    assert "the quota team gives 20 TiB of memory to all" in refusal.problem
    workload, _ = await over(engine).submit(key("w"), too_much, Secrets())
    assert workload.state is WorkloadState.PENDING
    await engine.launcher.cancel(key("w"), grace_s=0, reason="cancelled")


async def test_a_queue_of_kueue_shows_its_quota_and_bounds_what_one_may_ask(managers, cluster):
    cluster.add_queue("team", "gpus", {"cpu": "8", "nvidia.com/gpu": "2"}, used={"cpu": "3"})
    cluster.add_queue("shared", "pooled", {"cpu": "1"}, cohort="all")
    engine = await managers.open(queue="team", queues={"vision": "shared"})
    found = await pool(engine, "weft-runs--team")
    limits = {limit.resource: (limit.source, limit.limit, limit.used) for limit in found.limits}
    assert limits["cpu"] == ("ClusterQueue gpus", 8000, 3000)
    assert of(found, "nvidia.com/gpu").largest == 2
    many = [shell("true", gpu_count=4), shell("true", cpu_millis=4000, **VISION), shell("true")]
    [problem, *fine] = await engine.launcher.fits(many)
    assert problem.problem.endswith("the queue team gives 2 nvidia.com/gpu at most.")
    assert fine == [None, None]
    assert (await pool(engine, "weft-runs--shared")).projects == ("vision",)


async def test_a_cordoned_pool_takes_no_runs_and_what_is_under_way_goes_on(managers, cluster):
    engine = await managers.open()
    await over(engine).submit(key("old"), shell(WAIT, **VISION), Secrets())
    await engine.reaches("old", "RUNNING")
    await engine.launcher.cordon("weft-runs", CORDON)
    door = over(engine)
    with pytest.raises(ResourceExhausted) as caught:
        await door.submit(key("new"), shell("true"), Secrets())
    assert caught.value.reason == "POOL_CORDONED"
    assert "ann@example.com at 2026-11-22 15:04 UTC: new drivers" in caught.value.message
    assert engine.known[key("old")].state is WorkloadState.RUNNING
    await door.submit(key("step"), shell("true", **STEP), Secrets())
    assert (await engine.ended("step")).state is WorkloadState.SUCCEEDED
    again, _ = await door.submit(key("old"), shell(WAIT, **VISION), Secrets())
    assert again.state is WorkloadState.RUNNING
    await engine.launcher.cordon("weft-runs", None)
    await door.submit(key("new"), shell("true"), Secrets())
    assert (await engine.ended("new")).state is WorkloadState.SUCCEEDED
    await engine.launcher.cancel(key("old"), grace_s=0, reason="cancelled")


async def test_a_cordon_holds_for_every_replica_and_for_the_next_manager(managers, cluster):
    own, _ = cluster.add_namespace("vision")
    looks = {"namespaces": {"vision": "vision"}}
    one, other = await managers.open(**looks), await managers.open(**looks)
    await one.launcher.cordon("vision", CORDON)
    spec = shell("true", **VISION)
    await other.has(lambda: other.launcher.pool_of(spec)[1] == CORDON)
    assert other.launcher.pool_of(shell("true")) == ("weft-runs", None)
    await one.close()
    third = await managers.open(**looks)
    assert third.launcher.pool_of(spec) == ("vision", CORDON)
    assert (await pool(third, "vision")).cordon == CORDON
    assert own.all("configmaps") == []


async def test_a_cordon_that_people_wrote_by_hand_is_one(managers, cluster):
    words = {"data": {"weft-runs": "closed, says the operator"}}
    cluster.store.change("configmaps", "weft-pools", lambda c: c.update(copy.deepcopy(words)))
    engine = await managers.open()
    _, cordon = engine.launcher.pool_of(shell("true"))
    assert (cordon.creator, cordon.reason) == (
        "somebody in the cluster",
        words["data"]["weft-runs"],
    )


async def test_a_cordon_that_cannot_be_kept_is_refused_with_a_remedy(managers, cluster):
    engine = await managers.open()
    with pytest.raises(NotFound):
        await engine.launcher.cordon("never", CORDON)
    cluster.api.faults = [503]
    with pytest.raises(Unavailable):
        await engine.launcher.cordon("weft-runs", CORDON)
    cluster.store.remove("configmaps", "weft-pools")
    with pytest.raises(FailedPrecondition, match="kubectl create configmap weft-pools") as caught:
        await engine.launcher.cordon("weft-runs", CORDON)
    assert caught.value.reason == "CORDON_NOT_KEPT"
    del cluster.api.allowed["patch", "configmaps"]
    with pytest.raises(FailedPrecondition, match="let the manager patch"):
        await engine.launcher.cordon("weft-runs", CORDON)
    assert engine.launcher.pool_of(shell("true"))[1] is None


async def test_poison_among_nodes_and_quotas_hides_nothing_else(managers, cluster):
    cluster.add_quota("poison", {"cpu": "much"}, {})
    cluster.api.cluster.create("nodes", {"metadata": {"name": "p"}, "spec": {"taints": [{}]}})
    engine = await managers.open(allowed=Allowed(taints=["others"]))
    found = await pool(engine)
    assert of(found, "cpu").allocatable == 64_000
    assert json.dumps(found.unseen) == "[]"


@pytest.mark.parametrize(
    ("allowed", "name", "is_taken"),
    [
        (Allowed(), "amd.com/gpu", True),
        (Allowed(), "nvidia.com/gpu", True),
        (Allowed(), "example.com/fpga", False),
        (Allowed(gpu_resources=[]), "nvidia.com/gpu", True),
        (Allowed(gpu_resources=[]), "amd.com/gpu", False),
        (Allowed(gpu_resources=["nvidia.com/mig-*"]), "nvidia.com/mig-1g.5gb", True),
        (Allowed(gpu_resources=["nvidia.com/mig-*"]), "nvidia.com/other", False),
    ],
)
async def test_devices_are_those_that_the_operator_allows(
    managers, cluster, allowed, name, is_taken
):
    cluster.add_node("all", **{"cpu": "1", name: "4"})
    engine = await managers.open(allowed=allowed)
    problems = await over(engine).validate(shell("true", gpu_count=1, gpu_resource=name), Secrets())
    assert bool(problems) != is_taken
    assert all(name in problem for problem in problems)


def test_a_toleration_without_effect_tolerates_every_one():
    taints = [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoExecute"}]
    node = Node("n", {}, taints, {}, is_open=True)
    assert node.takes({}, [{"key": "a", "operator": "Exists"}])
    assert not node.takes({}, [{"key": "a", "operator": "Exists", "effect": "NoExecute"}])
    assert Toleration("a").effect == ""
