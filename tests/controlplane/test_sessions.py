"""SessionService: where people are signed in, and that nothing survives its end."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from controlplane.identity.tokens import Lifetimes
from controlplane.operations import personal_tokens, users
from controlplane.operations.sessions import sign_in
from controlplane.store.schema import Session, User
from meshkit.errors import Unauthenticated
from tests.controlplane.harness import (
    ADMIN_EMAIL,
    ORGANIZATION,
    PASSWORD,
    WORKSPACE,
    Client,
    Plane,
    refused,
    running,
)
from tests.controlplane.test_members import exchange, name_of, personal_token, share, whoami
from weftapi.controlplane.v1 import auth_pb2, members_pb2, sessions_pb2, users_pb2

DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")
INVALID_GRANT = ("UNAUTHENTICATED", "INVALID_GRANT")
UNAUTHENTICATED = ("UNAUTHENTICATED", "INVALID_CREDENTIAL")


def sessions(client: Client, parent: str = "users/me", **fields: Any) -> Any:
    request = sessions_pb2.ListSessionsRequest(parent=parent, **fields)
    return client.sessions.ListSessions(request)


def revoke(client: Client, name: str) -> Any:
    return client.sessions.RevokeSession(sessions_pb2.RevokeSessionRequest(name=name))


def revoke_all(client: Client, parent: str = "users/me", **fields: Any) -> Any:
    request = sessions_pb2.RevokeAllSessionsRequest(parent=parent, **fields)
    return client.sessions.RevokeAllSessions(request)


async def own_session(client: Client) -> sessions_pb2.Session:
    (current,) = [row for row in (await sessions(client)).sessions if row.current]
    return current


async def test_people_see_where_they_are_signed_in(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    device = await anyone.auth.StartDeviceAuthorization(
        auth_pb2.StartDeviceAuthorizationRequest(client_name="weft on laptop")
    )
    await admin.auth.ApproveDevice(auth_pb2.ApproveDeviceRequest(user_code=device.user_code))
    plane.clock.advance(minutes=1)
    tokens = await exchange(anyone, device_code=device.device_code)
    there = await plane.as_user(tokens)
    newest, oldest = (await sessions(there)).sessions
    assert (newest.origin, newest.client, newest.current) == ("device", "weft on laptop", True)
    assert (oldest.origin, oldest.current) == ("setup", False)
    assert oldest.client.startswith("grpc-python")
    assert newest.address == oldest.address != ""
    assert oldest.name.startswith(f"{admin.subject}/sessions/")
    assert newest.create_time.ToDatetime() > oldest.create_time.ToDatetime()
    assert (await own_session(admin)).name == oldest.name
    plane.clock.advance(minutes=5)
    await exchange(anyone, refresh_token=tokens.refresh_token)
    used = (await sessions(admin)).sessions[0]
    assert (used.last_used_time.seconds - newest.last_used_time.seconds) >= 300
    assert used.expire_time.seconds > newest.expire_time.seconds
    page = await sessions(admin, page_size=1)
    rest = await sessions(admin, page_size=1, page_token=page.next_page_token)
    assert [page.sessions[0].name, rest.sessions[0].name] == [newest.name, oldest.name]
    plane.clock.advance(days=2)
    later = await plane.sign_in()
    assert [row.origin for row in (await sessions(later)).sessions] == ["password"]


async def test_who_is_no_gateway_speaks_for_no_browser(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    signing_in = auth_pb2.SignInRequest(email=ADMIN_EMAIL, password=PASSWORD)
    claim = (("grpcgateway-user-agent", "Mozilla/5.0"),)
    tokens = await anyone.auth.SignIn(signing_in, metadata=claim)
    current = await own_session(await plane.as_user(tokens))
    assert current.client.startswith("grpc-python")


async def test_a_session_is_ended_from_another(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    link = await plane.link(await plane.enroll(admin, WORKSPACE, "w1"))
    await link.hear("policy")
    anyone, other = await plane.edge(), await plane.sign_in()
    name = (await own_session(other)).name
    await revoke(admin, name)
    (told,) = (await link.hear("policy")).revocations
    assert told.subject == name.removeprefix(f"{admin.subject}/")
    assert await refused(whoami(other)) == UNAUTHENTICATED
    refresh = exchange(anyone, refresh_token=other.tokens.refresh_token)
    assert await refused(refresh) == INVALID_GRANT
    await revoke(admin, name.replace(admin.subject, "users/me"))
    for absent in (f"users/me/sessions/{uuid4()}", "users/me/sessions/x"):
        assert await refused(revoke(admin, absent)) == ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    await revoke(admin, (await own_session(admin)).name)
    assert await refused(whoami(admin)) == UNAUTHENTICATED


async def test_signing_out_everywhere(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    others = [await plane.sign_in() for _ in range(3)]
    secret = await personal_token(admin)
    assert (await revoke_all(admin, keep_current=True)).revoked_count == 3
    for other in others:
        assert await refused(whoami(other)) == UNAUTHENTICATED
    assert (await revoke_all(admin, keep_current=True)).revoked_count == 0
    assert (await revoke_all(admin)).revoked_count == 1
    assert await refused(whoami(admin)) == UNAUTHENTICATED
    # A script's token is no session.
    script = await plane.as_user(await exchange(anyone, personal_access_token=secret))
    assert not list((await sessions(script)).sessions)


async def test_a_device_that_was_approved_before_comes_too_late(
    plane: Plane, admin: Client
) -> None:
    anyone = await plane.edge()
    device = await anyone.auth.StartDeviceAuthorization(auth_pb2.StartDeviceAuthorizationRequest())
    await admin.auth.ApproveDevice(auth_pb2.ApproveDeviceRequest(user_code=device.user_code))
    await revoke_all(admin, keep_current=True)
    assert await refused(exchange(anyone, device_code=device.device_code)) == INVALID_GRANT


async def test_sessions_of_others_are_for_who_may_shut_the_account(
    plane: Plane, admin: Client
) -> None:
    bob = await plane.new_user(admin, "bob@example.com", role="editor")
    name = (await own_session(bob)).name
    (seen,) = (await sessions(admin, bob.subject)).sessions
    assert (seen.name, seen.current) == (name, False)
    eve = await plane.new_user(admin, "eve@example.com", role="editor")
    anyone = await plane.edge()
    for parent in (bob.subject, f"users/{uuid4()}", "users/x"):
        session = f"{parent}/sessions/{uuid4()}"
        for call in (sessions(eve, parent), revoke(eve, session), revoke_all(eve, parent)):
            assert await refused(call) == DENIED
    for call in (sessions(anyone, bob.subject), revoke(anyone, name), revoke_all(anyone)):
        assert await refused(call) == UNAUTHENTICATED
    # Under one's own name the session of another is as good as absent.
    disguised = name.replace(bob.subject, eve.subject)
    assert (await refused(revoke(eve, disguised)))[0] == "NOT_FOUND"
    await revoke(admin, name)
    assert await refused(whoami(bob)) == UNAUTHENTICATED
    again = await plane.sign_in("bob@example.com")
    assert (await revoke_all(admin, bob.subject)).revoked_count == 1
    assert await refused(whoami(again)) == UNAUTHENTICATED
    await share(plane, eve)
    assert await refused(sessions(admin, eve.subject)) == DENIED


async def test_no_session_survives_its_end(plane: Plane, admin: Client) -> None:
    """Whatever ends it: signing out, a new password, an administrator, or time."""
    anyone = await plane.edge()
    bob = await plane.new_user(admin, "bob@example.com", role="viewer")

    async def sign_out(client: Client) -> None:
        token = auth_pb2.RevokeTokenRequest(token=client.tokens.refresh_token)
        await anyone.auth.RevokeToken(token)

    async def choose_password(_: Client) -> None:
        await anyone.users.SetPassword(
            users_pb2.SetPasswordRequest(
                email="bob@example.com", current_password=PASSWORD, new_password=PASSWORD
            )
        )

    async def shut_and_open(_: Client) -> None:
        name = name_of(bob)
        await admin.members.DeactivateMember(members_pb2.DeactivateMemberRequest(name=name))
        await admin.members.ReactivateMember(members_pb2.ReactivateMemberRequest(name=name))

    async def wait(_: Client) -> None:
        plane.clock.advance(seconds=plane.settings.session_idle_s + 1)

    for end in (sign_out, choose_password, shut_and_open, wait):
        client = await plane.sign_in("bob@example.com")
        assert (await whoami(client)).email == "bob@example.com"
        await end(client)
        assert await refused(whoami(client)) == UNAUTHENTICATED, end
        refresh = exchange(anyone, refresh_token=client.tokens.refresh_token)
        assert await refused(refresh) == INVALID_GRANT, end


async def test_a_role_taken_away_counts_in_a_session_that_goes_on(
    plane: Plane, admin: Client
) -> None:
    bob = await plane.new_user(admin, "bob@example.com", role="viewer")
    listing = members_pb2.ListMembersRequest(parent=ORGANIZATION)
    assert len((await bob.members.ListMembers(listing)).members) == 2
    remove = members_pb2.RemoveMemberRequest(name=name_of(bob))
    await admin.members.RemoveMember(remove)
    assert await refused(bob.members.ListMembers(listing)) == DENIED
    assert (await whoami(bob)).name == bob.subject


async def test_fifty_who_end_one_session_all_find_it_ended(plane: Plane, admin: Client) -> None:
    other = await plane.sign_in()
    name = (await own_session(other)).name
    await asyncio.gather(*(revoke(admin, name) for _ in range(50)))
    assert await refused(whoami(other)) == UNAUTHENTICATED


async def test_a_session_that_ended_since_the_call_was_admitted_makes_nothing(
    plane: Plane, admin: Client
) -> None:
    """The call waits at the door while the password, and with it the session, is replaced."""
    uid = UUID(admin.subject.removeprefix("users/"))
    own = UUID((await own_session(admin)).name.rpartition("/")[2])
    await revoke(admin, (await own_session(admin)).name)
    database = await plane.database()
    wanted = {"display_name": "ci", "expire_time": None, "scopes": ()}
    with pytest.raises(Unauthenticated):
        await database.write(personal_tokens.create, uid, sid=own, **wanted)


async def test_a_password_that_is_replaced_at_another_replica_opens_nothing_that_lasts(
    tmp_path: Path, postgres_url: str
) -> None:
    async with running(tmp_path, postgres_url) as one, running(tmp_path, postgres_url) as two:
        admin = await one.set_up()
        uid = UUID(admin.subject.removeprefix("users/"))
        here, there = await one.database(), await two.database()
        lifetimes = Lifetimes(*[timedelta(hours=1)] * 5)

        def stored(session: Any) -> str | None:
            user = session.get(User, uid)
            assert user is not None
            hashed: str | None = user.password_hash
            return hashed

        def replace(session: Any, old: str, new: str) -> None:
            users.set_password(session, uid, proof=old, password_hash=new, lifetimes=lifetimes)

        def standing(session: Any) -> int:
            is_theirs = sa.and_(Session.user_uid == uid, Session.end_time.is_(None))
            return len(session.scalars(sa.select(Session.uid).where(is_theirs)).all())

        for number in range(20):
            old = await here.read(stored)
            assert old is not None
            signed_in, replaced, late = await asyncio.gather(
                there.write(sign_in, uid, verified_hash=old, lifetimes=lifetimes),
                here.write(replace, old, f"new {number}"),
                there.write(replace, old, f"other {number}"),
                return_exceptions=True,
            )
            assert not isinstance(signed_in, Exception)
            assert [type(replaced), type(late)].count(Unauthenticated) == 1
            assert await here.read(standing) == 0
