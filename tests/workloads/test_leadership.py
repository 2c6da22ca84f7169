"""Which of several managers leads: a Lease of the cluster, and a clock that the test moves."""

from datetime import UTC, datetime

import pytest

from meshtest.kubernetes.cluster import FakeCluster
from tests.workloads.kubernetes import Managers
from workloads.launchers.kubernetes.api import connect
from workloads.launchers.kubernetes.leadership import Leadership

NAME = "weft-leader"


class StoppedClock:
    """The monotonic clock of one machine."""

    def __init__(self, at: float) -> None:
        self.at = at

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.at


class Candidate(Leadership):
    """A manager whose time goes when the test says so."""

    def __init__(self, cluster, start: float) -> None:
        self.clock = StoppedClock(start)
        super().__init__(cluster, "weft", self.clock)

    async def after(self, seconds: float) -> bool:
        self.clock.at += seconds
        await self.step()
        return self.holds()


@pytest.fixture
def cluster(managers: Managers) -> FakeCluster:
    return managers.cluster


@pytest.fixture
async def candidates(cluster: FakeCluster):
    # On a real cluster the Lease belongs to whoever runs there: only the fake has a store.
    assert cluster.store.find("leases", NAME)
    access = await connect(cluster.namespace, kubeconfig=str(cluster.kubeconfig))
    # Machines that started at different times: their clocks have nothing to do with each other.
    yield [Candidate(access, start) for start in (5.0, 90_000.0)]
    await access.close()


@pytest.fixture
def spec(cluster: FakeCluster):
    return lambda: cluster.store.find("leases", NAME)["spec"]


async def test_one_leads_and_the_other_waits_until_it_is_silent_for_the_whole_lease(
    candidates, spec
):
    one, two = candidates
    assert await one.after(0)
    held = spec()
    assert held["leaseTransitions"] == 1
    for _ in range(20):
        assert await one.after(5)
        assert not await two.after(5)
    assert spec()["acquireTime"] == held["acquireTime"] == held["renewTime"] < spec()["renewTime"]
    assert not await two.after(29)
    assert await two.after(1)
    assert spec()["leaseTransitions"] == 2


async def test_a_manager_that_was_paused_past_its_lease_leads_no_more_before_it_asks(
    candidates,
):
    one, two = candidates
    assert await one.after(0)
    one.clock.at += 19
    assert one.holds()
    one.clock.at += 1
    assert not one.holds()
    await two.after(0)
    assert await two.after(30)
    # What the first one writes is of a state that is over.
    assert not await one.after(0)
    assert two.holds()
    assert not await one.after(29)


async def test_one_that_cannot_renew_leads_until_its_lease_runs_out_and_then_takes_it_again(
    candidates, cluster
):
    one, _ = candidates
    assert await one.after(0)
    cluster.api.is_down = True
    assert await one.after(10)
    assert not await one.after(10)
    cluster.api.is_down = False
    assert await one.after(1)


async def test_an_answer_that_was_lost_costs_a_turn_and_nothing_else(candidates, cluster):
    one, _ = candidates
    assert await one.after(0)
    later = {"renewTime": "2026-01-01T00:00:00.000000Z"}
    cluster.store.change("leases", NAME, lambda lease: lease["spec"].update(later))
    assert not await one.after(5)
    assert await one.after(5)


async def test_whoever_goes_lets_the_next_one_lead_at_once(candidates, spec):
    one, two = candidates
    assert await one.after(0)
    assert not await two.after(0)
    await one.release()
    assert not one.holds()
    assert await two.after(0)
    await one.release()
    assert two.holds()
    assert spec()["holderIdentity"]


async def test_of_two_that_write_at_the_same_moment_one_leads(candidates, cluster):
    one, two = candidates
    seen = cluster.store.find("leases", NAME)
    assert await one.after(0)
    two._mine = seen
    assert not await two.after(0)
    assert one.holds()


async def test_without_a_lease_or_the_right_to_it_every_manager_leads(candidates, cluster):
    lease = cluster.store.remove("leases", NAME)
    assert [await each.after(0) for each in candidates] == [True, True]
    again = {"kind": "Lease", "apiVersion": lease["apiVersion"], "metadata": {"name": NAME}}
    cluster.store.create("leases", again)
    assert [await each.after(0) for each in candidates] == [True, False]
    del cluster.api.allowed["patch", "leases"]
    assert [await each.after(5) for each in candidates] == [True, False]
    del cluster.api.allowed["get", "leases"]
    assert [await each.after(5) for each in candidates] == [True, True]


async def test_managers_of_one_name_lead_one_after_the_other_and_those_of_another_beside_them(
    managers, cluster
):
    assert cluster.store.find("leases", NAME).get("spec") is None
    one = await managers.open()
    await one.has(one.launcher.leads)
    two, other = await managers.open(), await managers.open(manager="other")
    await other.has(other.launcher.leads)  # nobody made a Lease for it
    assert not two.launcher.leads()
    assert cluster.store.find("leases", NAME)["spec"]["holderIdentity"]
    await one.close()
    assert cluster.store.find("leases", NAME)["spec"]["holderIdentity"] == ""
