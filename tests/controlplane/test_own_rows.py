"""What people get or lose without anybody asking for just that has audit rows of its own."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from controlplane.operations import expired_grants, teams
from tests.controlplane.auditing import listed, verdict
from tests.controlplane.harness import (
    ORGANIZATION,
    PASSWORD,
    WORKSPACE,
    Client,
    Plane,
    running,
)
from tests.controlplane.lying_provider import LyingProvider, lying
from tests.controlplane.sign_on import SETTINGS, SignIn, add_provider, name_of
from tests.controlplane.test_invitations import accept, invite, new_team, role
from weftapi.controlplane.v1 import access_pb2, audit_pb2, enrollments_pb2
from weftapi.controlplane.v1 import identity_providers_pb2 as providers_pb2

SYSTEM = audit_pb2.ACTOR_KIND_SYSTEM
BOB = "bob@example.com"


@pytest.fixture
async def plane(tmp_path: Path, database_url: str) -> AsyncIterator[Plane]:
    async with running(tmp_path, database_url, **SETTINGS) as plane:
        yield plane


async def rows(client: Client, action: str) -> list[audit_pb2.AuditEvent]:
    found = await listed(client, f'action = "{action}"')
    assert {event.actor.kind for event in found} <= {SYSTEM}
    return found


async def test_what_an_invitation_brought(plane: Plane, admin: Client) -> None:
    team = await new_team(admin, "research")
    made = await invite(admin, BOB, roles=[role("viewer")], teams=[team])
    await accept(await plane.edge(), made.token, display_name="Bob", password=PASSWORD)
    (granted,) = await rows(admin, "RoleBinding.Create")
    request = access_pb2.GetRoleBindingRequest(name=granted.resource)
    assert (await admin.access.GetRoleBinding(request)).role.endswith("/roles/viewer")
    (joined,) = await rows(admin, "TeamMember.Create")
    assert joined.resource.startswith(f"{team}/members/")
    # On whose word, and in which request.
    assert {granted.actor.subject, joined.actor.subject} == {admin.subject}
    (accepted,) = await listed(admin, 'action = "InvitationService.AcceptInvitation"')
    assert {granted.request_id, joined.request_id} == {accepted.request_id}
    assert (await verdict(admin)).complete


async def test_what_groups_gave_and_took(plane: Plane, admin: Client) -> None:
    team = await new_team(admin, "ml")
    async with lying(LyingProvider()) as server:
        mappings = [providers_pb2.GroupMapping(group="research", team=team)]
        await add_provider(
            admin, "okta", server.issuer, groups_claim="groups", group_mappings=mappings
        )
        for groups in (["research"], [], ["research"]):
            flow = await SignIn.of(plane, "okta")
            await flow.finish(server.grant(await flow.begin(), groups=groups))
    request = providers_pb2.DeleteIdentityProviderRequest(name=name_of("okta"))
    await admin.providers.DeleteIdentityProvider(request)
    for action in ("TeamMember.Create", "TeamMember.Delete"):
        found = await rows(admin, action)
        assert len(found) == 2
        assert {event.actor.subject for event in found} == {name_of("okta")}


async def test_a_full_team_keeps_nobody_from_signing_in(
    plane: Plane, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teams, "MAX_MEMBERS", 0)
    team = await new_team(admin, "ml")
    async with lying(LyingProvider()) as server:
        mappings = [providers_pb2.GroupMapping(group="research", team=team)]
        await add_provider(
            admin, "okta", server.issuer, groups_claim="groups", group_mappings=mappings
        )
        flow = await SignIn.of(plane, "okta")
        await flow.finish(server.grant(await flow.begin(), groups=["research"]))
    (refused,) = await rows(admin, "TeamMember.Create")
    assert (refused.resource, refused.outcome) == (team, "RESOURCE_EXHAUSTED")
    assert refused.reason == "QUOTA_EXCEEDED"


async def test_a_grant_whose_time_was_over(plane: Plane, admin: Client) -> None:
    bob = await plane.new_user(admin, BOB)
    ends = Timestamp()
    ends.FromDatetime(plane.clock.now() + timedelta(hours=1))

    def grant() -> Any:
        binding = access_pb2.RoleBinding(
            subject=bob.subject,
            role=f"{ORGANIZATION}/roles/viewer",
            resource=ORGANIZATION,
            expire_time=ends,
        )
        request = access_pb2.CreateRoleBindingRequest(parent=ORGANIZATION, role_binding=binding)
        return admin.access.CreateRoleBinding(request)

    made = await grant()
    plane.clock.advance(hours=2)
    admin = await plane.sign_in()
    await (await plane.database()).write(expired_grants.remove_all)
    (ended,) = await rows(admin, "RoleBinding.Expire")
    assert (ended.resource, ended.request_id) == (made.name, "")


async def test_a_link_that_was_refused_stands_with_its_name(
    tmp_path: Path, database_url: str
) -> None:
    async with running(tmp_path, database_url) as plane:
        admin = await plane.set_up()
        await plane.new_workspace(admin, "w1")
        member = await plane.enroll(admin, WORKSPACE, "w1")
        link = await plane.link(member)
        await link.hear("directory")
        request = enrollments_pb2.RevokeEnrollmentRequest(name=member.enrollment.name)
        await admin.workspaces.RevokeEnrollment(request)
        code, _ = await link.ended()
    # Refusals are written beside the calls; they are all there once the server has stopped.
    async with running(tmp_path, database_url) as plane:
        admin = await plane.sign_in()
        (found,) = await listed(admin, 'action = "EnrollmentService.Link"')
        assert (found.outcome, found.actor.kind) == (code, audit_pb2.ACTOR_KIND_PEER)
