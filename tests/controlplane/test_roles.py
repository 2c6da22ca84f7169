"""Roles: the built-in ones stay as they are, custom ones give what their makers hold."""

from typing import Any
from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask

from controlplane.operations.roles import MAX_CUSTOM_ROLES
from controlplane.permissions import CATALOGUE, ROLES
from controlplane.store.schema_access import CustomRole
from tests.controlplane.harness import ORGANIZATION, WORKSPACE, Client, Plane, bind, refused
from tests.controlplane.test_access import DENIED, W1, create, delete, test_permissions
from weftapi.controlplane.v1 import access_pb2

ESCALATION = ("PERMISSION_DENIED", "PRIVILEGE_ESCALATION")
BUILT_IN = ("FAILED_PRECONDITION", "BUILT_IN_ROLE")
MISSING = ("NOT_FOUND", "RESOURCE_NOT_FOUND")
STOPPER = f"{ORGANIZATION}/roles/stopper"


def make(client: Client, role: str, *permissions: str, **fields: str) -> Any:
    request = access_pb2.CreateRoleRequest(
        parent=ORGANIZATION, role_id=role, role=access_pb2.Role(permissions=permissions, **fields)
    )
    return client.access.CreateRole(request)


def get(client: Client, name: str) -> Any:
    return client.access.GetRole(access_pb2.GetRoleRequest(name=name))


def change(client: Client, *paths: str, name: str = STOPPER, **fields: Any) -> Any:
    request = access_pb2.UpdateRoleRequest(
        role=access_pb2.Role(name=name, **fields), update_mask=FieldMask(paths=paths)
    )
    return client.access.UpdateRole(request)


def drop(client: Client, name: str = STOPPER, **fields: str) -> Any:
    return client.access.DeleteRole(access_pb2.DeleteRoleRequest(name=name, **fields))


async def test_roles_are_made_listed_changed_and_deleted(plane: Plane, admin: Client) -> None:
    made = await make(admin, "stopper", "runs.stop", "runs.get", "runs.stop", display_name="Stop")
    assert list(made.permissions) == ["runs.get", "runs.stop"]
    assert not made.built_in
    assert made.creator == admin.subject
    assert await get(admin, STOPPER) == made
    assert (await get(admin, f"{ORGANIZATION}/roles/viewer")).built_in
    listing = access_pb2.ListRolesRequest(parent=ORGANIZATION, page_size=3)
    first = await admin.access.ListRoles(listing)
    listing.page_token = first.next_page_token
    second = await admin.access.ListRoles(listing)
    found = [role.name.rpartition("/")[2] for role in (*first.roles, *second.roles)]
    assert found == ["admin", "editor", "stopper", "viewer"]
    changed = await change(admin, "description", description="Ends runs", etag=made.etag)
    assert (changed.display_name, changed.description) == ("Stop", "Ends runs")
    stale = change(admin, "description", description="x", etag=made.etag)
    assert await refused(stale) == ("ABORTED", "ETAG_MISMATCH")
    assert await refused(drop(admin, etag=made.etag)) == ("ABORTED", "ETAG_MISMATCH")
    await drop(admin, etag=changed.etag)
    for call in (drop(admin), get(admin, STOPPER), change(admin, "description")):
        assert await refused(call) == MISSING


async def test_built_in_roles_never_change(plane: Plane, admin: Client) -> None:
    for role in ROLES:
        name = f"{ORGANIZATION}/roles/{role}"
        assert await refused(change(admin, "permissions", name=name)) == BUILT_IN
        assert await refused(drop(admin, name)) == BUILT_IN
        taken = ("ALREADY_EXISTS", "RESOURCE_EXISTS")
        assert await refused(make(admin, role, "runs.get")) == taken


async def test_roles_are_made_of_the_catalogue(plane: Plane, admin: Client) -> None:
    for permissions in ((), ("runs.fly",), ("*",), ("runs.*",), ("runs.get", "RUNS.GET")):
        assert (await refused(make(admin, "odd", *permissions)))[0] == "INVALID_ARGUMENT"
    await make(admin, "stopper", "runs.stop")
    cleared = change(admin, "permissions")
    assert await refused(cleared) == ("INVALID_ARGUMENT", "INVALID_FIELDS")


async def test_the_catalogue_explains_every_permission(plane: Plane, admin: Client) -> None:
    nobody = await plane.new_user(admin, "no@example.com")
    request = access_pb2.ListPermissionsRequest(page_size=500)
    listed = (await nobody.access.ListPermissions(request)).permissions
    assert {entry.permission for entry in listed} == CATALOGUE
    assert all(entry.description and entry.methods and entry.roles for entry in listed)
    (stop,) = (entry for entry in listed if entry.permission == "runs.stop")
    assert list(stop.methods) == ["RunService.StopRun", "StepService.StopStep"]
    assert list(stop.roles) == ["admin", "editor"]
    first = await nobody.access.ListPermissions(access_pb2.ListPermissionsRequest(page_size=1))
    assert first.next_page_token
    anyone = await plane.edge()
    assert (await refused(anyone.access.ListPermissions(request)))[0] == "UNAUTHENTICATED"


async def test_a_custom_role_gives_what_it_says_and_no_more(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    await make(admin, "stopper", "runs.stop")
    bob = await plane.new_user(admin, "bob@example.com", role="stopper", resource=W1)
    asked = ("runs.stop", "runs.get", "workspaces.use", "roles.list")
    held = await test_permissions(bob, f"{W1}/projects/p/runs/r", *asked)
    assert list(held.permissions) == ["runs.stop"]
    assert not (await test_permissions(bob, ORGANIZATION, *asked)).permissions
    await change(admin, "permissions", permissions=["runs.get"])
    held = await test_permissions(bob, W1, *asked)
    assert list(held.permissions) == ["runs.get"]


async def test_a_role_stays_while_somebody_holds_it(plane: Plane, admin: Client) -> None:
    await make(admin, "stopper", "runs.stop")
    bob = await plane.new_user(admin, "bob@example.com")
    granted = await bind(admin, bob.subject, "stopper", ORGANIZATION)
    assert await refused(drop(admin)) == ("FAILED_PRECONDITION", "RESOURCE_IN_USE")
    await delete(admin, granted.name)
    await drop(admin)
    assert await refused(create(admin, bob.subject, "stopper")) == MISSING


async def test_nobody_makes_a_role_above_themselves(plane: Plane, admin: Client) -> None:
    manages = ("roles.create", "roles.update", "roles.delete", "roleBindings.create", "runs.stop")
    await make(admin, "keeper", *manages)
    await make(admin, "stopper", "runs.stop")
    keeper = await plane.new_user(admin, "k@example.com", role="keeper")
    await make(keeper, "same", "runs.stop", "roles.create")
    assert await refused(make(keeper, "more", "runs.stop", "users.create")) == ESCALATION
    # Their own role is the shortest way up.
    own = f"{ORGANIZATION}/roles/keeper"
    raised = change(keeper, "permissions", name=own, permissions=[*manages, "users.create"])
    assert await refused(raised) == ESCALATION
    # Nor can they take from others what they could not give.
    await make(admin, "creator", "users.create", "runs.stop")
    lowered = change(
        keeper, "permissions", name=f"{ORGANIZATION}/roles/creator", permissions=["runs.stop"]
    )
    assert await refused(lowered) == ESCALATION
    assert await refused(create(keeper, keeper.subject, "admin")) == ESCALATION
    editor = await plane.new_user(admin, "ed@example.com", role="editor")
    for call in (make(editor, "x", "runs.get"), change(editor, "description"), drop(editor)):
        assert await refused(call) == DENIED


async def test_a_role_of_a_workspace_defines_nothing_for_the_organization(
    plane: Plane, admin: Client
) -> None:
    await plane.new_workspace(admin, "w1")
    lead = await plane.new_user(admin, "lead@example.com", role="admin", resource=W1)
    assert await refused(make(lead, "mine", "runs.get")) == DENIED


async def test_an_organization_has_only_so_many_roles(plane: Plane, admin: Client) -> None:
    def fill(session: Any) -> None:
        for number in range(MAX_CUSTOM_ROLES):
            session.add(
                CustomRole(
                    organization="default",
                    id=f"r{number}",
                    display_name="",
                    description="",
                    permissions=["runs.get"],
                    creator=f"users/{uuid4()}",
                    create_time=session.now,
                    update_time=session.now,
                )
            )

    await (await plane.database()).write(fill)
    full = make(admin, "more", "runs.get")
    assert await refused(full) == ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")


async def test_workspaces_hear_of_changed_roles(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    member = await plane.enroll(admin, WORKSPACE, "w1")
    await make(admin, "stopper", "runs.stop")
    await bind(admin, admin.subject, "stopper", W1)
    link = await plane.link(member)

    async def stopper() -> list[str]:
        policy = await link.hear("policy")
        (role,) = (role for role in policy.roles if role.role == "stopper")
        return list(role.permissions)

    assert await stopper() == ["runs.stop"]
    await change(admin, "permissions", permissions=["runs.get", "runs.stop"])
    assert await stopper() == ["runs.get", "runs.stop"]
