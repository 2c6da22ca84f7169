"""Several namespaces, several managers, and what others put beside what is ours."""

import asyncio
import copy

import pytest

from meshkit.errors import AlreadyExists, FailedPrecondition
from meshtest.kubernetes.cluster import FakeCluster
from tests.workloads.kubernetes import WAIT, Managers
from tests.workloads.observed import key, shell
from tests.workloads.test_restricted import whole
from workloads.launchers.kubernetes import manifests
from workloads.launchers.kubernetes.adoption import difference
from workloads.launchers.kubernetes.settings import KubernetesSettings
from workloads.lifecycle import WorkloadState
from workloads.model import Secrets

VISION = {"run": "projects/vision/runs/r"}


@pytest.fixture
def cluster(managers: Managers) -> FakeCluster:
    return managers.cluster


async def test_a_project_has_a_namespace_of_its_own(managers, cluster):
    own, _ = cluster.add_namespace("vision")
    settings = {"namespaces": {"vision": "vision"}}
    engine = await managers.open(**settings)
    assert (await engine.run("v", "echo there", **VISION)).exit.code == 0
    await engine.run("w", "true", run="projects/other/runs/r")
    assert [job["metadata"]["namespace"] for job in own.all("jobs")] == ["vision"]
    assert [job["metadata"]["namespace"] for job in cluster.jobs()] == ["weft-runs"]
    assert b"there" in await engine.log("v")
    again = await managers.open(**settings)
    assert again.known == engine.known
    await again.launcher.delete(key("v"))
    assert own.all("jobs") == []


async def test_one_that_moved_to_another_namespace_is_not_started_twice(managers, cluster):
    own, _ = cluster.add_namespace("vision")
    first = await managers.open()
    await first.launcher.launch(key("v"), shell(WAIT, **VISION), Secrets())
    second = await managers.open(namespaces={"vision": "vision"})
    await second.launcher.launch(key("v"), shell(WAIT, **VISION), Secrets())
    assert own.all("jobs") == []
    await second.launcher.cancel(key("v"), grace_s=0, reason="cancelled")
    await second.ended("v")


async def test_a_namespace_without_rights_is_refused_in_the_words_of_the_cluster(managers, cluster):
    own, _ = cluster.add_namespace("vision")
    engine = await managers.open(namespaces={"vision": "vision"})
    del cluster.api.stores["vision"]
    with pytest.raises(FailedPrecondition, match="jobs is forbidden"):
        await engine.launcher.launch(key("v"), shell("true", **VISION), Secrets())
    assert own.all("jobs") == []
    assert (await engine.run("w", "true")).state is WorkloadState.SUCCEEDED


async def test_a_copy_of_a_job_in_another_namespace_changes_nothing(managers, cluster):
    engine = await managers.open(namespaces={"other": "elsewhere"} if _add(cluster) else {})
    await engine.start("w", WAIT)
    [job] = cluster.jobs()
    stranger = copy.deepcopy({name: job[name] for name in ("kind", "metadata", "spec")})
    stranger["spec"]["suspend"] = True
    elsewhere = cluster.api.stores["elsewhere"]
    elsewhere.create("jobs", stranger)
    await engine.run("next", "true")
    elsewhere.remove("jobs", job["metadata"]["name"])
    await engine.run("last", "true")
    assert engine.known[key("w")].state is WorkloadState.RUNNING
    assert engine.known[key("w")].uid.hex == job["metadata"]["uid"].replace("-", "")


def _add(cluster: FakeCluster) -> bool:
    cluster.add_namespace("elsewhere")
    return True


async def test_managers_side_by_side_leave_each_other_alone(managers, cluster):
    one, two = await managers.open(manager="one"), await managers.open(manager="two")
    await one.run("a", "true")
    await two.run("b", "true")
    assert (set(one.known), set(two.known)) == ({key("a")}, {key("b")})
    with pytest.raises(AlreadyExists):
        await two.launcher.launch(key("a"), shell("false"), Secrets())


async def test_a_project_waits_in_its_own_queue(managers, cluster):
    engine = await managers.open(queue="all", queues={"vision": "vision-queue"})
    await engine.launcher.launch(key("v"), shell("true", **VISION), Secrets())
    assert engine.known[key("v")].reason == "It waits in the queue vision-queue of its cluster."
    await engine.launcher.launch(key("w"), shell("true"), Secrets())
    assert engine.known[key("w")].reason == "It waits in the queue all of its cluster."


async def test_a_pod_that_a_quota_refuses_waits_and_says_so(managers, cluster):
    quota = {"metadata": {"name": "team"}, "spec": {"hard": {"pods": "1"}}}
    cluster.store.create("resourcequotas", quota)
    engine = await managers.open()
    await engine.start("first", WAIT)
    await engine.launcher.launch(key("next"), shell("true"), Secrets())
    await engine.until(lambda: "exceeded quota: team" in engine.known[key("next")].reason)
    assert engine.known[key("next")].state is WorkloadState.PENDING
    # It is tried again and again, and each time refused.
    for number in range(12):
        cluster.store.change("resourcequotas", "team", lambda t, n=number: t.update(tried=n))
        await asyncio.sleep(0)
    event = manifests.job_name(key("next"), shell("true")) + ".10"
    await engine.has(lambda: "combined" in cluster.store.find("events", event)["message"])
    cluster.store.remove("events", event.removesuffix("0"))
    later = await managers.open()
    await later.until(lambda: "exceeded quota: team" in later.known[key("next")].reason)
    assert "combined" not in later.known[key("next")].reason
    await engine.launcher.cancel(key("first"), grace_s=0, reason="cancelled")
    assert (await engine.ended("next")).state is WorkloadState.SUCCEEDED


@pytest.mark.parametrize(
    "evil",
    [
        {"image": "evil.example/thief"},
        {"command": ["sh"]},
        {"env": []},
        {"lifecycle": {"postStart": {"exec": {"command": ["sh"]}}}},
    ],
)
async def test_a_job_that_somebody_put_in_our_place_gets_no_secret(managers, cluster, evil):
    engine = await managers.open()
    looks = KubernetesSettings(image="weft", grace_s=5)
    secrets = Secrets({"WEFT_RUN_TOKEN_FILE": "canary"})
    planted = manifests.job(key("w"), shell("true"), secrets, looks)
    planted["spec"]["template"]["spec"]["containers"][0] |= evil
    planted["spec"]["suspend"] = True
    cluster.store.create("jobs", planted)
    with pytest.raises(FailedPrecondition, match="that is not ours"):
        await engine.launcher.launch(key("w"), shell("true"), secrets)
    assert cluster.store.all("secrets") == []


async def test_poison_of_every_kind_keeps_the_watch_alive(managers, cluster):
    engine = await managers.open()
    labels = manifests.labels_of(key("w"), KubernetesSettings(image="weft"))
    for number, spec in enumerate(("[" * 100_000, '{"args": 7}', "\ud83d", "null", "{}")):
        metadata = {"name": f"p{number}", "labels": labels, "annotations": {manifests.SPEC: spec}}
        job = {"kind": "Job", "metadata": metadata, "spec": {"suspend": True}}
        cluster.store.create("jobs", job)
    cluster.kubelet._tasks["poison"] = asyncio.create_task(asyncio.sleep(0))
    owner = {"kind": "Job", "name": "p0", "uid": "x", "controller": True}
    metadata = {"name": "poison", "labels": labels, "ownerReferences": [owner]}
    cluster.store.create("pods", {"kind": "Pod", "metadata": metadata, "spec": {}, "status": {}})
    event = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Job"}, "reason": "FailedCreate"}
    cluster.store.create("events", event)
    assert (await engine.run("good", "true")).state is WorkloadState.SUCCEEDED
    assert set(engine.known) == {key("good")}


def test_what_an_api_server_adds_makes_a_job_no_stranger():
    job, _ = whole()
    found = copy.deepcopy(job)
    found["metadata"] |= {"uid": "x", "generation": 1, "namespace": "n", "managedFields": [{}]}
    found["metadata"]["labels"]["added.example/by"] = "admission"
    found["spec"] |= {"completionMode": "NonIndexed", "selector": {"matchLabels": {"a": "b"}}}
    found["spec"] |= {"manualSelector": False, "suspend": False}
    found["status"] = {"ready": 0}
    template = found["spec"]["template"]
    template["metadata"]["creationTimestamp"] = None
    template["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] = "x"
    pod = template["spec"]
    pod |= {"dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler"}
    pod |= {"serviceAccount": "runs"}
    box = pod["containers"][0]
    box |= {"imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log"}
    box |= {"terminationMessagePolicy": "File"}
    box["resources"]["limits"]["cpu"] = "1"
    for volume in pod["volumes"]:
        if "configMap" in volume:
            volume["configMap"]["defaultMode"] = 420
        if "emptyDir" in volume:
            volume["emptyDir"]["sizeLimit"] = "10Gi"
    assert difference(job, found) == ""


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "template", "spec", "hostNetwork"), True),
        (("spec", "template", "spec", "initContainers"), [{"name": "x"}]),
        (("spec", "template", "spec", "automountServiceAccountToken"), True),
        (("spec", "template", "spec", "securityContext", "runAsUser"), 0),
        (("spec", "template", "spec", "volumes"), []),
        (("metadata", "annotations", manifests.SPEC), "{}"),
    ],
)
def test_what_nobody_adds_makes_a_job_a_stranger(path, value):
    job, _ = whole()
    found = copy.deepcopy(job)
    *way, last = path
    place = found
    for step in way:
        place = place[step]
    place[last] = value
    assert difference(job, found)
    del place[last]
    assert difference(job, found) or last in ("hostNetwork", "initContainers")
