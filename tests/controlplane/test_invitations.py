"""InvitationService: who may come, with what, and what is left of it when they do."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from controlplane.operations import teams
from meshkit import opaque
from tests.controlplane.harness import (
    ADMIN_EMAIL,
    ORGANIZATION,
    PASSWORD,
    Client,
    Plane,
    bind,
    refused,
    running,
)
from tests.controlplane.test_members import call as of_member
from tests.controlplane.test_members import exchange, members, name_of, personal_token
from weftapi.controlplane.v1 import (
    access_pb2,
    invitations_pb2,
    organizations_pb2,
    teams_pb2,
    users_pb2,
)

DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")
INVALID = ("NOT_FOUND", "INVALID_INVITATION")
ILLEGAL = ("FAILED_PRECONDITION", "ILLEGAL_TRANSITION")
TAKEN = ("ALREADY_EXISTS", "RESOURCE_EXISTS")
BAD_FIELDS = ("INVALID_ARGUMENT", "INVALID_FIELDS")
W1 = f"{ORGANIZATION}/workspaces/w1"
BOB = "bob@example.com"


def role(id_: str, resource: str = ORGANIZATION) -> invitations_pb2.InvitedRole:
    return invitations_pb2.InvitedRole(role=f"{ORGANIZATION}/roles/{id_}", resource=resource)


def invite(client: Client, email: str = BOB, request_id: str = "", **fields: Any) -> Any:
    request = invitations_pb2.CreateInvitationRequest(
        parent=ORGANIZATION,
        invitation=invitations_pb2.Invitation(email=email, **fields),
        request_id=request_id,
    )
    return client.invitations.CreateInvitation(request)


def accept(client: Client, token: str, **fields: str) -> Any:
    request = invitations_pb2.AcceptInvitationRequest(token=token, **fields)
    return client.invitations.AcceptInvitation(request)


def call(client: Client, method: str, name: str) -> Any:
    request = getattr(invitations_pb2, f"{method}Request")(name=name)
    return getattr(client.invitations, method)(request)


def with_token(client: Client, method: str, token: str) -> Any:
    request = getattr(invitations_pb2, f"{method}Request")(token=token)
    return getattr(client.invitations, method)(request)


def invitations(client: Client, **fields: Any) -> Any:
    request = invitations_pb2.ListInvitationsRequest(**{"parent": ORGANIZATION, **fields})
    return client.invitations.ListInvitations(request)


async def held_by(admin: Client, subject: str) -> set[tuple[str, str]]:
    request = access_pb2.ListRoleBindingsRequest(
        parent=ORGANIZATION, filter=f'subject = "{subject}"'
    )
    listed = await admin.access.ListRoleBindings(request)
    return {(row.role.rpartition("/")[2], row.resource) for row in listed.role_bindings}


async def new_team(admin: Client, id_: str, held: str = "") -> str:
    team = await admin.teams.CreateTeam(
        teams_pb2.CreateTeamRequest(parent=ORGANIZATION, team_id=id_)
    )
    if held:
        await bind(admin, team.name, held, ORGANIZATION)
    return str(team.name)


async def team_members(admin: Client, team: str) -> list[str]:
    listed = await admin.teams.ListTeamMembers(teams_pb2.ListTeamMembersRequest(parent=team))
    return [member.member for member in listed.team_members]


async def test_a_stranger_comes_in_with_what_waited(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    await plane.new_workspace(admin, "w1")
    team = await new_team(admin, "research", "viewer")
    made = await invite(
        admin, "Bob@Example.com", roles=[role("editor", f"{W1}/projects/p")], teams=[team]
    )
    assert made.invitation.state == invitations_pb2.INVITATION_STATE_PENDING
    assert made.invitation.creator == admin.subject
    told = await with_token(anyone, "InspectInvitation", made.token)
    assert told.invitation == made.invitation
    assert (told.organization_display_name, told.account_exists) == ("default", False)
    assert await refused(accept(anyone, made.token)) == ("INVALID_ARGUMENT", "WEAK_PASSWORD")
    member = await accept(anyone, made.token, display_name="Bob", password=PASSWORD)
    assert (member.display_name, member.email) == ("Bob", "Bob@Example.com")
    bob = await plane.sign_in(BOB)
    assert bob.subject == member.user
    assert await held_by(admin, bob.subject) == {("editor", f"{W1}/projects/p")}
    assert await team_members(admin, team) == [bob.subject]
    assert len((await members(bob)).members) == 2
    done = await call(admin, "GetInvitation", made.invitation.name)
    assert done.state == invitations_pb2.INVITATION_STATE_ACCEPTED
    assert (done.member, done.end_time.seconds > 0) == (member.name, True)
    for again in (accept(anyone, made.token, password=PASSWORD), accept(admin, made.token)):
        assert await refused(again) == INVALID


async def test_a_full_team_keeps_nobody_out(
    plane: Plane, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teams, "MAX_MEMBERS", 1)
    full, roomy = await new_team(admin, "full"), await new_team(admin, "roomy")
    made = await invite(admin, BOB, roles=[role("viewer")], teams=[full, roomy])
    add = teams_pb2.AddTeamMembersRequest(name=full, members=[admin.subject])
    await admin.teams.AddTeamMembers(add)
    member = await accept(await plane.edge(), made.token, password=PASSWORD)
    assert await team_members(admin, full) == [admin.subject]
    assert await team_members(admin, roomy) == [member.user]
    assert await held_by(admin, member.user) == {("viewer", ORGANIZATION)}
    done = await call(admin, "GetInvitation", made.invitation.name)
    assert (list(done.teams_left_out), list(done.roles_left_out)) == ([full], [])


async def test_who_has_an_account_signs_in_to_it(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    bob = await plane.new_user(admin, BOB)
    await of_member(admin, "RemoveMember", name_of(bob))
    eve = await plane.new_user(admin, "eve@example.com")
    made = await invite(admin, BOB.upper(), roles=[role("viewer")])
    assert (await with_token(anyone, "InspectInvitation", made.token)).account_exists
    assert await refused(accept(anyone, made.token, password=PASSWORD)) == TAKEN
    another = ("PERMISSION_DENIED", "INVITATION_FOR_ANOTHER")
    assert await refused(accept(eve, made.token)) == another
    script = await plane.as_user(
        await exchange(anyone, personal_access_token=await personal_token(bob))
    )
    not_allowed = ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED")
    assert await refused(accept(script, made.token)) == not_allowed
    member = await accept(bob, made.token)
    assert member.user == bob.subject
    # A lost answer is asked for again.
    assert await accept(bob, made.token) == member
    assert await held_by(admin, bob.subject) == {("viewer", ORGANIZATION)}
    await of_member(admin, "RemoveMember", name_of(bob))
    assert (await refused(accept(bob, made.token)))[0] == "NOT_FOUND"


async def test_a_session_that_ended_accepts_nothing(plane: Plane, admin: Client) -> None:
    bob = await plane.new_user(admin, BOB)
    await of_member(admin, "RemoveMember", name_of(bob))
    made = await invite(admin)
    other = await plane.sign_in(BOB)
    change = users_pb2.SetPasswordRequest(
        email=BOB, current_password=PASSWORD, new_password="another fine password"
    )
    await other.users.SetPassword(change)
    assert (await refused(accept(bob, made.token)))[0] == "UNAUTHENTICATED"


async def test_of_fifty_strangers_one_comes_in(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    token = (await invite(admin, roles=[role("viewer")])).token
    outcomes = await asyncio.gather(
        *(accept(anyone, token, password=f"password number {n:02}") for n in range(50)),
        return_exceptions=True,
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert len((await members(admin)).members) == 2


async def test_of_fifty_times_the_same_person_comes_in_once(plane: Plane, admin: Client) -> None:
    bob = await plane.new_user(admin, BOB)
    await of_member(admin, "RemoveMember", name_of(bob))
    token = (await invite(admin, roles=[role("viewer")])).token
    joined = await asyncio.gather(*(accept(bob, token) for _ in range(50)))
    assert len({member.SerializeToString() for member in joined}) == 1
    assert await held_by(admin, bob.subject) == {("viewer", ORGANIZATION)}


async def test_at_two_replicas_one_comes_in(tmp_path: Any, postgres_url: str) -> None:
    async with running(tmp_path, postgres_url) as one, running(tmp_path, postgres_url) as two:
        admin = await one.set_up()
        doors = [await one.edge(), await two.edge()]
        for number in range(5):
            made = await invite(admin, f"u{number}@example.com", roles=[role("viewer")])
            outcomes = await asyncio.gather(
                *(
                    accept(door, made.token, password=f"password number {n:02}")
                    for n in range(4)
                    for door in doors
                ),
                return_exceptions=True,
            )
            assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1


async def test_a_token_lives_until_it_is_replaced_or_over(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    made = await invite(admin)
    name = made.invitation.name
    again = await call(admin, "ResendInvitation", name)
    assert again.token != made.token
    assert await refused(accept(anyone, made.token, password=PASSWORD)) == INVALID
    admin = await plane.connected()
    plane.clock.advance(days=8)
    await plane.sign_in_over(admin)
    late = await call(admin, "GetInvitation", name)
    assert late.state == invitations_pb2.INVITATION_STATE_EXPIRED
    for method in ("InspectInvitation", "DeclineInvitation", "AcceptInvitation"):
        assert await refused(with_token(anyone, method, again.token)) == INVALID
    sent = await call(admin, "ResendInvitation", name)
    assert sent.invitation.state == invitations_pb2.INVITATION_STATE_PENDING
    await accept(anyone, sent.token, password=PASSWORD)
    assert await refused(call(admin, "ResendInvitation", name)) == ILLEGAL
    assert await refused(call(admin, "RevokeInvitation", name)) == ILLEGAL


async def test_a_revoked_one_and_a_declined_one_are_over(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    made = await invite(admin)
    revoked = await call(admin, "RevokeInvitation", made.invitation.name)
    assert revoked.state == invitations_pb2.INVITATION_STATE_REVOKED
    assert await call(admin, "RevokeInvitation", made.invitation.name) == revoked
    other = await invite(admin)
    await with_token(anyone, "DeclineInvitation", other.token)
    declined = await call(admin, "GetInvitation", other.invitation.name)
    assert declined.state == invitations_pb2.INVITATION_STATE_DECLINED
    for token in (made.token, other.token):
        for method in ("InspectInvitation", "DeclineInvitation", "AcceptInvitation"):
            assert await refused(with_token(anyone, method, token)) == INVALID
    for name in (made.invitation.name, other.invitation.name):
        assert await refused(call(admin, "ResendInvitation", name)) == ILLEGAL
    states = [row.state for row in (await invitations(admin)).invitations]
    assert states == [declined.state, revoked.state]


async def test_wrong_tokens_are_all_the_same(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    made = await invite(admin)
    genuine = opaque.parse(made.token)
    forged, _ = opaque.make(genuine.prefix, genuine.id)
    unknown, _ = opaque.make(genuine.prefix, uuid4().hex)
    user = await admin.users.CreateUser(
        users_pb2.CreateUserRequest(
            organization=ORGANIZATION, user=users_pb2.User(email="x@example.com")
        )
    )
    wrong = (forged, unknown, user.password_token, "nonsense", f"{made.token}\n", "weft_invite_")
    for token in wrong:
        for method in ("InspectInvitation", "DeclineInvitation", "AcceptInvitation"):
            for client in (anyone, admin):
                assert await refused(with_token(client, method, token)) == INVALID
    for token in ("", "x" * 257):
        assert await refused(accept(anyone, token)) == BAD_FIELDS


async def test_guessing_tokens_is_slow(tmp_path: Any, sqlite_url: str) -> None:
    async with running(tmp_path, sqlite_url, sign_in_per_minute=3) as plane:
        anyone = await plane.edge()
        for _ in range(3):
            assert await refused(accept(anyone, "weft_invite_x")) == INVALID
        limited = ("RESOURCE_EXHAUSTED", "RATE_LIMITED")
        assert await refused(accept(anyone, "weft_invite_x")) == limited


async def test_an_address_is_invited_once(plane: Plane, admin: Client) -> None:
    id_ = str(uuid4())
    first = await invite(admin, request_id=id_)
    second = await invite(admin, request_id=id_)
    assert second.invitation == first.invitation
    anyone = await plane.edge()
    assert await refused(with_token(anyone, "InspectInvitation", first.token)) == INVALID
    await with_token(anyone, "InspectInvitation", second.token)
    for email in (BOB, BOB.upper(), ADMIN_EMAIL):
        assert await refused(invite(admin, email)) == TAKEN
    admin = await plane.connected()
    plane.clock.advance(days=8)
    await plane.sign_in_over(admin)
    later = await invite(admin)
    assert later.invitation.name != first.invitation.name
    states = [row.state for row in (await invitations(admin)).invitations]
    assert states == [
        invitations_pb2.INVITATION_STATE_PENDING,
        invitations_pb2.INVITATION_STATE_EXPIRED,
    ]


async def test_at_two_replicas_an_address_is_invited_once(tmp_path: Any, postgres_url: str) -> None:
    async with running(tmp_path, postgres_url) as one, running(tmp_path, postgres_url) as two:
        admin = await one.set_up()
        there = await two.as_user(admin.tokens)
        for number in range(10):
            email = f"u{number}@example.com"
            outcomes = await asyncio.gather(
                invite(admin, email), invite(there, email), return_exceptions=True
            )
            assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1


async def test_invitations_are_listed_newest_first_in_pages(plane: Plane, admin: Client) -> None:
    for number in range(4):
        await invite(admin, f"u{number}@example.com")
    first = await invitations(admin, page_size=3)
    second = await invitations(admin, page_size=3, page_token=first.next_page_token)
    emails = [row.email for row in (*first.invitations, *second.invitations)]
    assert emails == [f"u{number}@example.com" for number in (3, 2, 1, 0)]
    (found,) = (await invitations(admin, filter='email = "u2@example.com"')).invitations
    assert found.email == "u2@example.com"
    assert (await refused(invitations(admin, filter="digest = 1")))[1] == "INVALID_FILTER"


@pytest.mark.parametrize("method", ["GetInvitation", "ResendInvitation", "RevokeInvitation"])
async def test_names_decide_before_anything_is_looked_up(
    plane: Plane, admin: Client, method: str
) -> None:
    made = (await invite(admin)).invitation.name
    editor = await plane.new_user(admin, "ed@example.com", role="editor")
    absent = f"{ORGANIZATION}/invitations/{uuid4()}"
    for name in (made, absent, "organizations/other/invitations/x", "", "x\n" * 5000):
        assert await refused(call(editor, method, name)) == DENIED
    assert await refused(call(admin, method, absent)) == ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    for name in ("", f"{absent}\n", f"{made}/x"):
        assert (await refused(call(admin, method, name)))[0] == "INVALID_ARGUMENT"
    for refusal in (invite(editor), invitations(editor)):
        assert await refused(refusal) == DENIED


async def test_what_cannot_be_invited_or_promised_is_refused(plane: Plane, admin: Client) -> None:
    for email in (
        "",
        "x",
        "a@b\n",
        "bob@example.com\n",
        "b\u043eb@example.com",
        "a" * 250 + "@b.c",
    ):
        assert await refused(invite(admin, email)) == BAD_FIELDS
    made = await admin.organizations.CreateOrganization(
        organizations_pb2.CreateOrganizationRequest(organization_id="other")
    )
    elsewhere = invitations_pb2.InvitedRole(role=f"{made.name}/roles/viewer", resource=ORGANIZATION)
    for promised in (
        {"roles": [role("viewer", made.name)]},
        {"roles": [elsewhere]},
        {"roles": [role("viewer", f"{W1}/projects/p/")]},
        {"roles": [role("viewer")] * 51},
        {"teams": [f"{made.name}/teams/t"]},
        {"teams": ["t\n"]},
    ):
        assert await refused(invite(admin, **promised)) == BAD_FIELDS
    missing = ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    for promised in (
        {"roles": [role("owner")]},
        {"roles": [role("viewer", W1)]},
        {"teams": [f"{ORGANIZATION}/teams/t"]},
    ):
        assert await refused(invite(admin, **promised)) == missing
    for seconds in (1, 253402300799, -(2**62)):
        late = invite(admin, expire_time={"seconds": seconds})
        assert (await refused(late))[0] == "INVALID_ARGUMENT"


async def test_a_member_taken_out_takes_their_invitation_along(plane: Plane, admin: Client) -> None:
    """Invited, then let in another way: the old token is no way back."""
    made = await invite(admin)
    bob = await plane.new_user(admin, BOB)
    await of_member(admin, "RemoveMember", name_of(bob))
    assert await refused(accept(bob, made.token)) == INVALID
