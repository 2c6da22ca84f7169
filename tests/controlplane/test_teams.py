"""TeamService: who is in a team holds what it holds, and the guards see through it."""

import asyncio
from typing import Any
from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask

from tests.controlplane.harness import ORGANIZATION, WORKSPACE, Client, Plane, bind, refused
from tests.controlplane.test_access import DENIED, W1, bindings, delete, organization
from weftapi.controlplane.v1 import auth_pb2, teams_pb2

ML = f"{ORGANIZATION}/teams/ml"
MISSING = ("NOT_FOUND", "RESOURCE_NOT_FOUND")
ESCALATION = ("PERMISSION_DENIED", "PRIVILEGE_ESCALATION")
LAST = ("FAILED_PRECONDITION", "LAST_ADMINISTRATOR")


async def make(client: Client, team: str = "ml", **fields: str) -> teams_pb2.Team:
    request = teams_pb2.CreateTeamRequest(
        parent=ORGANIZATION, team_id=team, team=teams_pb2.Team(**fields)
    )
    return await client.teams.CreateTeam(request)


def add(client: Client, *members: str, team: str = ML) -> Any:
    return client.teams.AddTeamMembers(teams_pb2.AddTeamMembersRequest(name=team, members=members))


def remove(client: Client, *members: str, team: str = ML) -> Any:
    request = teams_pb2.RemoveTeamMembersRequest(name=team, members=members)
    return client.teams.RemoveTeamMembers(request)


def members(client: Client, team: str = ML, **page: Any) -> Any:
    return client.teams.ListTeamMembers(teams_pb2.ListTeamMembersRequest(parent=team, **page))


def drop(client: Client, team: str = ML, **fields: str) -> Any:
    return client.teams.DeleteTeam(teams_pb2.DeleteTeamRequest(name=team, **fields))


async def test_teams_are_made_listed_changed_and_deleted(plane: Plane, admin: Client) -> None:
    made = await make(admin, display_name="Machine learning")
    await make(admin, "ops")
    again = teams_pb2.CreateTeamRequest(parent=ORGANIZATION, team_id="ml")
    assert await refused(admin.teams.CreateTeam(again)) == ("ALREADY_EXISTS", "RESOURCE_EXISTS")
    assert await admin.teams.GetTeam(teams_pb2.GetTeamRequest(name=ML)) == made
    listing = teams_pb2.ListTeamsRequest(parent=ORGANIZATION, page_size=1)
    first = await admin.teams.ListTeams(listing)
    listing.page_token = first.next_page_token
    second = await admin.teams.ListTeams(listing)
    assert [team.name for team in (*first.teams, *second.teams)] == [
        ML,
        f"{ORGANIZATION}/teams/ops",
    ]
    change = teams_pb2.UpdateTeamRequest(
        team=teams_pb2.Team(name=ML, description="Models", etag=made.etag),
        update_mask=FieldMask(paths=["description"]),
    )
    changed = await admin.teams.UpdateTeam(change)
    assert (changed.display_name, changed.description) == ("Machine learning", "Models")
    assert changed.etag != made.etag
    assert await refused(admin.teams.UpdateTeam(change)) == ("ABORTED", "ETAG_MISMATCH")
    assert await refused(drop(admin, etag=made.etag)) == ("ABORTED", "ETAG_MISMATCH")
    await drop(admin, etag=changed.etag)
    for call in (
        drop(admin),
        members(admin),
        add(admin, admin.subject),
        remove(admin, admin.subject),
        admin.teams.GetTeam(teams_pb2.GetTeamRequest(name=ML)),
        admin.teams.UpdateTeam(change),
    ):
        assert await refused(call) == MISSING


async def test_members_hold_what_the_team_holds(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    bob = await plane.new_user(admin, "bob@example.com")
    await make(admin)
    granted = await bind(admin, ML, "viewer", ORGANIZATION)
    assert await refused(organization(bob)) == DENIED
    added = await add(admin, bob.subject)
    assert [member.member for member in added.team_members] == [bob.subject]
    assert list((await members(bob)).team_members) == list(added.team_members)
    assert (await organization(bob)).name == ORGANIZATION
    told = await bob.auth.GetCurrentPrincipal(auth_pb2.GetCurrentPrincipalRequest())
    assert [held.role for held in told.roles] == [granted.role]
    again = await add(admin, bob.subject)
    assert list(again.team_members) == list(added.team_members)
    await remove(admin, bob.subject)
    await remove(admin, bob.subject)
    assert await refused(organization(bob)) == DENIED
    assert not (await members(admin)).team_members


async def test_a_deleted_team_leaves_nothing_to_the_next_of_its_name(
    plane: Plane, admin: Client
) -> None:
    bob = await plane.new_user(admin, "bob@example.com")
    await make(admin)
    await bind(admin, ML, "viewer", ORGANIZATION)
    await add(admin, bob.subject)
    await drop(admin)
    assert await refused(organization(bob)) == DENIED
    assert not (await bindings(admin, filter=f'subject = "{ML}"')).role_bindings
    await make(admin)
    await add(admin, bob.subject)
    assert await refused(organization(bob)) == DENIED


async def test_members_belong_to_the_organization(plane: Plane, admin: Client) -> None:
    await make(admin)
    bob = await plane.new_user(admin, "bob@example.com")
    for stranger in (f"users/{uuid4()}", "users/me", f"{ORGANIZATION}/serviceAccounts/none"):
        assert await refused(add(admin, bob.subject, stranger)) == MISSING
    # All of them, or none.
    assert not (await members(admin)).team_members
    # Teams hold no teams.
    for subject in (ML, "organizations/default/teams/ops", "users/", "x"):
        assert (await refused(add(admin, subject)))[0] == "INVALID_ARGUMENT"
    assert await refused(add(admin, "")) == ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    assert (await refused(add(admin)))[0] == "INVALID_ARGUMENT"


async def test_a_team_cannot_lift_anybody_above_whoever_fills_it(
    plane: Plane, admin: Client
) -> None:
    """A custom role lets somebody manage members without letting them make administrators."""
    from tests.controlplane.test_roles import make as make_role

    await make_role(admin, "keeper", "teamMembers.add", "teamMembers.remove", "teams.delete")
    keeper = await plane.new_user(admin, "k@example.com", role="keeper")
    bob = await plane.new_user(admin, "bob@example.com")
    await make(admin)
    await add(keeper, bob.subject)
    await remove(keeper, bob.subject)
    await bind(admin, ML, "admin", ORGANIZATION)
    for member in (keeper.subject, bob.subject):
        assert await refused(add(keeper, member)) == ESCALATION
    await add(admin, keeper.subject, bob.subject)
    # As an administrator now, by the team.
    await remove(keeper, bob.subject)
    await remove(keeper, keeper.subject)
    await add(admin, bob.subject)
    assert await refused(remove(keeper, bob.subject)) == ESCALATION
    assert await refused(drop(keeper)) == ESCALATION
    viewer = await plane.new_user(admin, "v@example.com", role="viewer")
    for call in (add(viewer, viewer.subject), remove(viewer, bob.subject), drop(viewer)):
        assert await refused(call) == DENIED


async def test_whoever_administers_by_a_team_is_an_administrator(
    plane: Plane, admin: Client
) -> None:
    (own,) = (await bindings(admin)).role_bindings
    await make(admin)
    by_team = await bind(admin, ML, "admin", ORGANIZATION)
    # An empty team is nobody.
    assert await refused(delete(admin, own.name)) == LAST
    await add(admin, admin.subject)
    await delete(admin, own.name)
    for call in (delete(admin, by_team.name), remove(admin, admin.subject), drop(admin)):
        assert await refused(call) == LAST
    assert (await organization(admin)).name == ORGANIZATION


async def test_two_administrators_cannot_remove_each_other(plane: Plane, admin: Client) -> None:
    """One by a grant, one by a team: whichever order, one of them stays."""
    (own,) = (await bindings(admin)).role_bindings
    bob = await plane.new_user(admin, "bob@example.com")
    await make(admin)
    await bind(admin, ML, "admin", ORGANIZATION)
    await add(admin, bob.subject)
    outcomes = await asyncio.gather(
        refused(remove(admin, bob.subject)),
        refused(delete(bob, own.name)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, AssertionError) for outcome in outcomes) == 1
    # The loser hears that they would be the last to go, or has lost the right already.
    assert {LAST, DENIED, ESCALATION} & set(outcomes)


async def test_workspaces_hear_of_members(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    member = await plane.enroll(admin, WORKSPACE, "w1")
    bob = await plane.new_user(admin, "bob@example.com")
    await make(admin)
    await bind(admin, ML, "editor", f"{W1}/projects/p")
    link = await plane.link(member)
    first = await link.hear("policy")
    assert {grant.subject for grant in first.grants} == {admin.subject}
    await add(admin, bob.subject)
    second = await link.hear("policy")
    assert second.revision > first.revision
    (grant,) = (grant for grant in second.grants if grant.subject == bob.subject)
    assert (grant.role, grant.resource) == ("editor", "projects/p")
    await remove(admin, bob.subject)
    third = await link.hear("policy")
    assert {grant.subject for grant in third.grants} == {admin.subject}
