"""The link: everything first, then each change at once; health as it is."""

import asyncio
import itertools
from typing import Any

import grpc
import pytest

from meshkit.spiffe import Role
from tests.controlplane.harness import (
    GATEWAY,
    ORGANIZATION,
    WORKLOAD_MANAGER,
    WORKSPACE,
    Client,
    LinkCall,
    Plane,
    bind,
    running,
)
from weftapi.controlplane.v1 import (
    access_pb2,
    auth_pb2,
    enrollment_pb2,
    enrollments_pb2,
    users_pb2,
    workspace_types_pb2,
    workspaces_pb2,
)

W1, W2 = (f"{ORGANIZATION}/workspaces/{id_}" for id_ in ("w1", "w2"))


async def get(admin: Client, name: str = W1) -> Any:
    return await admin.workspaces.GetWorkspace(workspaces_pb2.GetWorkspaceRequest(name=name))


async def introduced(link: LinkCall) -> dict[str, Any]:
    """What a new link begins with."""
    return {kind: await link.hear(kind) for kind in ("keys", "trust", "policy", "directory")}


def grants(policy: enrollment_pb2.Policy) -> set[tuple[str, str, str]]:
    return {(grant.subject, grant.role, grant.resource) for grant in policy.grants}


async def test_a_workspace_hears_what_it_needs_and_nothing_else(
    plane: Plane, admin: Client
) -> None:
    await plane.new_workspace(admin, "w1")
    await plane.new_workspace(admin, "w2")
    ed = await plane.new_user(admin, "ed@example.com", role="editor", resource=f"{W1}/projects/p")
    await plane.new_user(admin, "vi@example.com", role="viewer", resource=W2)
    link = await plane.link(await plane.enroll(admin, WORKSPACE, "w1"))
    told = await introduced(link)
    policy = told["policy"]
    assert policy.workspace == W1
    assert policy.max_age.seconds == plane.settings.policy_max_age_s
    assert policy.revision > 0
    assert grants(policy) == {(admin.subject, "admin", ""), (ed.subject, "editor", "projects/p")}
    assert [role.role for role in policy.roles] == ["admin", "editor"]
    jwks = await admin.auth.GetJwks(auth_pb2.GetJwksRequest())
    assert told["keys"] == jwks
    assert told["trust"].trust_bundle_pem.encode() == plane.trust


async def test_each_change_of_grants_arrives(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    bob = await plane.new_user(admin, "bob@example.com")
    link = await plane.link(await plane.enroll(admin, WORKSPACE, "w1"))
    before = (await introduced(link))["policy"]
    bound = await bind(admin, bob.subject, "viewer", W1)
    granted = await link.hear("policy")
    assert (bob.subject, "viewer", "") in grants(granted)
    assert granted.revision > before.revision
    await admin.access.DeleteRoleBinding(access_pb2.DeleteRoleBindingRequest(name=bound.name))
    assert grants(await link.hear("policy")) == grants(before)


async def test_the_end_of_a_session_arrives_as_a_revocation(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    link = await plane.link(await plane.enroll(admin, WORKSPACE, "w1"))
    await introduced(link)
    other = await plane.sign_in()
    await admin.auth.RevokeToken(auth_pb2.RevokeTokenRequest(token=other.tokens.refresh_token))
    (revocation,) = (await link.hear("policy")).revocations
    assert revocation.subject.startswith("sessions/")
    assert revocation.not_before.seconds >= other.tokens.expire_time.seconds - 600


async def test_changes_of_keys_arrive(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    link = await plane.link(await plane.enroll(admin, WORKSPACE, "w1"))
    keys = (await introduced(link))["keys"]
    rotation = auth_pb2.RotateSigningKeyRequest(organization=ORGANIZATION, compromised=True)
    await admin.auth.RotateSigningKey(rotation)
    rotated = await link.hear("keys")
    withdrawn, upcoming = (key.kid for key in keys.keys)
    told = [key.kid for key in rotated.keys]
    assert (told[0], len(told)) == (upcoming, 2)
    assert withdrawn not in told


async def test_services_find_each_other(plane: Plane, admin: Client) -> None:
    for id_ in ("w1", "w2"):
        await plane.new_workspace(admin, id_)
    server = await plane.enroll(admin, WORKSPACE, "w1")
    link = await plane.link(server, 7)
    assert not (await introduced(link))["directory"].peers
    manager = await plane.enroll(admin, WORKLOAD_MANAGER, "w1", "w2")
    (peer,) = (await link.hear("directory")).peers
    assert (peer.spiffe_id, peer.mesh_endpoint) == (str(manager.identity), "")
    manager_link = await plane.link(manager, 8)
    (peer,) = (await link.hear("directory")).peers
    # Whom else it serves is no business of this workspace.
    assert (peer.mesh_endpoint, list(peer.workspaces)) == ("mesh:8", [W1])
    (served,) = (await manager_link.hear("directory")).peers
    assert (served.spiffe_id, served.mesh_endpoint) == (str(server.identity), "mesh:7")
    enrollment = enrollments_pb2.Enrollment(name=manager.enrollment.name, display_name="GPUs")
    update = enrollments_pb2.UpdateEnrollmentRequest(enrollment=enrollment)
    await admin.workspaces.UpdateEnrollment(update)
    (peer,) = (await link.hear("directory")).peers
    assert (peer.display_name, peer.mesh_endpoint) == ("GPUs", "mesh:8")
    gateway = await plane.link(await plane.enroll(admin, GATEWAY, "w1"), 9)
    (upstream,) = (await gateway.hear("directory")).peers
    assert (upstream.edge_endpoint, list(upstream.workspaces)) == ("edge:7", [W1])
    await admin.workspaces.RevokeEnrollment(
        enrollments_pb2.RevokeEnrollmentRequest(name=manager.enrollment.name)
    )
    # By its certificate or by its membership, whichever is looked at first.
    assert (await manager_link.ended())[0] in {"UNAUTHENTICATED", "PERMISSION_DENIED"}
    serial = f"{_serial(manager.pair.chain):x}"
    trust = await link.hear("trust")
    assert list(trust.denied_serials) == [serial]
    assert Role.WORKLOAD_MANAGER.value not in str((await link.hear("directory")).peers)


async def test_who_serves_all_workspaces_serves_those_to_come(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    first = await plane.link(await plane.enroll(admin, WORKSPACE, "w1"), 7)
    assert not (await introduced(first))["directory"].peers
    member = await plane.enroll(admin, GATEWAY)
    gateway = await plane.link(member, 9)
    (peer,) = (await gateway.hear("directory")).peers
    assert list(peer.workspaces) == [W1]
    assert [peer.spiffe_id for peer in (await first.hear("directory")).peers] == [
        str(member.identity)
    ]
    await plane.new_workspace(admin, "w2")
    second = await plane.link(await plane.enroll(admin, WORKSPACE, "w2"), 8)
    (peer,) = (await introduced(second))["directory"].peers
    assert (peer.spiffe_id, list(peer.workspaces)) == (str(member.identity), [W2])
    while len(told := (await gateway.hear("directory")).peers) < 2 or not told[1].mesh_endpoint:
        pass
    assert [list(peer.workspaces) for peer in told] == [[W1], [W2]]
    # It stays when the last of them goes.
    for name in (W2, W1):
        await admin.workspaces.DeregisterWorkspace(
            workspaces_pb2.DeregisterWorkspaceRequest(name=name)
        )
    while (await gateway.hear("directory")).peers:
        pass
    await plane.new_workspace(admin, "w3")
    await plane.link(await plane.enroll(admin, WORKSPACE, "w3"), 6)
    (peer,) = (await gateway.hear("directory")).peers
    assert list(peer.workspaces) == [f"{W1[:-1]}3"]


def _serial(chain: bytes) -> int:
    from meshkit import certificates

    return certificates.read_peer(chain).serial


async def test_health_is_told_as_it_is(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    member = await plane.enroll(admin, WORKSPACE, "w1")
    assert (await get(admin)).state == workspace_types_pb2.WORKSPACE_STATE_UNREACHABLE
    link = await plane.link(member)
    await introduced(link)
    seen = await get(admin)
    assert seen.state == workspace_types_pb2.WORKSPACE_STATE_ACTIVE
    assert (seen.version, seen.endpoint) == ("0.1.0", "edge:1")
    await link.health(database="cannot be reached", disk="")
    await eventually(admin, workspace_types_pb2.WORKSPACE_STATE_DEGRADED)
    seen = await get(admin)
    assert seen.state_reason == "database: cannot be reached"
    assert [check.healthy for check in seen.health_checks] == [False, True]
    await link.health(database="")
    await eventually(admin, workspace_types_pb2.WORKSPACE_STATE_ACTIVE)
    await link.call.done_writing()
    assert await link.ended() == ("OK", "")
    seen = await get(admin)
    assert seen.state == workspace_types_pb2.WORKSPACE_STATE_UNREACHABLE
    assert seen.last_heartbeat_time.seconds > 0


async def eventually(admin: Client, state: int) -> None:
    """Waits for a state: what was sent on one connection shows on another a moment later."""
    async with asyncio.timeout(20):
        while (await get(admin)).state != state:  # noqa: ASYNC110 - another process would poll too
            await asyncio.sleep(0.01)


async def test_a_second_link_takes_over(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    member = await plane.enroll(admin, WORKSPACE, "w1")
    old, new = await plane.link(member, 1), await plane.link(member, 2)
    await introduced(old)
    await introduced(new)
    await old.call.done_writing()
    assert await old.ended() == ("OK", "")
    seen = await get(admin)
    assert (seen.state, seen.endpoint) == (workspace_types_pb2.WORKSPACE_STATE_ACTIVE, "edge:2")


async def test_links_begin_with_a_hello(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    member = await plane.enroll(admin, WORKSPACE, "w1")
    malformed = ("INVALID_ARGUMENT", "MALFORMED_MESSAGE")
    client = await plane.mesh(member.pair)
    rude = LinkCall(client.enrollment.Link())
    await rude.health(database="")
    assert await rude.ended() == malformed
    twice = await plane.link(member)
    await introduced(twice)
    hello = enrollment_pb2.LinkHello(version="0.1.0")
    await twice.call.write(enrollment_pb2.LinkRequest(hello=hello))
    assert await twice.ended() == malformed


async def test_people_do_not_link(plane: Plane, admin: Client) -> None:
    """Neither on the edge, where the method is not served, nor through a gateway."""
    with pytest.raises(grpc.aio.AioRpcError, match="UNIMPLEMENTED"):
        await admin.enrollment.Link().read()
    await plane.new_workspace(admin, "w1")
    gateway = await plane.enroll(admin, GATEWAY, "w1")
    client = await plane.mesh(gateway.pair)
    bearer = (("authorization", f"Bearer {admin.tokens.access_token}"),)
    forwarded = LinkCall(client.enrollment.Link(metadata=bearer))
    assert await forwarded.ended() == ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED")


async def test_a_quiet_link_beats_and_a_silent_one_ends(tmp_path: Any, sqlite_url: str) -> None:
    times = {"link_heartbeat_s": 0.05, "link_silence_s": 0.5}
    async with running(tmp_path, sqlite_url, **times) as plane:
        admin = await plane.set_up()
        await plane.new_workspace(admin, "w1")
        link = await plane.link(await plane.enroll(admin, WORKSPACE, "w1"))
        await introduced(link)
        assert (await link.hear("heartbeat")).time.seconds > 0
        assert await link.ended() == ("DEADLINE_EXCEEDED", "DEADLINE")


async def test_a_link_beats_while_others_change_what_does_not_concern_it(
    tmp_path: Any, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url, link_heartbeat_s=0.5) as plane:
        admin = await plane.set_up()
        await plane.new_workspace(admin, "w1")
        link = await plane.link(await plane.enroll(admin, WORKSPACE, "w1"))
        await introduced(link)

        async def add_users() -> None:
            for number in itertools.count():
                await admin.users.CreateUser(
                    users_pb2.CreateUserRequest(
                        organization=ORGANIZATION,
                        user=users_pb2.User(email=f"u{number}@example.com"),
                    )
                )

        busy = asyncio.create_task(add_users())
        for _ in range(2):
            assert (await link.hear("heartbeat")).time.seconds > 0
        assert not busy.done()
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
        # And still hears what does.
        bob = await plane.new_user(admin, "bob@example.com", role="viewer", resource=W1)
        assert bob.subject in {grant.subject for grant in (await link.hear("policy")).grants}
