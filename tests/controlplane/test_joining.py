"""One person who comes in through two replicas at the same moment comes in once."""

import asyncio
from pathlib import Path
from typing import Any

from tests.controlplane.fake_github import Account, FakeGitHub
from tests.controlplane.harness import Client, Plane, running
from tests.controlplane.lying_provider import lying
from tests.controlplane.sign_on import GITHUB, SETTINGS, SignIn, add_provider
from tests.controlplane.test_members import call as of_member
from tests.controlplane.test_members import members, name_of


async def sign_in(plane: Plane, github: FakeGitHub) -> Client:
    flow = await SignIn.of(plane, "github")
    return await flow.finish(github.authorize(await flow.begin(), Account(7, "grace")))


async def test_who_signs_in_twice_at_once_joins_once(tmp_path: Path, postgres_url: str) -> None:
    async with (
        running(tmp_path, postgres_url, **SETTINGS) as one,
        running(tmp_path, postgres_url, **SETTINGS) as two,
        lying(FakeGitHub()) as github,
    ):
        admin = await one.set_up()
        await add_provider(admin, "github", github.issuer, kind=GITHUB)
        grace = await sign_in(one, github)
        for _ in range(5):
            await of_member(admin, "RemoveMember", name_of(grace))
            flows = [await SignIn.of(plane, "github") for plane in (one, two)]
            brought = [github.authorize(await flow.begin(), Account(7, "grace")) for flow in flows]
            calls: list[Any] = [
                flow.complete(each) for flow, each in zip(flows, brought, strict=True)
            ]
            # Both come in: nobody hears of the other.
            await asyncio.gather(*calls)
            assert len((await members(admin)).members) == 2
