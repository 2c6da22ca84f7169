"""Grants that end, grants of one resource, and why somebody may do something."""

from datetime import timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from controlplane.operations import expired_grants
from controlplane.permissions import FROM_BELOW, ROLES
from tests.controlplane.harness import ORGANIZATION, WORKSPACE, Client, Plane, bind, refused
from tests.controlplane.test_access import (
    DENIED,
    W1,
    bindings,
    create,
    delete,
    get,
    organization,
    test_permissions,
)
from tests.controlplane.test_roles import make as make_role
from tests.controlplane.test_teams import ML, add
from tests.controlplane.test_teams import make as make_team
from weftapi.controlplane.v1 import access_pb2, auth_pb2, members_pb2, users_pb2

ESCALATION = ("PERMISSION_DENIED", "PRIVILEGE_ESCALATION")
RUN = f"{W1}/projects/p/runs/r"


def grant(
    plane: Plane,
    client: Client,
    subject: str,
    role: str,
    *,
    resource: str = ORGANIZATION,
    **ends: Any,
) -> Any:
    """A grant that ends after a while."""
    expire_time = Timestamp()
    expire_time.FromDatetime(plane.clock.now() + timedelta(**ends))
    binding = access_pb2.RoleBinding(
        subject=subject,
        role=f"{ORGANIZATION}/roles/{role}",
        resource=resource,
        expire_time=expire_time,
    )
    request = access_pb2.CreateRoleBindingRequest(parent=ORGANIZATION, role_binding=binding)
    return client.access.CreateRoleBinding(request)


def recover(client: Client, who: Client) -> Any:
    name = f"{ORGANIZATION}/members/{who.subject.removeprefix('users/')}"
    request = members_pb2.CreateRecoveryTokenRequest(name=name)
    return client.members.CreateRecoveryToken(request)


def explain(client: Client, resource: str, *permissions: str, subject: str = "") -> Any:
    request = access_pb2.GetEffectivePermissionsRequest(
        resource=resource, subject=subject, permissions=permissions
    )
    return client.access.GetEffectivePermissions(request)


async def test_only_what_there_are_permissions_for_is_shared(plane: Plane, admin: Client) -> None:
    """A grant on a misspelt kind would look like one, and give nothing."""
    await plane.new_workspace(admin, "w1")
    project = f"{W1}/projects/p"
    for kind in ("run", "Runs", "secretss", "steps"):
        wrong = bind(admin, admin.subject, "viewer", f"{project}/{kind}/r")
        assert await refused(wrong) == ("INVALID_ARGUMENT", "INVALID_FIELDS")
    for kind in ("runs", "pipelines", "artifacts", "logStreams"):
        await bind(admin, admin.subject, "viewer", f"{project}/{kind}/r")


async def test_an_expired_grant_counts_nowhere(plane: Plane, admin: Client) -> None:
    bob = await plane.new_user(admin, "bob@example.com")
    made = await grant(plane, admin, bob.subject, "viewer", minutes=2)
    assert (await organization(bob)).name == ORGANIZATION
    assert (await get(admin, made.name)).expire_time == made.expire_time
    plane.clock.advance(minutes=2)
    assert await refused(organization(bob)) == DENIED
    assert not (await test_permissions(bob, ORGANIZATION, "runs.get")).permissions
    assert not (await explain(bob, ORGANIZATION)).permissions
    # The same again is a new grant, not a doubled one.
    again = await grant(plane, admin, bob.subject, "viewer", minutes=2)
    assert again.name != made.name
    assert (await organization(bob)).name == ORGANIZATION
    plane.clock.advance(minutes=2)
    database = await plane.database()
    await database.write(expired_grants.remove_all)
    assert not (await bindings(admin, filter=f'subject = "{bob.subject}"')).role_bindings


async def test_a_grant_ends_in_the_future(plane: Plane, admin: Client) -> None:
    for ends in ({"seconds": 0}, {"days": -1}):
        made = grant(plane, admin, admin.subject, "viewer", **ends)
        assert await refused(made) == ("INVALID_ARGUMENT", "INVALID_FIELDS")


async def test_workspaces_hear_when_grants_end(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    link = await plane.link(await plane.enroll(admin, WORKSPACE, "w1"))
    await link.hear("policy")
    bob = await plane.new_user(admin, "bob@example.com")
    made = await grant(plane, admin, bob.subject, "viewer", resource=RUN, hours=1)
    told = (await link.hear("policy")).grants
    (shared,) = (each for each in told if each.subject == bob.subject)
    assert shared.resource == "projects/p/runs/r"
    assert shared.expire_time == made.expire_time


async def test_nobody_gives_for_longer_than_they_hold(plane: Plane, admin: Client) -> None:
    """Otherwise an administrator for an hour would be one for ever."""
    guest = await plane.new_user(admin, "guest@example.com")
    await grant(plane, admin, guest.subject, "admin", hours=1)
    bob = await plane.new_user(admin, "bob@example.com")
    for subject in (guest.subject, bob.subject):
        assert await refused(create(guest, subject, "viewer")) == ESCALATION
        assert await refused(grant(plane, guest, subject, "viewer", hours=2)) == ESCALATION
    await grant(plane, guest, bob.subject, "viewer", minutes=59)
    # Nor by a team that holds it for good, nor by a role, which has no end.
    await make_team(admin)
    await bind(admin, ML, "editor", ORGANIZATION)
    assert await refused(add(guest, guest.subject)) == ESCALATION
    made = access_pb2.CreateRoleRequest(
        parent=ORGANIZATION, role_id="mine", role=access_pb2.Role(permissions=["runs.get"])
    )
    assert await refused(guest.access.CreateRole(made)) == ESCALATION


async def test_an_administrator_for_a_while_is_not_the_one_who_remains(
    plane: Plane, admin: Client
) -> None:
    (own,) = (await bindings(admin)).role_bindings
    guest = await plane.new_user(admin, "guest@example.com")
    temporary = await grant(plane, admin, guest.subject, "admin", days=300)
    last = ("FAILED_PRECONDITION", "LAST_ADMINISTRATOR")
    assert await refused(delete(admin, own.name)) == last
    await delete(admin, temporary.name)


async def test_a_shared_resource_is_all_that_is_shared(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    bob = await plane.new_user(admin, "bob@example.com", role="viewer", resource=RUN)
    asked = ("runs.get", "workspaces.use", "projects.get")
    for resource, held in (
        (RUN, ["runs.get", "workspaces.use", "projects.get"]),
        (f"{RUN}/steps/s", ["runs.get", "workspaces.use", "projects.get"]),
        (f"{RUN}2", []),
        (f"{W1}/projects/p/runs/other", []),
        # From below: that there is such a workspace, and that it may be entered.
        (f"{W1}/projects/p", ["workspaces.use"]),
        (W1, ["workspaces.use"]),
        (f"{ORGANIZATION}/workspaces/w2", []),
    ):
        assert list((await test_permissions(bob, resource, *asked)).permissions) == held
    deeper = create(admin, bob.subject, "viewer", f"{RUN}/steps/s")
    assert (await refused(deeper))[0] == "INVALID_ARGUMENT"


async def test_permissions_are_explained(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    bob = await plane.new_user(admin, "bob@example.com")
    await make_team(admin)
    await add(admin, bob.subject)
    by_team = await bind(admin, ML, "viewer", ORGANIZATION)
    for_a_while = await grant(plane, admin, bob.subject, "editor", resource=W1, hours=1)
    below = await bind(admin, bob.subject, "viewer", f"{W1}/projects/p")
    await bind(admin, bob.subject, "viewer", RUN)

    told = await explain(bob, W1, "runs.get", "runs.create", "runs.delete", "workspaces.use")
    assert told.resource == W1
    why = {each.permission: list(each.role_bindings) for each in told.permissions}
    assert why.pop("runs.get") == [by_team.name, for_a_while.name]
    assert why.pop("runs.create") == [for_a_while.name]
    assert {by_team.name, for_a_while.name, below.name} < set(why.pop("workspaces.use"))
    assert not why
    grants = {each.role_binding: each for each in told.grants}
    assert grants[by_team.name].team == ML
    assert grants[by_team.name].resource == ORGANIZATION
    assert not grants[by_team.name].HasField("expire_time")
    assert not grants[for_a_while.name].team
    assert grants[for_a_while.name].expire_time == for_a_while.expire_time
    assert grants[for_a_while.name].role == f"{ORGANIZATION}/roles/editor"

    everything = await explain(admin, RUN)
    assert {each.permission for each in everything.permissions} == ROLES["admin"].permissions
    assert await explain(bob, W1, subject=bob.subject) == await explain(bob, W1)
    assert (await refused(explain(admin, f"{W1}/nonsense/x")))[0] == "INVALID_ARGUMENT"


async def test_others_are_explained_to_who_may_list_grants_there(
    plane: Plane, admin: Client
) -> None:
    await plane.new_workspace(admin, "w1")
    lead = await plane.new_user(admin, "lead@example.com", role="admin", resource=W1)
    bob = await plane.new_user(admin, "bob@example.com", role="viewer", resource=W1)
    await make_team(admin)
    await bind(admin, ML, "editor", W1)
    own = await explain(bob, W1)
    assert await explain(lead, W1, subject=bob.subject) == own
    of_team = await explain(lead, W1, "runs.create", subject=ML)
    assert [each.permission for each in of_team.permissions] == ["runs.create"]
    for call in (
        explain(bob, W1, subject=lead.subject),
        explain(lead, ORGANIZATION, subject=bob.subject),
        explain(lead, f"{ORGANIZATION}/workspaces/w2", subject=bob.subject),
        explain(lead, "organizations/other", subject=bob.subject),
    ):
        assert await refused(call) == DENIED
    nobody = explain(admin, W1, subject=f"{ORGANIZATION}/teams/none")
    assert await refused(nobody) == ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    anyone = await plane.edge()
    assert (await refused(explain(anyone, W1)))[0] == "UNAUTHENTICATED"


async def test_a_limited_token_explains_what_it_may_do_itself(plane: Plane, admin: Client) -> None:
    """And gives no more than that, whatever its owner holds."""
    request = users_pb2.CreatePersonalAccessTokenRequest(parent="users/me")
    request.personal_access_token.display_name = "narrow"
    request.personal_access_token.scopes.extend(["runs.get", "roleBindings.create"])
    secret = (await admin.users.CreatePersonalAccessToken(request)).secret
    anyone = await plane.edge()
    exchange = auth_pb2.ExchangeTokenRequest(personal_access_token=secret)
    narrow = await plane.as_user(await anyone.auth.ExchangeToken(exchange))
    held = {each.permission for each in (await explain(narrow, ORGANIZATION)).permissions}
    assert held - FROM_BELOW == {"runs.get", "roleBindings.create"}
    bob = await plane.new_user(admin, "bob@example.com")
    assert await refused(create(narrow, bob.subject, "viewer")) == ESCALATION


async def test_who_is_an_administrator_for_an_hour_takes_no_account_over_for_good(
    plane: Plane, admin: Client
) -> None:
    bob = await plane.new_user(admin, "bob@example.com")
    await grant(plane, admin, bob.subject, "admin", hours=1)
    carol = await plane.new_user(admin, "carol@example.com")
    await grant(plane, admin, carol.subject, "editor", minutes=30)
    assert (await recover(bob, carol)).password_token
    assert await refused(recover(bob, admin)) == ESCALATION
    assert (await recover(bob, bob)).password_token


async def test_what_a_role_below_opens_above_is_not_to_be_given_away(
    plane: Plane, admin: Client
) -> None:
    """Finding the way to one workspace is no right to enter all of them."""
    await plane.new_workspace(admin, "w1")
    await make_role(admin, "granter", "roleBindings.create", "roles.create")
    await make_role(admin, "visitor", "workspaces.get", "workspaces.use")
    bob = await plane.new_user(admin, "bob@example.com", role="granter")
    await bind(admin, bob.subject, "viewer", f"{W1}/projects/p")
    friend = await plane.new_user(admin, "friend@example.com")
    for resource in (ORGANIZATION, W1):
        assert await refused(create(bob, friend.subject, "visitor", resource)) == ESCALATION
    assert await refused(make_role(bob, "mine", "workspaces.use")) == ESCALATION
    assert (await create(bob, friend.subject, "visitor", f"{W1}/projects/p")).name
