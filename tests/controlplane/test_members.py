"""MemberService: who belongs, who is taken out, and what becomes of their accounts."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from controlplane.store.schema import Base, Member, Organization
from controlplane.store.schema_access import RoleBinding
from meshkit.feed import ChangeKind
from tests.controlplane.harness import (
    ADMIN_EMAIL,
    ORGANIZATION,
    PASSWORD,
    WORKSPACE,
    Client,
    Plane,
    bind,
    refused,
    running,
)
from weftapi.controlplane.v1 import access_pb2, auth_pb2, members_pb2, users_pb2

DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")
MISSING = ("NOT_FOUND", "RESOURCE_NOT_FOUND")
INVALID_GRANT = ("UNAUTHENTICATED", "INVALID_GRANT")
UNAUTHENTICATED = ("UNAUTHENTICATED", "INVALID_CREDENTIAL")
LAST = ("FAILED_PRECONDITION", "LAST_ADMINISTRATOR")
SHARED = ("FAILED_PRECONDITION", "SHARED_ACCOUNT")
VERBS = ("RemoveMember", "DeactivateMember", "ReactivateMember", "EraseMember")


def name_of(who: Client, organization: str = ORGANIZATION) -> str:
    return f"{organization}/members/{who.subject.removeprefix('users/')}"


def call(client: Client, method: str, name: str) -> Any:
    request = getattr(members_pb2, f"{method}Request")(name=name)
    return getattr(client.members, method)(request)


def members(client: Client, **fields: Any) -> Any:
    request = members_pb2.ListMembersRequest(**{"parent": ORGANIZATION, **fields})
    return client.members.ListMembers(request)


def whoami(client: Client) -> Any:
    return client.users.GetUser(users_pb2.GetUserRequest(name="users/me"))


def set_password(client: Client, email: str, token: str, new: str = PASSWORD) -> Any:
    request = users_pb2.SetPasswordRequest(email=email, password_token=token, new_password=new)
    return client.users.SetPassword(request)


async def personal_token(client: Client) -> str:
    token = users_pb2.PersonalAccessToken(display_name="ci")
    request = users_pb2.CreatePersonalAccessTokenRequest(
        parent="users/me", personal_access_token=token
    )
    return (await client.users.CreatePersonalAccessToken(request)).secret


def exchange(client: Client, **grant: str) -> Any:
    return client.auth.ExchangeToken(auth_pb2.ExchangeTokenRequest(**grant))


async def share(plane: Plane, who: Client, organization: str = "other") -> None:
    """Lets an account belong to a second organization, where nobody else is."""
    uid = UUID(who.subject.removeprefix("users/"))

    def join(session: Any) -> None:
        row = Organization(
            id=organization,
            display_name="Other",
            create_time=session.now,
            update_time=session.now,
        )
        session.add(row)
        session.flush()
        session.emit(ChangeKind.CREATED, row)
        session.add(
            Member(
                organization=organization,
                user_uid=uid,
                email_key=f"{uid}",
                create_time=session.now,
            )
        )

    await (await plane.database()).write(join)


async def test_members_are_listed_by_address_in_pages(plane: Plane, admin: Client) -> None:
    for number in range(5):
        await plane.new_user(admin, f"User{number}@example.com")
    first = await members(admin, page_size=4)
    second = await members(admin, page_size=4, page_token=first.next_page_token)
    listed = [*first.members, *second.members]
    assert [m.email for m in listed] == [ADMIN_EMAIL, *(f"User{n}@example.com" for n in range(5))]
    assert not second.next_page_token
    assert await call(admin, "GetMember", listed[0].name) == listed[0]
    assert listed[0].user == admin.subject
    assert listed[0].state == members_pb2.MEMBER_STATE_ACTIVE
    (found,) = (await members(admin, filter='email = "user3@example.com"')).members
    assert found == listed[4]
    viewer = await plane.new_user(admin, "vi@example.com", role="viewer")
    nobody = await plane.new_user(admin, "no@example.com")
    assert len((await members(viewer)).members) == 8
    assert await refused(members(nobody)) == DENIED
    assert (await refused(members(admin, page_token="forged")))[1] == "INVALID_PAGE_TOKEN"
    assert (await refused(members(admin, filter="password = 1")))[1] == "INVALID_FILTER"


async def test_names_decide_before_anything_is_looked_up(plane: Plane, admin: Client) -> None:
    nobody = await plane.new_user(admin, "no@example.com")
    viewer = await plane.new_user(admin, "vi@example.com", role="viewer")
    anyone = await plane.edge()
    absent = f"{ORGANIZATION}/members/{uuid4()}"
    for verb in (*VERBS, "CreateRecoveryToken"):
        for name in (name_of(admin), absent, "organizations/other/members/x", "", "\n" * 9000):
            assert await refused(call(nobody, verb, name)) == DENIED
            assert await refused(call(anyone, verb, name)) == UNAUTHENTICATED
        assert await refused(call(viewer, verb, name_of(admin))) == DENIED
        assert await refused(call(admin, verb, absent)) == MISSING
        for wrong in ("", f"{ORGANIZATION}/members/", f"{absent}\n", f"{absent}/x", absent * 1000):
            assert (await refused(call(admin, verb, wrong)))[0] == "INVALID_ARGUMENT"
    assert await refused(call(nobody, "GetMember", name_of(nobody))) == DENIED
    assert await refused(call(admin, "GetMember", f"{ORGANIZATION}/members/me")) == MISSING


async def test_a_member_goes_with_everything_granted(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    w1 = f"{ORGANIZATION}/workspaces/w1"
    bob = await plane.new_user(admin, "bob@example.com", role="admin")
    await bind(admin, bob.subject, "editor", w1)
    await bind(admin, bob.subject, "viewer", f"{w1}/projects/p")
    link = await plane.link(await plane.enroll(admin, WORKSPACE, "w1"))
    assert bob.subject in str(await link.hear("policy"))
    await call(admin, "RemoveMember", name_of(bob))
    assert bob.subject not in str(await link.hear("policy"))
    assert await refused(members(bob)) == DENIED
    mint = auth_pb2.MintWorkspaceTokenRequest(workspace=w1)
    assert await refused(bob.auth.MintWorkspaceToken(mint)) == DENIED
    listed = await admin.access.ListRoleBindings(
        access_pb2.ListRoleBindingsRequest(parent=ORGANIZATION)
    )
    assert {row.subject for row in listed.role_bindings} == {admin.subject}
    assert await refused(bind(admin, bob.subject, "viewer", w1)) == MISSING
    assert await refused(call(admin, "RemoveMember", name_of(bob))) == MISSING
    # The account is the person's own.
    assert (await whoami(bob)).email == "bob@example.com"


async def test_somebody_always_remains_in_charge(plane: Plane, admin: Client) -> None:
    for verb in ("RemoveMember", "DeactivateMember", "EraseMember"):
        assert await refused(call(admin, verb, name_of(admin))) == LAST
    bob = await plane.new_user(admin, "bob@example.com", role="admin")
    await call(admin, "DeactivateMember", name_of(bob))
    # Who cannot sign in is in charge of nothing.
    assert await refused(call(admin, "RemoveMember", name_of(admin))) == LAST
    (own,) = (
        await admin.access.ListRoleBindings(
            access_pb2.ListRoleBindingsRequest(
                parent=ORGANIZATION, filter=f'subject = "{admin.subject}"'
            )
        )
    ).role_bindings
    delete = access_pb2.DeleteRoleBindingRequest(name=own.name)
    assert await refused(admin.access.DeleteRoleBinding(delete)) == LAST
    await call(admin, "ReactivateMember", name_of(bob))
    await call(admin, "RemoveMember", name_of(admin))
    assert await refused(members(admin)) == DENIED


@pytest.mark.parametrize("verb", ["RemoveMember", "DeactivateMember", "EraseMember"])
async def test_two_administrators_do_away_with_each_other_once(
    plane: Plane, admin: Client, verb: str
) -> None:
    bob = await plane.new_user(admin, "bob@example.com", role="admin")
    outcomes = await asyncio.gather(
        refused(call(admin, verb, name_of(bob))),
        refused(call(bob, verb, name_of(admin))),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, AssertionError) for outcome in outcomes) == 1


@pytest.mark.parametrize("verb", ["RemoveMember", "DeactivateMember", "EraseMember"])
async def test_two_administrators_at_two_replicas_leave_one(
    tmp_path: Any, postgres_url: str, verb: str
) -> None:
    async with running(tmp_path, postgres_url) as one, running(tmp_path, postgres_url) as two:
        ada = await one.set_up()
        for _ in range(5):
            bob = await one.new_user(ada, f"{uuid4()}@example.com", role="admin")
            outcomes = await asyncio.gather(
                refused(call(ada, verb, name_of(bob))),
                refused(call(await two.as_user(bob.tokens), verb, name_of(ada))),
                return_exceptions=True,
            )
            succeeded = [isinstance(outcome, AssertionError) for outcome in outcomes]
            assert sum(succeeded) == 1, outcomes
            ada = ada if succeeded[0] else bob


async def test_a_shut_account_opens_nothing_at_once(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    await plane.new_workspace(admin, "w1")
    link = await plane.link(await plane.enroll(admin, WORKSPACE, "w1"))
    bob = await plane.new_user(admin, "bob@example.com", role="editor")
    secret = await personal_token(bob)
    script = await plane.as_user(await exchange(anyone, personal_access_token=secret))
    device = await anyone.auth.StartDeviceAuthorization(auth_pb2.StartDeviceAuthorizationRequest())
    await bob.auth.ApproveDevice(auth_pb2.ApproveDeviceRequest(user_code=device.user_code))
    shut = await call(admin, "DeactivateMember", name_of(bob))
    assert shut.state == members_pb2.MEMBER_STATE_DEACTIVATED
    assert await call(admin, "DeactivateMember", name_of(bob)) == shut
    async with asyncio.timeout(5):
        while len((await link.hear("policy")).revocations) < 2:
            pass
    for client in (bob, script):
        assert await refused(whoami(client)) == UNAUTHENTICATED
    for grant in (
        {"refresh_token": bob.tokens.refresh_token},
        {"personal_access_token": secret},
        {"device_code": device.device_code},
    ):
        assert await refused(exchange(anyone, **grant)) == INVALID_GRANT
    failed = ("UNAUTHENTICATED", "SIGN_IN_FAILED")
    assert await refused(plane.sign_in("bob@example.com")) == failed
    change = users_pb2.SetPasswordRequest(
        email="bob@example.com", current_password=PASSWORD, new_password="another fine password"
    )
    assert await refused(anyone.users.SetPassword(change)) == INVALID_GRANT
    await call(admin, "ReactivateMember", name_of(bob))
    assert (await call(admin, "ReactivateMember", name_of(bob))).state == (
        members_pb2.MEMBER_STATE_ACTIVE
    )
    # Nothing of before comes back; the roles were never gone.
    assert await refused(whoami(bob)) == UNAUTHENTICATED
    assert await refused(exchange(anyone, personal_access_token=secret)) == INVALID_GRANT
    assert await refused(exchange(anyone, device_code=device.device_code)) == INVALID_GRANT
    assert len((await members(await plane.sign_in("bob@example.com"))).members) == 2


async def test_an_erased_person_leaves_a_number(plane: Plane, admin: Client) -> None:
    bob = await plane.new_user(admin, "bob@example.com", role="editor")
    await personal_token(bob)
    await call(admin, "EraseMember", name_of(bob))
    assert await refused(whoami(bob)) == UNAUTHENTICATED
    assert await refused(call(admin, "GetMember", name_of(bob))) == MISSING
    assert await refused(call(admin, "ReactivateMember", name_of(bob))) == MISSING

    def personal(session: Any) -> str:
        return "\n".join(
            repr(tuple(row))
            for table in Base.metadata.sorted_tables
            for row in session.connection().execute(sa.select(table))
            if "bob@" in repr(tuple(row)).casefold() and table.name != "audit_events"
        )

    assert await (await plane.database()).read(personal) == ""
    # The address is free for a new account, which has nothing of the old one.
    again = await plane.new_user(admin, "bob@example.com")
    assert again.subject != bob.subject
    assert await refused(members(again)) == DENIED


async def test_an_account_of_two_organizations_is_nobodys_to_shut(
    plane: Plane, admin: Client
) -> None:
    bob = await plane.new_user(admin, "bob@example.com", role="viewer")
    await share(plane, bob)
    for verb in ("DeactivateMember", "ReactivateMember", "EraseMember", "CreateRecoveryToken"):
        assert await refused(call(admin, verb, name_of(bob))) == SHARED
        elsewhere = name_of(bob, "organizations/other")
        assert await refused(call(admin, verb, elsewhere)) == DENIED
    assert (await whoami(bob)).name == bob.subject
    await call(admin, "RemoveMember", name_of(bob))
    assert (await whoami(bob)).name == bob.subject


async def test_a_lost_password_is_replaced_with_a_token_once(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    bob = await plane.new_user(admin, "bob@example.com", role="viewer")
    secret = await personal_token(bob)
    first = await call(admin, "CreateRecoveryToken", name_of(bob))
    second = await call(admin, "CreateRecoveryToken", name_of(bob))
    assert second.email == "bob@example.com"
    # Nothing has changed until it is used.
    assert (await whoami(bob)).name == bob.subject
    new = "a password never seen"
    for email, token in (
        ("bob@example.com", first.password_token),
        (ADMIN_EMAIL, second.password_token),
        ("nobody@example.com", second.password_token),
    ):
        assert await refused(set_password(anyone, email, token, new)) == INVALID_GRANT
    await set_password(anyone, "bob@example.com", second.password_token, new)
    assert await refused(whoami(bob)) == UNAUTHENTICATED
    assert await refused(exchange(anyone, personal_access_token=secret)) == INVALID_GRANT
    assert (await plane.sign_in("bob@example.com", new)).subject == bob.subject
    again = set_password(anyone, "bob@example.com", second.password_token)
    assert await refused(again) == INVALID_GRANT
    late = await call(admin, "CreateRecoveryToken", name_of(bob))
    plane.clock.advance(days=1, seconds=1)
    too_late = set_password(anyone, "bob@example.com", late.password_token)
    assert await refused(too_late) == INVALID_GRANT


async def test_a_recovery_is_no_way_up_and_needs_a_person(plane: Plane, admin: Client) -> None:
    bob = await plane.new_user(admin, "bob@example.com", role="viewer")
    anyone = await plane.edge()
    script = await plane.as_user(
        await exchange(anyone, personal_access_token=await personal_token(admin))
    )
    not_allowed = ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED")
    assert await refused(call(script, "CreateRecoveryToken", name_of(bob))) == not_allowed
    await call(admin, "DeactivateMember", name_of(bob))
    shut = ("FAILED_PRECONDITION", "ILLEGAL_TRANSITION")
    assert await refused(call(admin, "CreateRecoveryToken", name_of(bob))) == shut


async def test_a_grant_to_someone_leaving_is_not_left_behind(
    tmp_path: Any, postgres_url: str
) -> None:
    """Granted at one replica while another takes the member out: gone either way."""
    async with running(tmp_path, postgres_url) as one, running(tmp_path, postgres_url) as two:
        ada = await one.set_up()
        there = await two.as_user(ada.tokens)
        for _ in range(10):
            bob = await one.new_user(ada, f"{uuid4()}@example.com")
            await asyncio.gather(
                call(ada, "RemoveMember", name_of(bob)),
                bind(there, bob.subject, "viewer", ORGANIZATION),
                return_exceptions=True,
            )

            def left(session: Any, subject: str = bob.subject) -> int:
                query = sa.select(sa.func.count()).where(RoleBinding.subject == subject)
                return session.scalar(query.select_from(RoleBinding))

            assert await (await one.database()).read(left) == 0
