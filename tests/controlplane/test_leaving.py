"""People leave an organization by themselves, and never leave it without anybody in charge."""

import asyncio
from typing import Any
from uuid import uuid4

from tests.controlplane.harness import ORGANIZATION, Client, Plane, bind, refused
from tests.controlplane.programs import new_account, new_key, sign_in
from tests.controlplane.test_invitations import held_by, new_team, team_members
from tests.controlplane.test_members import exchange, members, personal_token
from weftapi.controlplane.v1 import organizations_pb2, teams_pb2

DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")
NOT_ALLOWED = ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED")
LAST = ("FAILED_PRECONDITION", "LAST_ADMINISTRATOR")


def leave(client: Client, name: str = ORGANIZATION) -> Any:
    request = organizations_pb2.LeaveOrganizationRequest(name=name)
    return client.organizations.LeaveOrganization(request)


async def test_who_leaves_holds_nothing_there_any_more(plane: Plane, admin: Client) -> None:
    bob = await plane.new_user(admin, "bob@example.com", role="viewer")
    team = await new_team(admin, "ml", "editor")
    request = teams_pb2.AddTeamMembersRequest(name=team, members=[bob.subject])
    await admin.teams.AddTeamMembers(request)
    script = await plane.as_user(
        await exchange(await plane.edge(), personal_access_token=await personal_token(bob))
    )
    assert await refused(leave(script)) == NOT_ALLOWED
    await leave(bob)
    assert await refused(members(bob)) == DENIED
    assert await held_by(admin, bob.subject) == set()
    assert await team_members(admin, team) == []
    assert bob.subject not in [row.user for row in (await members(admin)).members]
    # A place that one is not in looks like one that there is not.
    for name in (ORGANIZATION, f"organizations/o{uuid4().hex}"):
        assert await refused(leave(bob, name)) == DENIED
    assert (await refused(leave(bob, "organizations")))[0] == "INVALID_ARGUMENT"


async def test_the_last_administrator_stays(plane: Plane, admin: Client) -> None:
    assert await refused(leave(admin)) == LAST
    eve = await plane.new_user(admin, "eve@example.com", role="admin")
    outcomes = await asyncio.gather(leave(admin), leave(eve), return_exceptions=True)
    assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 1


async def test_programs_do_not_leave(plane: Plane, admin: Client) -> None:
    account = await new_account(admin)
    await bind(admin, account.name, "admin", ORGANIZATION)
    program = await sign_in(plane, (await new_key(admin, account.name)).secret)
    assert await refused(leave(program)) == NOT_ALLOWED
