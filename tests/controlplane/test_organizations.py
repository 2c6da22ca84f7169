"""OrganizationService: who makes them, who changes them, and what a deleted one leaves."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf import field_mask_pb2

from meshkit.errors import MeshError
from tests.controlplane.harness import ORGANIZATION, Client, Plane, bind, refused, running
from tests.controlplane.test_members import exchange, members, personal_token
from weftapi.controlplane.v1 import (
    access_pb2,
    invitations_pb2,
    members_pb2,
    organizations_pb2,
    service_accounts_pb2,
    workspaces_pb2,
)

DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")
TAKEN = ("ALREADY_EXISTS", "RESOURCE_EXISTS")
IN_USE = ("FAILED_PRECONDITION", "RESOURCE_IN_USE")
ACME = "organizations/acme"


def create(client: Client, id_: str = "acme", request_id: str = "", **fields: str) -> Any:
    request = organizations_pb2.CreateOrganizationRequest(
        organization_id=id_,
        organization=organizations_pb2.Organization(**fields),
        request_id=request_id,
    )
    return client.organizations.CreateOrganization(request)


def update(client: Client, name: str = ACME, *, paths: tuple[str, ...] = (), **fields: str) -> Any:
    request = organizations_pb2.UpdateOrganizationRequest(
        organization=organizations_pb2.Organization(name=name, **fields),
        update_mask=field_mask_pb2.FieldMask(paths=paths),
    )
    return client.organizations.UpdateOrganization(request)


def delete(client: Client, name: str = ACME, etag: str = "") -> Any:
    request = organizations_pb2.DeleteOrganizationRequest(name=name, etag=etag)
    return client.organizations.DeleteOrganization(request)


def get(client: Client, name: str = ACME) -> Any:
    return client.organizations.GetOrganization(organizations_pb2.GetOrganizationRequest(name=name))


async def organizations(client: Client) -> list[str]:
    listed = await client.organizations.ListOrganizations(
        organizations_pb2.ListOrganizationsRequest()
    )
    return [row.name for row in listed.organizations]


async def test_administrators_of_the_first_make_others(plane: Plane, admin: Client) -> None:
    made = await create(admin, display_name="Acme, Inc.")
    assert (made.name, made.display_name) == (ACME, "Acme, Inc.")
    assert await get(admin) == made
    assert await organizations(admin) == [ACME, ORGANIZATION]
    (only,) = (await members(admin, parent=ACME)).members
    assert only.user == admin.subject
    # In charge there, by a grant like any other.
    await bind(admin, admin.subject, "viewer", ORGANIZATION)
    (held,) = (
        await admin.access.ListRoleBindings(access_pb2.ListRoleBindingsRequest(parent=ACME))
    ).role_bindings
    assert (held.subject, held.role) == (admin.subject, f"{ACME}/roles/admin")
    assert (await create(admin, "nameless")).display_name == "nameless"


async def test_nobody_else_makes_one(plane: Plane, admin: Client) -> None:
    await create(admin)
    editor = await plane.new_user(admin, "ed@example.com", role="editor")
    assert await refused(create(editor, "x")) == DENIED
    # In charge of another organization is not in charge of the control plane.
    invited = await admin.invitations.CreateInvitation(
        invitations_pb2.CreateInvitationRequest(
            parent=ACME,
            invitation=invitations_pb2.Invitation(
                email="ed@example.com",
                roles=[invitations_pb2.InvitedRole(role=f"{ACME}/roles/admin", resource=ACME)],
            ),
        )
    )
    accept = invitations_pb2.AcceptInvitationRequest(token=invited.token)
    await editor.invitations.AcceptInvitation(accept)
    assert (await update(editor, display_name="Ours")).display_name == "Ours"
    assert await refused(create(editor, "x")) == DENIED
    anyone = await plane.edge()
    assert (await refused(create(anyone)))[0] == "UNAUTHENTICATED"
    for wrong in ("", "-", "a/b", "Acme", "a" * 64, "acme\n", "\u0430cme", "%61cme"):
        assert (await refused(create(admin, wrong)))[0] == "INVALID_ARGUMENT"
        assert await refused(create(editor, wrong)) == DENIED


async def test_an_organization_is_made_once(plane: Plane, admin: Client) -> None:
    id_ = str(uuid4())
    made = await asyncio.gather(*(create(admin, request_id=id_) for _ in range(20)))
    assert len({row.uid for row in made}) == 1
    assert await refused(create(admin)) == TAKEN
    assert await refused(create(admin, "default")) == TAKEN


async def test_its_name_changes_under_its_etag(plane: Plane, admin: Client) -> None:
    made = await create(admin)
    changed = await update(admin, display_name="Acme", etag=made.etag)
    assert changed.display_name == "Acme"
    assert changed.etag != made.etag
    assert changed.update_time.ToDatetime() > made.update_time.ToDatetime()
    stale = update(admin, display_name="Late", etag=made.etag)
    assert await refused(stale) == ("ABORTED", "ETAG_MISMATCH")
    assert await update(admin, display_name="Acme") == changed
    for path in ("name", "uid", "create_time", "no_such"):
        assert (await refused(update(admin, paths=(path,))))[0] == "INVALID_ARGUMENT"
    assert (await refused(update(admin, display_name="x" * 129)))[0] == "INVALID_ARGUMENT"
    assert (await refused(update(admin, f"{ACME}/members/x")))[0] == "INVALID_ARGUMENT"
    assert await refused(update(admin, "organizations/absent")) == DENIED


async def test_one_with_something_in_it_stays(plane: Plane, admin: Client) -> None:
    made = await create(admin)
    await admin.workspaces.RegisterWorkspace(
        workspaces_pb2.RegisterWorkspaceRequest(parent=ACME, workspace_id="w1")
    )
    await admin.service_accounts.CreateServiceAccount(
        service_accounts_pb2.CreateServiceAccountRequest(parent=ACME, service_account_id="ci")
    )
    assert await refused(delete(admin)) == IN_USE
    await admin.workspaces.DeregisterWorkspace(
        workspaces_pb2.DeregisterWorkspaceRequest(name=f"{ACME}/workspaces/w1")
    )
    assert await refused(delete(admin)) == IN_USE
    await admin.service_accounts.DeleteServiceAccount(
        service_accounts_pb2.DeleteServiceAccountRequest(name=f"{ACME}/serviceAccounts/ci")
    )
    stale = delete(admin, etag="stale")
    assert await refused(stale) == ("ABORTED", "ETAG_MISMATCH")
    await delete(admin, etag=made.etag)
    # The control plane itself stands in the first one.
    assert await refused(delete(admin, ORGANIZATION)) == IN_USE
    assert await refused(delete(admin, "organizations/absent")) == DENIED


async def test_a_deleted_one_gives_nobody_anything_and_its_id_to_nobody(
    plane: Plane, admin: Client
) -> None:
    await create(admin)
    bob = await plane.new_user(admin, "bob@example.com")
    invited = await admin.invitations.CreateInvitation(
        invitations_pb2.CreateInvitationRequest(
            parent=ACME, invitation=invitations_pb2.Invitation(email="bob@example.com")
        )
    )
    await delete(admin)
    assert await organizations(admin) == [ORGANIZATION]
    for call in (get(admin), update(admin), delete(admin), members(admin, parent=ACME)):
        assert await refused(call) == DENIED
    accept = invitations_pb2.AcceptInvitationRequest(token=invited.token)
    gone = bob.invitations.AcceptInvitation(accept)
    assert await refused(gone) == ("NOT_FOUND", "INVALID_INVITATION")
    assert await refused(create(admin)) == TAKEN
    # Accounts are nobody's but the people's: whoever was a member is one elsewhere still.
    name = f"{ORGANIZATION}/members/{bob.subject.removeprefix('users/')}"
    await admin.members.DeactivateMember(members_pb2.DeactivateMemberRequest(name=name))


async def test_a_control_plane_does_not_start_on_a_deleted_organization(
    tmp_path: Any, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url) as plane:
        admin = await plane.set_up()
        await create(admin)
        await delete(admin)
    with pytest.raises(MeshError, match="was deleted"):
        async with running(tmp_path, sqlite_url, organization="acme"):
            pass


async def test_a_script_makes_organizations_for_its_person(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    secret = await personal_token(admin)
    script = await plane.as_user(await exchange(anyone, personal_access_token=secret))
    assert (await create(script)).name == ACME
