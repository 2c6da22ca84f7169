"""The audit log over the wire: whose rows are where, listed, exported, signed."""

import json
from typing import Any

import grpc
import pytest
import sqlalchemy as sa

from controlplane.chains import PLATFORM
from tests.controlplane.auditing import (
    CHAINS,
    HOME,
    LEASE,
    busy,
    exported,
    keys,
    listed,
    notary_of,
    verdict,
)
from tests.controlplane.harness import (
    ADMIN_EMAIL,
    ORGANIZATION,
    Client,
    Plane,
    bind,
    reason_of,
    refused,
    running,
)
from weft._audit import AuditBrokenError, Verified, verify_export
from weftapi.controlplane.v1 import (
    audit_pb2,
    auth_pb2,
    invitations_pb2,
    organizations_pb2,
    users_pb2,
)


async def test_rows_are_listed_newest_first_by_what_people_ask_for(
    plane: Plane, admin: Client
) -> None:
    viewer = await plane.new_user(admin, "vi@example.com", role="viewer")
    await plane.new_workspace(admin, "w1")
    everything = await listed(admin)
    assert [event.sequence for event in everything] == list(range(len(everything), 0, -1))
    assert {event.chain for event in everything} == {HOME}
    (registered,) = await listed(admin, 'action = "WorkspaceService.RegisterWorkspace"')
    assert registered.actor.subject == admin.subject
    assert registered.actor.kind == audit_pb2.ACTOR_KIND_USER
    assert registered.actor.address
    assert (registered.outcome, registered.resource) == ("OK", f"{ORGANIZATION}/workspaces/w1")
    by_admin = await listed(admin, f'actor = "{admin.subject}"')
    assert {event.actor.subject for event in by_admin} == {admin.subject}
    about = await listed(admin, f'resource = "{viewer.subject}*"')
    assert {event.action for event in about} >= {"UserService.CreateUser", "AuthService.SignIn"}
    assert await listed(admin, 'time < now()-"1h"') == []
    assert await listed(admin, 'workspace = "organizations/default/workspaces/w1"') == []
    first = await listed(admin, page_size=3)
    assert first == everything[:3]
    get = audit_pb2.GetAuditEventRequest(name=registered.name)
    assert await admin.audit.GetAuditEvent(get) == registered
    absent = audit_pb2.GetAuditEventRequest(name=f"{ORGANIZATION}/auditEvents/{admin.subject[6:]}")
    assert (await refused(admin.audit.GetAuditEvent(absent)))[0] == "NOT_FOUND"
    assert await refused(admin.audit.ListAuditEvents(_list(filter="hash = 1"))) == (
        "INVALID_ARGUMENT",
        "INVALID_FILTER",
    )


def _list(**fields: Any) -> audit_pb2.ListAuditEventsRequest:
    return audit_pb2.ListAuditEventsRequest(parent=ORGANIZATION, **fields)


async def test_denials_of_an_organizations_things_and_people_are_its_own(
    tmp_path: Any, database_url: str
) -> None:
    async with running(tmp_path, database_url) as plane:
        admin = await plane.set_up()
        viewer = await plane.new_user(admin, "vi@example.com", role="viewer")
        assert await refused(viewer.audit.ListAuditEvents(_list())) == (
            "PERMISSION_DENIED",
            "NOT_PERMITTED",
        )
        # An organization that does not exist gets no chain; its visitor's own hears of it.
        nowhere = audit_pb2.ListAuditEventsRequest(parent="organizations/nowhere")
        await refused(viewer.audit.ListAuditEvents(nowhere))
        anyone = await plane.edge()
        for email in (ADMIN_EMAIL, "nobody@example.com"):
            await refused(anyone.auth.SignIn(auth_pb2.SignInRequest(email=email, password="no")))
    async with running(tmp_path, database_url) as plane:
        admin = await plane.sign_in()
        denied = await listed(admin, "outcome = PERMISSION_DENIED")
        assert {(event.resource, event.actor.subject) for event in denied} == {
            (ORGANIZATION, viewer.subject),
            ("organizations/nowhere", viewer.subject),
        }
        (failed,) = await listed(admin, "outcome = UNAUTHENTICATED")
        assert (failed.resource, failed.reason) == (admin.subject, "SIGN_IN_FAILED")
        elsewhere = await listed(admin, platform=True)
        assert [(event.chain, event.reason) for event in elsewhere] == [
            (PLATFORM, "SIGN_IN_FAILED")
        ]
        get = audit_pb2.GetAuditEventRequest(name=elsewhere[0].name)
        assert await admin.audit.GetAuditEvent(get) == elsewhere[0]
        assert (await verdict(admin, platform=True)).complete
        door = await plane.database()
        chains = await door.read(lambda session: set(session.scalars(sa.select(CHAINS.c.chain))))
        assert chains == {HOME, PLATFORM}


async def test_another_organizations_rows_and_the_platforms_are_not_shown(
    plane: Plane, admin: Client
) -> None:
    eve = await plane.new_user(admin, "eve@example.com")
    await _join_as_admin(admin, "organizations/other", eve)
    own = audit_pb2.ListAuditEventsRequest(parent="organizations/other")
    await eve.audit.ListAuditEvents(own)
    denied = ("PERMISSION_DENIED", "NOT_PERMITTED")
    assert await refused(eve.audit.ListAuditEvents(_list())) == denied
    own.platform = True
    assert await refused(eve.audit.ListAuditEvents(own)) == denied
    name = (await listed(admin))[0].name
    foreign = name.replace("default", "other")
    get = audit_pb2.GetAuditEventRequest(name=foreign)
    assert (await refused(eve.audit.GetAuditEvent(get)))[0] == "NOT_FOUND"
    verify = audit_pb2.VerifyAuditChainRequest(parent=ORGANIZATION)
    assert await refused(eve.audit.VerifyAuditChain(verify)) == denied
    checkpoints = audit_pb2.ListAuditCheckpointsRequest(parent=ORGANIZATION)
    assert await refused(eve.audit.ListAuditCheckpoints(checkpoints)) == denied
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await exported(eve)
    assert reason_of(caught.value) == "NOT_PERMITTED"
    # Her own sign-ins are the business of both organizations.
    await plane.sign_in("eve@example.com")
    own = audit_pb2.ListAuditEventsRequest(
        parent="organizations/other", filter='action = "AuthService.SignIn"'
    )
    (there,) = (await eve.audit.ListAuditEvents(own)).audit_events
    here = (await listed(admin, 'action = "AuthService.SignIn"'))[0]
    assert there.request_id == here.request_id
    assert there.uid != here.uid


async def _join_as_admin(admin: Client, organization: str, person: Client) -> None:
    """Lets somebody into another organization, which is made for it, as an administrator."""
    await admin.organizations.CreateOrganization(
        organizations_pb2.CreateOrganizationRequest(
            organization_id=organization.removeprefix("organizations/")
        )
    )
    role = invitations_pb2.InvitedRole(role=f"{organization}/roles/admin", resource=organization)
    invited = await admin.invitations.CreateInvitation(
        invitations_pb2.CreateInvitationRequest(
            parent=organization,
            invitation=invitations_pb2.Invitation(email="eve@example.com", roles=[role]),
        )
    )
    accept = invitations_pb2.AcceptInvitationRequest(token=invited.token)
    await person.invitations.AcceptInvitation(accept)


async def test_an_export_is_audited_and_verifies_without_us(plane: Plane, admin: Client) -> None:
    await busy(plane, admin)
    lines = await exported(admin)
    found = verify_export(lines, await keys(admin))
    (own,) = await listed(admin, 'action = "AuditService.ExportAuditEvents"')
    assert found == Verified(
        chain=HOME,
        after=0,
        is_anchored=True,
        last=own.sequence,
        rows=own.sequence,
        checkpoints=1,
        signed_time=found.signed_time,
    )
    assert json.loads(lines[-2])["event"]["sequence"] == own.sequence
    await plane.sign_in()
    more = await exported(admin, after_sequence=own.sequence)
    assert verify_export([*lines, *more], await keys(admin)).rows == own.sequence + 2
    with pytest.raises(AuditBrokenError):
        verify_export([*lines, *more[3:]], await keys(admin))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await exported(admin, after_sequence=10_000)
    assert reason_of(caught.value) == "AUDIT_SEQUENCE_IN_FUTURE"


async def test_checkpoints_are_signed_by_number_and_by_age(plane: Plane, admin: Client) -> None:
    door = await plane.database()
    notary = notary_of(plane, door)
    await notary.run(LEASE)
    request = audit_pb2.ListAuditCheckpointsRequest(parent=ORGANIZATION)
    assert not (await admin.audit.ListAuditCheckpoints(request)).audit_checkpoints
    plane.clock.advance(minutes=6)
    await notary.run(LEASE)
    answer = await admin.audit.ListAuditCheckpoints(request)
    (first,) = answer.audit_checkpoints
    newest = (await listed(admin))[0]
    assert (first.sequence, first.hash) == (newest.sequence, newest.hash)
    assert first.kind == audit_pb2.AUDIT_CHECKPOINT_KIND_CHECKPOINT
    await notary.run(LEASE)
    assert await admin.audit.ListAuditCheckpoints(request) == answer
    whole = await verdict(admin)
    assert (whole.signed_sequence, whole.complete) == (newest.sequence, True)


async def test_no_value_and_no_secret_stands_in_an_export(plane: Plane, admin: Client) -> None:
    canary = "canary-5f2c"
    token = await admin.users.CreatePersonalAccessToken(
        users_pb2.CreatePersonalAccessTokenRequest(
            parent="users/me",
            personal_access_token=users_pb2.PersonalAccessToken(display_name=canary),
        )
    )
    created = await admin.users.CreateUser(
        users_pb2.CreateUserRequest(
            organization=ORGANIZATION,
            user=users_pb2.User(email=f"{canary}@example.com", display_name=canary),
        )
    )
    anyone = await plane.edge()
    for password in (canary, token.secret[:64]):
        request = auth_pb2.SignInRequest(email=ADMIN_EMAIL, password=password)
        await refused(anyone.auth.SignIn(request))
    await bind(admin, created.user.name, "viewer", ORGANIZATION)
    text = "\n".join(await exported(admin))
    assert canary not in text
    for secret in (token.secret, created.password_token, admin.tokens.refresh_token):
        assert secret not in text
