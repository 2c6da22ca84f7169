"""ServiceAccountService: accounts, their grants, and what is dead when."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tests.controlplane.harness import (
    ORGANIZATION,
    WORKSPACE,
    Client,
    Plane,
    bind,
    refused,
)
from tests.controlplane.programs import (
    ACCOUNT,
    DENIED,
    INVALID_GRANT,
    MISSING,
    NOT_ALLOWED,
    UNAUTHENTICATED,
    delete,
    delete_key,
    disable,
    enable,
    exchange,
    get_key,
    list_keys,
    new_account,
    new_key,
    rotate,
    sign_in,
    whoami,
)
from weftapi.controlplane.v1 import access_pb2, auth_pb2, organizations_pb2, users_pb2
from weftapi.controlplane.v1 import service_accounts_pb2 as pb


def get(client: Client, name: str = ACCOUNT):
    return client.service_accounts.GetServiceAccount(pb.GetServiceAccountRequest(name=name))


async def test_accounts_are_made_changed_and_listed(plane: Plane, admin: Client) -> None:
    stub = admin.service_accounts
    id_ = str(uuid4())
    request = pb.CreateServiceAccountRequest(
        parent=ORGANIZATION, service_account_id="ci", request_id=id_
    )
    request.service_account.description = "builds"
    made = await stub.CreateServiceAccount(request)
    assert (made.name, made.creator) == (ACCOUNT, admin.subject)
    assert await stub.CreateServiceAccount(request) == made
    request.request_id = ""
    taken = stub.CreateServiceAccount(request)
    assert await refused(taken) == ("ALREADY_EXISTS", "RESOURCE_EXISTS")
    change = pb.UpdateServiceAccountRequest(service_account=made)
    change.service_account.display_name = "CI"
    changed = await stub.UpdateServiceAccount(change)
    assert (changed.display_name, changed.description) == ("CI", "builds")
    assert changed.etag != made.etag
    assert await get(admin) == changed
    assert await refused(stub.UpdateServiceAccount(change)) == ("ABORTED", "ETAG_MISMATCH")
    await new_account(admin, "another")
    page = await stub.ListServiceAccounts(
        pb.ListServiceAccountsRequest(parent=ORGANIZATION, page_size=1)
    )
    assert page.service_accounts[0].name.endswith("/another")
    rest = pb.ListServiceAccountsRequest(parent=ORGANIZATION, page_token=page.next_page_token)
    assert [a.name for a in (await stub.ListServiceAccounts(rest)).service_accounts] == [ACCOUNT]


async def test_whoever_may_not_learns_nothing(plane: Plane, admin: Client) -> None:
    await new_account(admin)
    key = (await new_key(admin, ACCOUNT)).api_key.name
    viewer = await plane.new_user(admin, "vi@example.com", role="viewer")
    assert (await get(viewer)).name == ACCOUNT
    absent = f"{ORGANIZATION}/serviceAccounts/none"
    for name in (ACCOUNT, absent):
        stub = viewer.service_accounts
        create = pb.CreateServiceAccountRequest(parent=ORGANIZATION, service_account_id="x")
        update = pb.UpdateServiceAccountRequest(service_account=pb.ServiceAccount(name=name))
        for call in (
            stub.CreateServiceAccount(create),
            stub.UpdateServiceAccount(update),
            disable(viewer, name),
            enable(viewer, name),
            delete(viewer, name),
            new_key(viewer, name),
            stub.ListApiKeys(pb.ListApiKeysRequest(parent=name)),
        ):
            assert await refused(call) == DENIED
    for name in (key, f"{absent}/apiKeys/{uuid4()}"):
        update_key = pb.UpdateApiKeyRequest(api_key=pb.ApiKey(name=name))
        for call in (
            get_key(viewer, name),
            viewer.service_accounts.UpdateApiKey(update_key),
            delete_key(viewer, name),
            rotate(viewer, name),
        ):
            assert await refused(call) == DENIED
    foreign = "organizations/other/serviceAccounts/ci"
    assert await refused(get(admin, foreign)) == DENIED
    nobody = await plane.new_user(admin, "no@example.com")
    listing = pb.ListServiceAccountsRequest(parent=ORGANIZATION)
    assert await refused(get(nobody)) == DENIED
    assert await refused(nobody.service_accounts.ListServiceAccounts(listing)) == DENIED
    for call in (get(admin, absent), disable(admin, absent), new_key(admin, absent)):
        assert await refused(call) == MISSING


async def test_a_program_has_no_session_of_a_person(plane: Plane, admin: Client) -> None:
    await new_account(admin)
    program = await sign_in(plane, (await new_key(admin, ACCOUNT)).secret)
    device = await program.auth.StartDeviceAuthorization(auth_pb2.StartDeviceAuthorizationRequest())
    token = users_pb2.PersonalAccessToken(display_name="x")
    for call in (
        program.auth.ApproveDevice(auth_pb2.ApproveDeviceRequest(user_code=device.user_code)),
        program.users.CreatePersonalAccessToken(
            users_pb2.CreatePersonalAccessTokenRequest(
                parent="users/me", personal_access_token=token
            )
        ),
    ):
        assert await refused(call) == NOT_ALLOWED
    me = users_pb2.GetUserRequest(name="users/me")
    assert await refused(program.users.GetUser(me)) == DENIED
    assert await refused(get(program)) == DENIED


async def test_a_program_holds_roles_as_people_do(plane: Plane, admin: Client) -> None:
    account = await new_account(admin)
    await plane.new_workspace(admin, "w1")
    member = await plane.enroll(admin, WORKSPACE, "w1")
    program = await sign_in(plane, (await new_key(admin, ACCOUNT)).secret)
    workspace = f"{ORGANIZATION}/workspaces/w1"
    mint = auth_pb2.MintWorkspaceTokenRequest(workspace=workspace)
    assert await refused(program.auth.MintWorkspaceToken(mint)) == DENIED
    link = await plane.link(member)
    await link.hear("policy")
    await bind(admin, ACCOUNT, "editor", workspace)
    (grant,) = [g for g in (await link.hear("policy")).grants if g.role == "editor"]
    assert grant.subject == f"serviceAccounts/{account.uid}"
    minted = await program.auth.MintWorkspaceToken(mint)
    assert (minted.subject, minted.audience) == (grant.subject, workspace)
    (held,) = (await whoami(program)).roles
    assert held.resource == workspace
    (organization,) = (
        await program.organizations.ListOrganizations(organizations_pb2.ListOrganizationsRequest())
    ).organizations
    assert organization.name == ORGANIZATION
    # Its grants go with it, and the next of its id gets none of them.
    await delete(admin, ACCOUNT)
    assert [g.role for g in (await link.hear("policy")).grants] == ["admin"]
    await new_account(admin)
    successor = await sign_in(plane, (await new_key(admin, ACCOUNT)).secret)
    assert not (await whoami(successor)).roles
    assert await refused(successor.auth.MintWorkspaceToken(mint)) == DENIED


async def test_nobody_becomes_a_program_that_holds_more(plane: Plane, admin: Client) -> None:
    await new_account(admin)
    key = (await new_key(admin, ACCOUNT)).api_key
    await bind(admin, ACCOUNT, "admin", ORGANIZATION)
    await disable(admin, ACCOUNT)
    # For an hour an administrator, so not for as long as the account.
    deputy = await plane.new_user(admin, "deputy@example.com")
    binding = access_pb2.RoleBinding(
        subject=deputy.subject,
        role=f"{ORGANIZATION}/roles/admin",
        resource=ORGANIZATION,
        expire_time=datetime.now(UTC) + timedelta(hours=1),
    )
    await admin.access.CreateRoleBinding(
        access_pb2.CreateRoleBindingRequest(parent=ORGANIZATION, role_binding=binding)
    )
    for call in (new_key(deputy, ACCOUNT), rotate(deputy, key.name), enable(deputy, ACCOUNT)):
        assert await refused(call) == ("PERMISSION_DENIED", "PRIVILEGE_ESCALATION")
    await enable(admin, ACCOUNT)
    program = await sign_in(plane, (await rotate(admin, key.name)).secret)
    # A stolen key must not renew itself.
    for call in (new_key(program, ACCOUNT), rotate(program, key.name)):
        assert await refused(call) == NOT_ALLOWED
    other = await new_account(program, "other")
    assert (await new_key(program, other.name)).secret


async def test_a_disabled_account_is_shut_out_until_enabled(plane: Plane, admin: Client) -> None:
    await new_account(admin)
    secret = (await new_key(admin, ACCOUNT)).secret
    anyone = await plane.edge()
    program = await sign_in(plane, secret)
    disabled = await disable(admin, ACCOUNT)
    assert disabled.HasField("disable_time")
    assert await disable(admin, ACCOUNT) == disabled
    assert await refused(whoami(program)) == UNAUTHENTICATED
    assert await refused(exchange(anyone, secret)) == INVALID_GRANT
    enabled = await enable(admin, ACCOUNT)
    assert not enabled.HasField("disable_time")
    assert await enable(admin, ACCOUNT) == enabled
    assert await whoami(await plane.as_user(await exchange(anyone, secret)))
    stale = pb.DisableServiceAccountRequest(name=ACCOUNT, etag=disabled.etag)
    call = admin.service_accounts.DisableServiceAccount(stale)
    assert await refused(call) == ("ABORTED", "ETAG_MISMATCH")


async def test_a_deleted_account_leaves_nothing_to_the_next_of_its_id(
    plane: Plane, admin: Client
) -> None:
    first = await new_account(admin)
    created = await new_key(admin, ACCOUNT)
    program = await sign_in(plane, created.secret)
    await delete(admin, ACCOUNT)
    assert await refused(delete(admin, ACCOUNT)) == MISSING
    second = await new_account(admin)
    assert second.uid != first.uid
    assert await refused(whoami(program)) == UNAUTHENTICATED
    assert await refused(exchange(await plane.edge(), created.secret)) == INVALID_GRANT
    assert not (await list_keys(admin)).api_keys
    assert await refused(get_key(admin, created.api_key.name)) == MISSING


async def test_workspaces_hear_at_once_whose_tokens_are_dead(plane: Plane, admin: Client) -> None:
    account = await new_account(admin)
    subject = f"serviceAccounts/{account.uid}"
    old = await new_key(admin, ACCOUNT)
    await plane.new_workspace(admin, "w1")
    member = await plane.enroll(admin, WORKSPACE, "w1")
    link = await plane.link(member)
    await link.hear("policy")
    await disable(admin, ACCOUNT)
    (shut_out,) = (await link.hear("policy")).revocations
    assert shut_out.subject == subject
    assert shut_out.not_before.seconds > datetime.now(UTC).timestamp()
    await enable(admin, ACCOUNT)
    (readmitted,) = (await link.hear("policy")).revocations
    # Tokens from now on count; those from before stay dead.
    assert 0 <= datetime.now(UTC).timestamp() + 1 - readmitted.not_before.seconds <= 20
    await rotate(admin, old.api_key.name)
    revoked = {each.subject for each in (await link.hear("policy")).revocations}
    assert revoked == {subject, f"sessions/{old.api_key.uid}"}
    await delete(admin, ACCOUNT)
    last = (await link.hear("policy")).revocations
    assert [each.subject for each in last].count(subject) == 2
