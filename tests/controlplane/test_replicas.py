"""Two control planes on one PostgreSQL database: either one may answer any call."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.controlplane.auditing import listed, verdict
from tests.controlplane.harness import (
    ORGANIZATION,
    WORKSPACE,
    Client,
    Plane,
    bind,
    refused,
    running,
)
from tests.controlplane.test_access import bindings
from tests.controlplane.test_access import delete as remove_grant
from tests.controlplane.test_roles import make as make_role
from weftapi.controlplane.v1 import (
    access_pb2,
    auth_pb2,
    enrollments_pb2,
    sessions_pb2,
    users_pb2,
    workspace_types_pb2,
    workspaces_pb2,
)

W1 = f"{ORGANIZATION}/workspaces/w1"


@pytest.fixture
async def replicas(tmp_path: Path, postgres_url: str) -> AsyncIterator[tuple[Plane, Plane]]:
    settings = {"signing_key_notice_s": 0}
    async with (
        running(tmp_path, postgres_url, **settings) as one,
        running(tmp_path, postgres_url, **settings) as two,
    ):
        yield one, two


async def pair(replicas: tuple[Plane, Plane]) -> tuple[Client, Client]:
    """The administrator at both replicas."""
    one, two = replicas
    admin = await one.set_up()
    return admin, await two.as_user(admin.tokens)


async def test_they_are_one_control_plane(replicas: tuple[Plane, Plane]) -> None:
    one, two = replicas
    here, there = await pair(replicas)
    assert (one.identity, one.trust) == (two.identity, two.trust)
    for client in (here, there):
        me = await client.users.GetUser(users_pb2.GetUserRequest(name="users/me"))
        assert me.name == here.subject
    await here.auth.RevokeToken(auth_pb2.RevokeTokenRequest(token=here.tokens.refresh_token))
    gone = there.users.GetUser(users_pb2.GetUserRequest(name="users/me"))
    assert await refused(gone) == ("UNAUTHENTICATED", "INVALID_CREDENTIAL")


async def test_a_name_is_taken_once(replicas: tuple[Plane, Plane]) -> None:
    one, _ = replicas
    clients = await pair(replicas)
    for number in range(10):
        request = workspaces_pb2.RegisterWorkspaceRequest(
            parent=ORGANIZATION, workspace_id=f"w{number}"
        )
        calls = [client.workspaces.RegisterWorkspace(request) for client in clients]
        assert await codes(calls) == ["ALREADY_EXISTS", "OK"]
        user = users_pb2.CreateUserRequest(
            organization=ORGANIZATION, user=users_pb2.User(email=f"u{number}@example.com")
        )
        calls = [client.users.CreateUser(user) for client in clients]
        assert await codes(calls) == ["ALREADY_EXISTS", "OK"]
    bob = await one.new_user(clients[0], "bob@example.com")
    calls = [bind(client, bob.subject, "viewer", ORGANIZATION) for client in clients]
    assert await codes(calls) == ["ALREADY_EXISTS", "OK"]


async def test_two_administrators_remove_each_other_at_different_replicas(
    replicas: tuple[Plane, Plane],
) -> None:
    one, two = replicas
    ada = await one.set_up()
    bob = await one.new_user(ada, "bob@example.com")
    ada_there, bob_there = await two.as_user(ada.tokens), await two.as_user(bob.tokens)
    (first,) = (await bindings(ada)).role_bindings
    names = {ada.subject: first.name}
    for _ in range(15):
        # Whoever was removed the last time is made one again by whoever stayed.
        missing, giver = (bob, ada) if bob.subject not in names else (ada, bob)
        made = await bind(giver, missing.subject, "admin", ORGANIZATION)
        names[missing.subject] = made.name
        outcomes = await codes(
            [
                remove_grant(ada, names[bob.subject]),
                remove_grant(bob_there, names[ada.subject]),
            ]
        )
        assert outcomes in (["FAILED_PRECONDITION", "OK"], ["OK", "PERMISSION_DENIED"])
        left = [row.subject for row in (await someones(ada_there, bob_there)).role_bindings]
        assert len(left) == 1
        names = {subject: name for subject, name in names.items() if subject in left}


async def test_a_role_is_granted_or_deleted_but_not_both(replicas: tuple[Plane, Plane]) -> None:
    one, _ = replicas
    here, there = await pair(replicas)
    bob = await one.new_user(here, "bob@example.com")
    for _ in range(10):
        await make_role(here, "passing", "runs.get")
        role = access_pb2.DeleteRoleRequest(name=f"{ORGANIZATION}/roles/passing")
        outcomes = await codes(
            [bind(here, bob.subject, "passing", ORGANIZATION), there.access.DeleteRole(role)]
        )
        assert outcomes in (["FAILED_PRECONDITION", "OK"], ["NOT_FOUND", "OK"])
        for row in (await bindings(here, filter=f'subject = "{bob.subject}"')).role_bindings:
            await remove_grant(here, row.name)
            await here.access.DeleteRole(role)


async def someones(*clients: Client) -> Any:
    """What the first of them sees who may list grants."""
    for client in clients:
        try:
            return await bindings(client)
        except grpc.aio.AioRpcError:
            continue
    raise AssertionError("nobody is left in charge")


async def test_a_refresh_token_works_at_one_of_them(replicas: tuple[Plane, Plane]) -> None:
    clients = await pair(replicas)
    request = auth_pb2.ExchangeTokenRequest(refresh_token=clients[0].tokens.refresh_token)
    calls = [client.auth.ExchangeToken(request) for client in clients for _ in range(5)]
    assert await codes(calls) == ["OK", *["UNAUTHENTICATED"] * 9]


async def test_no_link_signs_in_past_signing_out_everywhere(
    replicas: tuple[Plane, Plane],
) -> None:
    one, _ = replicas
    here, there = await pair(replicas)
    anyone = await one.edge()
    everywhere = sessions_pb2.RevokeAllSessionsRequest(parent="users/me", keep_current=True)
    for _ in range(10):
        terminal = await one.sign_in()
        made = await terminal.auth.CreateSignInLink(auth_pb2.CreateSignInLinkRequest())
        code = auth_pb2.ExchangeTokenRequest(sign_in_code=made.uri.rpartition("/")[2])
        await asyncio.gather(
            anyone.auth.ExchangeToken(code),
            there.sessions.RevokeAllSessions(everywhere),
            return_exceptions=True,
        )
        listing = sessions_pb2.ListSessionsRequest(parent="users/me")
        left = (await here.sessions.ListSessions(listing)).sessions
        assert [session.origin for session in left] == ["setup"]


async def test_keys_are_rotated_by_both_at_once(replicas: tuple[Plane, Plane]) -> None:
    clients = await pair(replicas)
    request = auth_pb2.RotateSigningKeyRequest(organization=ORGANIZATION)
    calls = [client.auth.RotateSigningKey(request) for client in clients for _ in range(3)]
    found = await codes(calls)
    # Who comes upon a key that the other made this very moment is told to come again.
    assert set(found) <= {"OK", "FAILED_PRECONDITION"}
    rotations = found.count("OK")
    assert rotations
    for plane in replicas:
        anyone = await plane.edge()
        keys = await anyone.auth.GetJwks(auth_pb2.GetJwksRequest())
        assert len({key.kid for key in keys.keys}) == 2 + rotations
        # Whoever signed it, both know the key: what is not there yet arrives in a moment.
        tokens = (await plane.sign_in()).tokens
        for other in replicas:
            client = await other.as_user(tokens)
            await eventually_known(client)


async def eventually_known(client: Client) -> None:
    async with asyncio.timeout(20):
        while (await codes([whoami(client)])) != ["OK"]:  # noqa: ASYNC110 - as a client would
            await asyncio.sleep(0.01)


def whoami(client: Client) -> Any:
    return client.auth.GetCurrentPrincipal(auth_pb2.GetCurrentPrincipalRequest())


async def test_a_link_to_one_hears_what_the_other_did(replicas: tuple[Plane, Plane]) -> None:
    one, two = replicas
    here, there = await pair(replicas)
    await one.new_workspace(here, "w1")
    member = await one.enroll(here, WORKSPACE, "w1")
    link = await one.link(member)
    await link.hear("directory")
    get = workspaces_pb2.GetWorkspaceRequest(name=W1)
    seen = await there.workspaces.GetWorkspace(get)
    assert seen.state == workspace_types_pb2.WORKSPACE_STATE_ACTIVE
    bob = await two.new_user(there, "bob@example.com", role="viewer", resource=W1)
    async with asyncio.timeout(20):
        while bob.subject not in {grant.subject for grant in (await link.hear("policy")).grants}:
            pass
    await there.workspaces.RevokeEnrollment(
        enrollments_pb2.RevokeEnrollmentRequest(name=member.enrollment.name)
    )
    assert (await link.ended())[0] in {"UNAUTHENTICATED", "PERMISSION_DENIED"}


async def test_their_audit_rows_make_one_chain(replicas: tuple[Plane, Plane]) -> None:
    clients = await pair(replicas)
    names = [f"w{number}" for number in range(20)]
    await asyncio.gather(
        *(
            client.workspaces.RegisterWorkspace(
                workspaces_pb2.RegisterWorkspaceRequest(parent=ORGANIZATION, workspace_id=name)
            )
            for name, client in zip(names, clients * 10, strict=True)
        )
    )
    for client in clients:
        whole = await verdict(client)
        assert whole.complete
        found = await listed(client, 'action = "WorkspaceService.RegisterWorkspace"')
        assert sorted(event.resource for event in found) == sorted(
            f"{ORGANIZATION}/workspaces/{name}" for name in names
        )


async def codes(calls: list[Any]) -> list[str]:
    """The codes of calls made at once, sorted."""

    async def code(call: Any) -> str:
        try:
            return (await refused(call))[0]
        except AssertionError:
            return "OK"

    return sorted(await asyncio.gather(*(code(call) for call in calls)))
