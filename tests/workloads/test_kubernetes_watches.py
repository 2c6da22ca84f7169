"""What the launcher hears and keeps: watches that go on where they were, and ends that are old."""

from datetime import UTC, datetime, timedelta

import pytest

from meshtest.clock import MovedClock
from meshtest.kubernetes.cluster import FakeCluster
from tests.workloads.kubernetes import ClusterEngine, Managers
from tests.workloads.observed import key
from workloads.feed import Feed
from workloads.lifecycle import WorkloadState
from workloads.model import Secrets
from workloads.retention import Retention


@pytest.fixture
def cluster(managers: Managers) -> FakeCluster:
    return managers.cluster


@pytest.fixture
async def engine(managers: Managers) -> ClusterEngine:
    return await managers.open()


async def test_a_watch_that_was_cut_goes_on_from_its_last_bookmark(engine, cluster):
    assert (await engine.run("before", "true")).state is WorkloadState.SUCCEEDED
    # News of others moves the version, of which a watch of Jobs hears by a bookmark alone.
    cluster.store.change("configmaps", "weft-pools", lambda t: t.update(data={"of": "others"}))
    space = engine.launcher._spaces[cluster.namespace]

    def are_up_to_date() -> bool:
        return {space.jobs._version, space._pods._version} == {str(cluster.store.version)}

    await engine.has(are_up_to_date)
    # What is older than the bookmark is forgotten: whoever went on from there had to list.
    cluster.store.compact()
    asked = cluster.api.calls.copy()
    cluster.api.cut()
    watches = {("watch", "jobs"), ("watch", "pods")}
    await engine.has(lambda: watches <= (cluster.api.calls - asked).keys())
    assert (await engine.run("after", "true")).state is WorkloadState.SUCCEEDED
    await engine.has(are_up_to_date)
    assert not {("list", "jobs"), ("list", "pods")} & (cluster.api.calls - asked).keys()


async def test_what_ended_long_ago_is_deleted_with_its_pod_and_its_secret(engine, cluster):
    await engine.run("old", "true", Secrets({"A": "b"}), ttl_s=60)
    await engine.run("kept", "true", Secrets({"A": "b"}), ttl_s=7200)
    [kept] = (job for job in cluster.jobs() if "-kept-" in job["metadata"]["name"])
    await engine.has(engine.launcher.leads)
    feed, clock = Feed(), MovedClock()
    engine.launcher.observe(feed.hear)
    retention = Retention(feed, engine.launcher, default_ttl_s=0, clock=clock)
    await retention.sweep()
    assert len(list(feed.all())) == 2
    clock.move_to(datetime.now(UTC) + timedelta(hours=1))
    await retention.sweep()
    assert [workload.key for workload in feed.all()] == [key("kept")]
    assert cluster.jobs() == [kept]

    def are_gone() -> bool:
        return len(cluster.pods()) == len(cluster.store.all("secrets")) == 1

    await engine.has(are_gone)
