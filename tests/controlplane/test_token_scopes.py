"""Personal access tokens that may do less than their owner, and administrators who see them."""

from typing import Any
from uuid import uuid4

import jwt

from controlplane.permissions import FROM_BELOW, ROLES
from tests.cases import on_one_server
from tests.controlplane.harness import ORGANIZATION, Client, Plane, bind, refused
from tests.controlplane.programs import DENIED, MISSING, NOT_ALLOWED, UNAUTHENTICATED, whoami
from tests.controlplane.test_users import create_token, delete_token, exchange, list_tokens
from weftapi.controlplane.v1 import (
    access_pb2,
    auth_pb2,
    organizations_pb2,
    sessions_pb2,
    users_pb2,
    workspaces_pb2,
)

VIEWER = f"{ORGANIZATION}/roles/viewer"


async def limited(plane: Plane, owner: Client, *scopes: str) -> Client:
    """A client with a token of this owner that is limited to these scopes."""
    created = await create_token(owner, scopes=scopes)
    return await plane.as_user(await exchange(await plane.edge(), created.secret))


def list_workspaces(client: Client) -> Any:
    request = workspaces_pb2.ListWorkspacesRequest(parent=ORGANIZATION)
    return client.workspaces.ListWorkspaces(request)


def get_organization(client: Client) -> Any:
    request = organizations_pb2.GetOrganizationRequest(name=ORGANIZATION)
    return client.organizations.GetOrganization(request)


def mint(client: Client, workspace: str) -> Any:
    return client.auth.MintWorkspaceToken(auth_pb2.MintWorkspaceTokenRequest(workspace=workspace))


def held(client: Client, *permissions: str) -> Any:
    request = access_pb2.TestPermissionsRequest(resource=ORGANIZATION, permissions=permissions)
    return client.access.TestPermissions(request)


async def test_a_role_limits_a_token_to_its_permissions(plane: Plane, admin: Client) -> None:
    script = await limited(plane, admin, VIEWER)
    assert set((await whoami(script)).scope) == ROLES["viewer"].permissions
    assert not (await whoami(admin)).scope
    assert await list_workspaces(script) == await list_workspaces(admin)
    assert await refused(plane.new_workspace(script, "w1")) == DENIED
    assert (await held(script, "runs.get", "runs.stop")).permissions == ["runs.get"]
    (listed,) = (await list_tokens(admin)).personal_access_tokens
    assert listed.scopes == [VIEWER]


async def test_a_permission_limits_a_token_to_itself_and_the_way_there(
    plane: Plane, admin: Client
) -> None:
    workspace = await plane.new_workspace(admin, "w1")
    script = await limited(plane, admin, "runs.list")
    assert await get_organization(script)
    assert await refused(list_workspaces(script)) == DENIED
    minted = await mint(script, workspace.name)
    claims = jwt.decode(minted.access_token, options={"verify_signature": False})
    assert set(claims["scope"].split()) == FROM_BELOW | {"runs.list"}
    unlimited = await mint(admin, workspace.name)
    claims = jwt.decode(unlimited.access_token, options={"verify_signature": False})
    assert "scope" not in claims


async def test_a_scope_adds_nothing_to_what_the_owner_may(plane: Plane, admin: Client) -> None:
    viewer = await plane.new_user(admin, "vi@example.com", role="viewer")
    script = await limited(plane, viewer, f"{ORGANIZATION}/roles/admin")
    assert await list_workspaces(script)
    assert await refused(plane.new_workspace(script, "w1")) == DENIED
    # A role that is taken away counts at once.
    grants = await admin.access.ListRoleBindings(
        access_pb2.ListRoleBindingsRequest(
            parent=ORGANIZATION, filter=f'subject = "{viewer.subject}"'
        )
    )
    name = grants.role_bindings[0].name
    await admin.access.DeleteRoleBinding(access_pb2.DeleteRoleBindingRequest(name=name))
    assert await refused(list_workspaces(script)) == DENIED


async def test_a_limited_token_gives_away_no_more_than_it_has(plane: Plane, admin: Client) -> None:
    other = await plane.new_user(admin, "ed@example.com")
    script = await limited(plane, admin, "roleBindings.create", "users.create", VIEWER)
    escalation = ("PERMISSION_DENIED", "PRIVILEGE_ESCALATION")
    assert await refused(bind(script, other.subject, "editor", ORGANIZATION)) == escalation
    assert await bind(script, other.subject, "viewer", ORGANIZATION)


async def test_a_limited_token_changes_nothing_of_its_owner(plane: Plane, admin: Client) -> None:
    script = await limited(plane, admin, f"{ORGANIZATION}/roles/admin")
    token = (await list_tokens(script)).personal_access_tokens[0]
    everywhere = sessions_pb2.RevokeAllSessionsRequest(parent="users/me")
    update = users_pb2.UpdateUserRequest(user=users_pb2.User(name="users/me", display_name="x"))
    for call in (
        delete_token(script, token.name),
        create_token(script),
        script.sessions.RevokeAllSessions(everywhere),
        script.users.UpdateUser(update),
    ):
        assert await refused(call) == NOT_ALLOWED


async def test_a_custom_role_means_what_it_means_today(plane: Plane, admin: Client) -> None:
    role = await admin.access.CreateRole(
        access_pb2.CreateRoleRequest(
            parent=ORGANIZATION,
            role_id="lister",
            role=access_pb2.Role(display_name="Lister", permissions=["workspaces.list"]),
        )
    )
    created = await create_token(admin, scopes=[role.name])
    anyone = await plane.edge()
    script = await plane.as_user(await exchange(anyone, created.secret))
    assert await list_workspaces(script)
    await admin.access.DeleteRole(access_pb2.DeleteRoleRequest(name=role.name))
    script = await plane.as_user(await exchange(anyone, created.secret))
    assert set((await whoami(script)).scope) == FROM_BELOW
    assert await refused(list_workspaces(script)) == DENIED


@on_one_server(
    "scope",
    [
        "runs.explode",
        "viewer",
        "*",
        "",
        "runs.get runs.list",
        f"{ORGANIZATION}/roles/none",
        "organizations/other/roles/viewer",
        f"{ORGANIZATION}/roles/viewer/x",
    ],
)
async def test_unknown_scopes_are_refused(plane: Plane, admin: Client, scope: str) -> None:
    call = create_token(admin, scopes=["runs.get", scope])
    assert await refused(call) == ("INVALID_ARGUMENT", "INVALID_FIELDS")


def list_member_tokens(client: Client, organization: str = ORGANIZATION, **fields: Any) -> Any:
    request = users_pb2.ListMemberTokensRequest(organization=organization, **fields)
    return client.users.ListMemberTokens(request)


def revoke_member_token(client: Client, name: str) -> Any:
    request = users_pb2.RevokeMemberTokenRequest(organization=ORGANIZATION, name=name)
    return client.users.RevokeMemberToken(request)


async def test_administrators_see_and_revoke_the_tokens_of_members(
    plane: Plane, admin: Client
) -> None:
    viewer = await plane.new_user(admin, "vi@example.com", role="viewer")
    own = (await create_token(admin)).personal_access_token
    created = await create_token(viewer, display_name="notebook")
    script = await plane.as_user(await exchange(await plane.edge(), created.secret))
    first = await list_member_tokens(admin, page_size=1)
    rest = await list_member_tokens(admin, page_token=first.next_page_token)
    found = [*first.personal_access_tokens, *rest.personal_access_tokens]
    assert [token.name for token in found] == [created.personal_access_token.name, own.name]
    await revoke_member_token(admin, created.personal_access_token.name)
    assert await refused(whoami(script)) == UNAUTHENTICATED
    assert [t.name for t in (await list_member_tokens(admin)).personal_access_tokens] == [own.name]
    for absent in (
        created.personal_access_token.name,
        f"users/{uuid4()}/personalAccessTokens/{own.uid}",
        f"{viewer.subject}/personalAccessTokens/{own.uid}",
    ):
        assert await refused(revoke_member_token(admin, absent)) == MISSING
    for call in (
        list_member_tokens(viewer),
        revoke_member_token(viewer, own.name),
        list_member_tokens(admin, "organizations/other"),
    ):
        assert await refused(call) == DENIED
