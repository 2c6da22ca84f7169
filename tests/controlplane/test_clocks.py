"""Clocks an hour off, and clocks set right (F10); what is revoked stays dead all the same."""

import asyncio
from pathlib import Path

import pytest

from tests.controlplane.harness import Client
from tests.controlplane.linked import OK, PATIENCE_S, W1, Visitor, World, together, until
from weftapi.controlplane.v1 import auth_pb2

INVALID = "INVALID_CREDENTIAL"
_DAY_S = 24 * 3600
# Beyond the 30 seconds of skew, and within; tokens say whole seconds, and tests take some.
_BEYOND_S, _WITHIN_S = 35, 10


async def viewer(world: World) -> Client:
    return await world.plane.new_user(world.admin, "vi@example.com", role="viewer", resource=W1)


def step(world: World, hours: int) -> None:
    """Both clocks are set: wrong, or right again."""
    for clock in (world.plane.clock, world.clock):
        clock.step(hours=hours)


async def end_session(world: World, person: Client) -> None:
    anyone = await world.plane.edge()
    token = person.tokens.refresh_token
    await anyone.auth.RevokeToken(auth_pb2.RevokeTokenRequest(token=token))


async def shut_out(visitor: Visitor) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await visitor.hears() == OK:  # noqa: ASYNC110 - as a client would
            await asyncio.sleep(0.01)
    assert await visitor.hears() == INVALID


async def test_a_token_from_the_future_waits(tmp_path: Path, database_url: str) -> None:
    async with together(tmp_path, database_url) as world:
        person = await viewer(world)
        known = await (await world.visitor(person)).let_in()
        world.plane.clock.step(hours=1)
        early = await world.visitor(await world.plane.sign_in("vi@example.com"))
        assert await early.hears() == INVALID
        world.clock.advance(seconds=3600 - _BEYOND_S - _WITHIN_S)
        assert await early.hears() == INVALID
        world.clock.advance(seconds=_BEYOND_S)
        assert await early.hears() == OK
        assert await known.hears() == OK


async def test_a_token_from_the_past_ends_early(tmp_path: Path, database_url: str) -> None:
    async with together(tmp_path, database_url) as world:
        await viewer(world)
        world.plane.clock.step(hours=-1)
        late = await (await world.visitor(await world.plane.sign_in("vi@example.com"))).let_in()
        world.clock.advance(seconds=_DAY_S - 3600 - _WITHIN_S)
        assert await late.hears() == OK
        world.clock.advance(seconds=_WITHIN_S + _BEYOND_S)
        assert await late.hears() == INVALID


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_policy_ages_by_the_clock_of_its_reader(
    tmp_path: Path, sqlite_url: str, hours: int
) -> None:
    async with together(tmp_path, sqlite_url, policy_max_age_s=7200) as world:
        person = await viewer(world)
        visitor = await (await world.visitor(person)).let_in()
        world.plane.clock.step(hours=hours)
        await world.cut()
        await world.cable.mend()
        await until(lambda: world.is_linked)
        assert await visitor.hears() == OK
        await world.cut()
        world.clock.advance(seconds=7200 - 60)
        assert await visitor.hears() == OK
        world.clock.advance(seconds=120)
        assert await visitor.hears() == "POLICY_EXPIRED"


@pytest.mark.parametrize("hours", [1, -1])
async def test_what_is_revoked_stays_dead_when_the_clock_is_set_right(
    tmp_path: Path, database_url: str, hours: int
) -> None:
    """Also what was signed in an hour that is still to come."""
    async with together(tmp_path, database_url) as world:
        await viewer(world)
        step(world, hours)
        person = await world.plane.sign_in("vi@example.com")
        visitor = await (await world.visitor(person)).let_in()
        step(world, -hours)
        await end_session(world, person)
        await shut_out(visitor)
        for _ in range(3):
            world.advance(minutes=45)
            assert await visitor.hears() == INVALID


async def test_nothing_is_served_after_the_revision_that_revokes(
    tmp_path: Path, database_url: str
) -> None:
    """End to end, by the policy's own revision: no request that began after it came is served."""
    async with together(tmp_path, database_url) as world:
        person = await viewer(world)
        visitor = await (await world.visitor(person)).let_in()
        policies = world.workspace.policies
        heard: list[tuple[int, str]] = []

        async def ask() -> None:
            while len(heard) < 20 or heard[-20][1] == OK:
                before = policies.policy_revision
                heard.append((before, await visitor.hears()))

        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as asking:
            for _ in range(4):
                asking.create_task(ask())
            await end_session(world, person)
        revoking = policies.policy_revision
        after = {reason for revision, reason in heard if revision >= revoking}
        assert after == {INVALID}
        assert OK in {reason for _, reason in heard}
