"""AccessService and OrganizationService: roles, grants and their guards."""

import asyncio
from typing import Any
from uuid import uuid4

import grpc

from controlplane.store.schema import Organization
from meshkit.feed import ChangeKind
from tests.controlplane.harness import ORGANIZATION, Client, Plane, bind, refused
from weftapi.controlplane.v1 import access_pb2, organizations_pb2

DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")
W1 = f"{ORGANIZATION}/workspaces/w1"


def create(
    client: Client,
    subject: str,
    role: str,
    resource: str = ORGANIZATION,
    *,
    parent: str = ORGANIZATION,
    **fields: str,
) -> Any:
    binding = access_pb2.RoleBinding(
        subject=subject, role=f"{parent}/roles/{role}", resource=resource
    )
    request = access_pb2.CreateRoleBindingRequest(parent=parent, role_binding=binding, **fields)
    return client.access.CreateRoleBinding(request)


def delete(client: Client, name: str) -> Any:
    return client.access.DeleteRoleBinding(access_pb2.DeleteRoleBindingRequest(name=name))


def get(client: Client, name: str) -> Any:
    return client.access.GetRoleBinding(access_pb2.GetRoleBindingRequest(name=name))


def bindings(client: Client, **fields: Any) -> Any:
    request = access_pb2.ListRoleBindingsRequest(parent=ORGANIZATION, **fields)
    return client.access.ListRoleBindings(request)


def test_permissions(client: Client, resource: str, *permissions: str) -> Any:
    request = access_pb2.TestPermissionsRequest(resource=resource, permissions=permissions)
    return client.access.TestPermissions(request)


test_permissions.__test__ = False  # type: ignore[attr-defined]


def organization(client: Client, name: str = ORGANIZATION) -> Any:
    request = organizations_pb2.GetOrganizationRequest(name=name)
    return client.organizations.GetOrganization(request)


async def test_roles_are_listed_with_their_permissions(plane: Plane, admin: Client) -> None:
    request = access_pb2.ListRolesRequest(parent=ORGANIZATION)
    roles = (await admin.access.ListRoles(request)).roles
    assert [role.name.rpartition("/")[2] for role in roles] == ["admin", "editor", "viewer"]
    admin_role, editor, viewer = (set(role.permissions) for role in roles)
    assert viewer < editor < admin_role
    nobody = await plane.new_user(admin, "no@example.com")
    assert await refused(nobody.access.ListRoles(request)) == DENIED


async def test_grants_are_made_found_and_taken_back(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    bob = await plane.new_user(admin, "bob@example.com")
    made = await create(admin, bob.subject, "editor", f"{W1}/projects/p")
    assert made.creator == admin.subject
    assert await refused(create(admin, bob.subject, "editor", f"{W1}/projects/p")) == (
        "ALREADY_EXISTS",
        "RESOURCE_EXISTS",
    )
    found = await bindings(admin, filter=f'subject = "{bob.subject}"')
    assert list(found.role_bindings) == [made]
    assert not (await bindings(admin, filter=f'resource = "{W1}"')).role_bindings
    assert (await refused(bindings(admin, filter="creator = x")))[1] == "INVALID_FILTER"
    first = await bindings(admin, page_size=1)
    second = await bindings(admin, page_size=1, page_token=first.next_page_token)
    assert [*first.role_bindings, *second.role_bindings][0] == made
    await delete(admin, made.name)
    assert await refused(delete(admin, made.name)) == ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    for call in (create(bob, bob.subject, "admin"), delete(bob, made.name), bindings(bob)):
        assert await refused(call) == DENIED


async def test_grants_point_at_what_exists(plane: Plane, admin: Client) -> None:
    missing = ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    assert await refused(create(admin, f"users/{uuid4()}", "viewer")) == missing
    assert await refused(create(admin, "users/me", "viewer")) == missing
    assert await refused(create(admin, f"{ORGANIZATION}/teams/none", "viewer")) == missing
    assert await refused(create(admin, admin.subject, "owner")) == missing
    assert await refused(create(admin, admin.subject, "viewer", W1)) == missing
    for resource in ("organizations/other", "organizations/other/workspaces/w1"):
        assert await refused(create(admin, admin.subject, "viewer", resource)) == DENIED
    for resource in ("*", "organizations/-", f"{ORGANIZATION}/", f"{ORGANIZATION}/workspaces/-"):
        assert (await refused(create(admin, admin.subject, "viewer", resource)))[0] in {
            "INVALID_ARGUMENT",
            "NOT_FOUND",
        }


async def test_a_grant_is_safe_to_repeat(plane: Plane, admin: Client) -> None:
    bob = await plane.new_user(admin, "bob@example.com")
    id_ = str(uuid4())
    calls = [create(admin, bob.subject, "viewer", request_id=id_) for _ in range(20)]
    made = await asyncio.gather(*calls)
    assert len({binding.name for binding in made}) == 1


async def test_the_last_administrator_stays(plane: Plane, admin: Client) -> None:
    (own,) = (await bindings(admin)).role_bindings
    last = ("FAILED_PRECONDITION", "LAST_ADMINISTRATOR")
    assert await refused(delete(admin, own.name)) == last
    bob = await plane.new_user(admin, "bob@example.com", role="admin")
    (second,) = (await bindings(admin, filter=f'subject = "{bob.subject}"')).role_bindings
    outcomes = await asyncio.gather(
        refused(delete(admin, own.name)),
        refused(delete(bob, second.name)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, AssertionError) for outcome in outcomes) == 1
    assert last in outcomes


async def test_an_administrator_grants_where_they_are_one(plane: Plane, admin: Client) -> None:
    """And sees, makes and takes grants there alone; elsewhere a grant is as good as none."""
    for workspace in ("w1", "w2"):
        await plane.new_workspace(admin, workspace)
    lead = await plane.new_user(admin, "lead@example.com", role="admin", resource=W1)
    bob = await plane.new_user(admin, "bob@example.com")
    elsewhere = await bind(admin, bob.subject, "viewer", f"{ORGANIZATION}/workspaces/w2")
    for resource in (ORGANIZATION, f"{ORGANIZATION}/workspaces/w2", f"{ORGANIZATION}/workspaces/w"):
        assert await refused(create(lead, bob.subject, "viewer", resource)) == DENIED
    made = [
        await create(lead, bob.subject, "editor", resource)
        for resource in (W1, f"{W1}/projects/p", f"{W1}/projects/p/runs/r")
    ]
    listed = (await bindings(lead)).role_bindings
    assert [row.name for row in listed[:3]] == [row.name for row in reversed(made)]
    assert all(row.resource.startswith(W1) for row in listed)
    assert (await get(lead, made[0].name)) == made[0]
    absent = elsewhere.name[:-12] + "000000000000"
    for name in (elsewhere.name, absent):
        assert await refused(get(lead, name)) == DENIED
        assert await refused(delete(lead, name)) == DENIED
    for row in made:
        await delete(lead, row.name)
    assert await refused(get(admin, absent)) == ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    assert (await get(admin, elsewhere.name)) == elsewhere


async def test_what_is_authorized_is_what_is_granted(plane: Plane, admin: Client) -> None:
    """The name that is decided on, and those that are acted on, cannot differ."""
    await plane.new_workspace(admin, "w1")
    lead = await plane.new_user(admin, "lead@example.com", role="admin", resource=W1)
    odd = ("INVALID_ARGUMENT", "INVALID_FIELDS")
    foreign = create(lead, lead.subject, "viewer", W1, parent="organizations/other")
    assert await refused(foreign) == odd
    binding = access_pb2.RoleBinding(
        subject=lead.subject, role="organizations/other/roles/admin", resource=W1
    )
    request = access_pb2.CreateRoleBindingRequest(parent=ORGANIZATION, role_binding=binding)
    assert await refused(lead.access.CreateRoleBinding(request)) == odd
    for resource in ("organizations/-", f"{ORGANIZATION}/workspaces/-", f"{W1}/projects/-", "*"):
        assert (await refused(create(lead, lead.subject, "viewer", resource)))[0] in {
            "INVALID_ARGUMENT",
            "PERMISSION_DENIED",
        }
    for parent in ("organizations/-", "organizations/*", ""):
        request = access_pb2.ListRoleBindingsRequest(parent=parent)
        assert await refused(lead.access.ListRoleBindings(request)) == odd


async def test_permissions_are_told_truthfully(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    await plane.new_workspace(admin, "w2")
    editor = await plane.new_user(
        admin, "ed@example.com", role="editor", resource=f"{W1}/projects/p"
    )
    asked = ("runs.create", "runs.get", "workspaces.use", "projects.delete", "no.such")

    async def held(client: Client, resource: str) -> list[str]:
        return list((await test_permissions(client, resource, *asked)).permissions)

    assert await held(editor, f"{W1}/projects/p") == ["runs.create", "runs.get", "workspaces.use"]
    assert await held(editor, W1) == ["workspaces.use"]
    assert await held(editor, f"{W1}/projects/p/runs/r/steps/s") == [
        "runs.create",
        "runs.get",
        "workspaces.use",
    ]
    assert await held(editor, ORGANIZATION) == ["workspaces.use"]
    assert await held(editor, f"{ORGANIZATION}/teams/any") == ["workspaces.use"]
    assert await held(editor, f"{ORGANIZATION}/workspaces/w2") == []
    assert await held(editor, "organizations/other") == []
    assert await held(admin, f"{W1}/projects/p") == list(asked[:4])
    assert (await refused(test_permissions(editor, W1)))[0] == "INVALID_ARGUMENT"
    anyone = await plane.edge()
    assert (await refused(test_permissions(anyone, W1, "runs.get")))[0] == "UNAUTHENTICATED"


async def test_organizations_are_seen_by_whoever_has_a_role_in_them(
    plane: Plane, admin: Client
) -> None:
    await plane.new_workspace(admin, "w1")
    inside = await plane.new_user(
        admin, "in@example.com", role="viewer", resource=f"{W1}/projects/p"
    )
    nobody = await plane.new_user(admin, "no@example.com")
    request = organizations_pb2.ListOrganizationsRequest()
    for client, names in ((admin, [ORGANIZATION]), (inside, [ORGANIZATION]), (nobody, [])):
        listed = await client.organizations.ListOrganizations(request)
        assert [row.name for row in listed.organizations] == names
    assert (await organization(inside)).name == ORGANIZATION
    assert await refused(organization(nobody)) == DENIED
    anyone = await plane.edge()
    assert (await refused(anyone.organizations.ListOrganizations(request)))[0] == "UNAUTHENTICATED"


async def test_another_organization_is_as_good_as_absent(plane: Plane, admin: Client) -> None:
    """Byte-identical refusals, decided on the name alone, whatever else is wrong."""

    def add_organization(session):
        row = Organization(
            id="other",
            display_name="Other",
            create_time=session.now,
            update_time=session.now,
        )
        session.add(row)
        session.flush()
        session.emit(ChangeKind.CREATED, row)

    await (await plane.database()).write(add_organization)
    answers = set()
    for name in ("organizations/other", "organizations/absent"):
        try:
            await organization(admin, name)
        except grpc.aio.AioRpcError as error:
            answers.add((error.code(), error.details(), _details(error)))
    assert len(answers) == 1
    for call in (
        create(admin, admin.subject, "viewer", "organizations/other", parent="organizations/other"),
        delete(admin, f"organizations/other/roleBindings/{uuid4()}"),
    ):
        assert await refused(call) == DENIED
    (own,) = (await bindings(admin)).role_bindings
    elsewhere = own.name.replace("default", "other")
    assert await refused(delete(admin, elsewhere)) == DENIED


def _details(error: Any) -> tuple[bytes, ...]:
    return tuple(
        value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"
    )


async def test_malformed_names_are_told_only_to_those_who_may(plane: Plane, admin: Client) -> None:
    nobody = await plane.new_user(admin, "no@example.com")
    for name in ("", "x", "organizations/", "organizations/default/", "organizations/%64efault"):
        assert await refused(organization(nobody, name)) == DENIED
        assert (await refused(organization(admin, name)))[0] == "INVALID_ARGUMENT"


async def test_a_grant_counts_with_the_next_call(plane: Plane, admin: Client) -> None:
    bob = await plane.new_user(admin, "bob@example.com")
    assert await refused(organization(bob)) == DENIED
    granted = await bind(admin, bob.subject, "viewer", ORGANIZATION)
    assert (await organization(bob)).name == ORGANIZATION
    await delete(admin, granted.name)
    assert await refused(organization(bob)) == DENIED
