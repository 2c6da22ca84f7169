"""Teams that follow the groups of an identity provider."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.controlplane.harness import (
    ORGANIZATION,
    Client,
    Plane,
    bind,
    refused,
    running,
)
from tests.controlplane.lying_provider import LyingProvider, lying
from tests.controlplane.sign_on import SETTINGS, SignIn, add_provider, name_of, set_provider
from weftapi.controlplane.v1 import access_pb2, members_pb2, teams_pb2
from weftapi.controlplane.v1 import identity_providers_pb2 as pb

ML, OPS = f"{ORGANIZATION}/teams/ml", f"{ORGANIZATION}/teams/ops"
MAPPINGS = [
    pb.GroupMapping(group="research", team=ML),
    pb.GroupMapping(group="platform", team=OPS),
    pb.GroupMapping(group="on-call", team=OPS),
]


@pytest.fixture
async def plane(tmp_path: Path, database_url: str) -> AsyncIterator[Plane]:
    async with running(tmp_path, database_url, **SETTINGS) as plane:
        yield plane


@pytest.fixture
async def honest(admin: Client) -> AsyncIterator[LyingProvider]:
    """A provider with groups; what it vouches for is true in these tests."""
    await make_team(admin, "ml")
    await make_team(admin, "ops")
    async with lying() as provider:
        fields = {"groups_claim": "groups", "group_mappings": MAPPINGS}
        await add_provider(admin, "okta", provider.issuer, **fields)
        yield provider


async def make_team(admin: Client, id_: str) -> None:
    request = teams_pb2.CreateTeamRequest(parent=ORGANIZATION, team_id=id_, team=teams_pb2.Team())
    await admin.teams.CreateTeam(request)


async def sign_in(plane: Plane, provider: LyingProvider, *groups: str) -> Client:
    flow = await SignIn.of(plane, "okta")
    return await flow.finish(provider.grant(await flow.begin(), groups=list(groups)))


async def members(admin: Client, team: str) -> set[str]:
    request = teams_pb2.ListTeamMembersRequest(parent=team)
    listed = (await admin.teams.ListTeamMembers(request)).team_members
    return {each.member for each in listed}


async def put_in(admin: Client, team: str, *who: str) -> None:
    await admin.teams.AddTeamMembers(teams_pb2.AddTeamMembersRequest(name=team, members=who))


async def test_teams_follow_the_groups_of_each_sign_in(
    plane: Plane, admin: Client, honest: LyingProvider
) -> None:
    grace = await sign_in(plane, honest, "research", "unmapped")
    assert (await members(admin, ML), await members(admin, OPS)) == ({grace.subject}, set())
    await sign_in(plane, honest, "platform", "on-call")
    assert (await members(admin, ML), await members(admin, OPS)) == (set(), {grace.subject})
    await sign_in(plane, honest)
    assert (await members(admin, ML), await members(admin, OPS)) == (set(), set())


async def test_what_a_team_holds_is_theirs_at_once(
    plane: Plane, admin: Client, honest: LyingProvider
) -> None:
    await bind(admin, ML, "viewer", ORGANIZATION)
    grace = await sign_in(plane, honest, "research")
    asked = access_pb2.TestPermissionsRequest(resource=ORGANIZATION, permissions=["runs.list"])
    assert (await grace.access.TestPermissions(asked)).permissions == ["runs.list"]
    # The earlier session sees it go too: grants are people's, not sessions'.
    await sign_in(plane, honest)
    assert (await grace.access.TestPermissions(asked)).permissions == []


async def test_whom_somebody_put_into_a_team_stays(
    plane: Plane, admin: Client, honest: LyingProvider
) -> None:
    grace = await sign_in(plane, honest)
    await put_in(admin, ML, grace.subject)
    await sign_in(plane, honest, "research")
    await sign_in(plane, honest)
    assert await members(admin, ML) == {grace.subject}


async def test_a_mapping_or_a_provider_that_goes_takes_its_people_along(
    plane: Plane, admin: Client, honest: LyingProvider
) -> None:
    grace = await sign_in(plane, honest, "research", "platform")
    await set_provider(admin, "okta", group_mappings=MAPPINGS[1:])
    await sign_in(plane, honest, "research", "platform")
    assert (await members(admin, ML), await members(admin, OPS)) == (set(), {grace.subject})
    delete = pb.DeleteIdentityProviderRequest(name=name_of("okta"))
    await admin.providers.DeleteIdentityProvider(delete)
    assert await members(admin, OPS) == set()


async def test_another_team_under_the_same_id_is_not_meant(
    plane: Plane, admin: Client, honest: LyingProvider
) -> None:
    await admin.teams.DeleteTeam(teams_pb2.DeleteTeamRequest(name=ML))
    await make_team(admin, "ml")
    await sign_in(plane, honest, "research")
    assert await members(admin, ML) == set()


async def test_the_last_administrator_does_not_go_with_a_group(
    plane: Plane, admin: Client, honest: LyingProvider
) -> None:
    """Refused rather than kept or dropped: the provider is the one to put right."""
    await bind(admin, OPS, "admin", ORGANIZATION)
    grace = await sign_in(plane, honest, "platform")
    ada = admin.subject.replace("users", f"{ORGANIZATION}/members")
    await grace.members.RemoveMember(members_pb2.RemoveMemberRequest(name=ada))
    flow = await SignIn.of(plane, "okta")
    brought = honest.grant(await flow.begin(), groups=[])
    assert await refused(flow.complete(brought)) == (
        "FAILED_PRECONDITION",
        "LAST_ADMINISTRATOR",
    )
    assert await members(grace, OPS) == {grace.subject}
