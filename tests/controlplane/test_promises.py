"""What invitations promise: nobody promises what they could not give, and only that is kept."""

from uuid import uuid4

from tests.controlplane.harness import ORGANIZATION, PASSWORD, Client, Plane, bind, refused
from tests.controlplane.test_invitations import (
    DENIED,
    INVALID,
    W1,
    accept,
    call,
    held_by,
    invite,
    new_team,
    role,
    team_members,
)
from tests.controlplane.test_members import call as of_member
from tests.controlplane.test_members import exchange, name_of
from weftapi.controlplane.v1 import (
    access_pb2,
    service_accounts_pb2,
    teams_pb2,
    workspaces_pb2,
)

ESCALATION = ("PERMISSION_DENIED", "PRIVILEGE_ESCALATION")


async def test_nobody_promises_more_than_they_hold(plane: Plane, admin: Client) -> None:
    inviting = await admin.access.CreateRole(
        access_pb2.CreateRoleRequest(
            parent=ORGANIZATION,
            role_id="inviter",
            role=access_pb2.Role(
                permissions=["invitations.create", "invitations.resend", "members.list"]
            ),
        )
    )
    host = await plane.new_user(admin, "host@example.com", role="inviter")
    powerful = await new_team(admin, "powerful", "editor")
    empty = await new_team(admin, "empty")
    # Not a way around the permissions to grant and to fill teams.
    for promise in ({"roles": [role("inviter")]}, {"teams": [empty]}):
        assert await refused(invite(host, **promise)) == DENIED
    await admin.access.CreateRole(
        access_pb2.CreateRoleRequest(
            parent=ORGANIZATION,
            role_id="granter",
            role=access_pb2.Role(permissions=["roleBindings.create", "teamMembers.add"]),
        )
    )
    await bind(admin, host.subject, "granter", ORGANIZATION)
    for promise in ({"roles": [role("viewer")]}, {"teams": [powerful]}):
        assert await refused(invite(host, **promise)) == ESCALATION
    await invite(host, roles=[role("inviter"), role("granter")], teams=[empty])
    admins = await invite(admin, "eve@example.com", roles=[role("admin")])
    assert await refused(call(host, "ResendInvitation", admins.invitation.name)) == ESCALATION
    assert inviting.name == f"{ORGANIZATION}/roles/inviter"


async def test_an_inviter_who_left_leaves_no_door_open(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    for ending in ("RemoveMember", "DeactivateMember", "EraseMember"):
        mallory = await plane.new_user(admin, f"{uuid4()}@example.com", role="admin")
        made = await invite(mallory, f"{uuid4()}@example.com", roles=[role("admin")])
        await of_member(admin, ending, name_of(mallory))
        assert await refused(accept(anyone, made.token, password=PASSWORD)) == INVALID
        # Who vouches for it now may send it again.
        again = await call(admin, "ResendInvitation", made.invitation.name)
        assert again.invitation.creator == admin.subject
        await accept(anyone, again.token, password=PASSWORD)


async def test_what_holds_no_more_is_left_out(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    await plane.new_workspace(admin, "w1")
    team = await new_team(admin, "team")
    host = await plane.new_user(admin, "host@example.com", role="admin")
    made = await invite(
        host,
        roles=[role("admin"), role("viewer", W1), role("viewer"), role("viewer")],
        teams=[team],
    )
    assert len(made.invitation.roles) == 3
    # The workspace and the team are others now, under the names of the old ones.
    await admin.workspaces.DeregisterWorkspace(workspaces_pb2.DeregisterWorkspaceRequest(name=W1))
    await plane.new_workspace(admin, "w1")
    await admin.teams.DeleteTeam(teams_pb2.DeleteTeamRequest(name=team))
    await new_team(admin, "team")
    # The inviter may still invite, and see, and no more.
    await admin.access.CreateRole(
        access_pb2.CreateRoleRequest(
            parent=ORGANIZATION,
            role_id="inviter",
            role=access_pb2.Role(permissions=["invitations.create", "roleBindings.create"]),
        )
    )
    for id_ in ("inviter", "viewer"):
        await bind(admin, host.subject, id_, ORGANIZATION)
    (binding,) = [
        row
        for row in (
            await admin.access.ListRoleBindings(
                access_pb2.ListRoleBindingsRequest(
                    parent=ORGANIZATION, filter=f'subject = "{host.subject}"'
                )
            )
        ).role_bindings
        if row.role.endswith("/admin")
    ]
    await admin.access.DeleteRoleBinding(access_pb2.DeleteRoleBindingRequest(name=binding.name))
    member = await accept(anyone, made.token, password=PASSWORD)
    assert await held_by(admin, member.user) == {("viewer", ORGANIZATION)}
    assert await team_members(admin, team) == []


async def test_service_accounts_invite_and_accept_nothing(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    account = await admin.service_accounts.CreateServiceAccount(
        service_accounts_pb2.CreateServiceAccountRequest(
            parent=ORGANIZATION, service_account_id="sync"
        )
    )
    await bind(admin, account.name, "admin", ORGANIZATION)
    key = await admin.service_accounts.CreateApiKey(
        service_accounts_pb2.CreateApiKeyRequest(
            parent=account.name, api_key=service_accounts_pb2.ApiKey(display_name="k")
        )
    )
    robot = await plane.as_user(await exchange(anyone, api_key=key.secret))
    made = await invite(robot, roles=[role("viewer")])
    assert made.invitation.creator == f"serviceAccounts/{account.uid}"
    not_allowed = ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED")
    assert await refused(accept(robot, made.token)) == not_allowed
    other = await invite(robot, "eve@example.com")
    await accept(anyone, made.token, password=PASSWORD)
    await admin.service_accounts.DisableServiceAccount(
        service_accounts_pb2.DisableServiceAccountRequest(name=account.name)
    )
    assert await refused(accept(anyone, other.token, password=PASSWORD)) == INVALID
