"""WorkspaceService and SystemService: the registry and enrollment tokens."""

from typing import Any
from uuid import uuid4

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from tests.controlplane.harness import (
    GATEWAY,
    ORGANIZATION,
    WORKLOAD_MANAGER,
    WORKSPACE,
    Client,
    Plane,
    bind,
    refused,
)
from weftapi.controlplane.v1 import (
    access_pb2,
    enrollments_pb2,
    system_pb2,
    workspace_types_pb2,
    workspaces_pb2,
)

DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")
MISSING = ("NOT_FOUND", "RESOURCE_NOT_FOUND")
W1, W2 = (f"{ORGANIZATION}/workspaces/{id_}" for id_ in ("w1", "w2"))


def get(client: Client, name: str = W1) -> Any:
    return client.workspaces.GetWorkspace(workspaces_pb2.GetWorkspaceRequest(name=name))


def list_workspaces(client: Client, **fields: Any) -> Any:
    request = workspaces_pb2.ListWorkspacesRequest(parent=ORGANIZATION, **fields)
    return client.workspaces.ListWorkspaces(request)


def register(client: Client, id_: str, **fields: str) -> Any:
    request = workspaces_pb2.RegisterWorkspaceRequest(
        parent=ORGANIZATION, workspace_id=id_, **fields
    )
    return client.workspaces.RegisterWorkspace(request)


def deregister(client: Client, name: str = W1, **fields: str) -> Any:
    request = workspaces_pb2.DeregisterWorkspaceRequest(name=name, **fields)
    return client.workspaces.DeregisterWorkspace(request)


def create_enrollment(client: Client, role: int, *workspaces: str, **fields: Any) -> Any:
    ttl = fields.pop("ttl", None)
    request = enrollments_pb2.CreateEnrollmentRequest(
        parent=ORGANIZATION,
        enrollment=enrollments_pb2.Enrollment(role=role, workspaces=workspaces, **fields),
        ttl=ttl,
    )
    return client.workspaces.CreateEnrollment(request)


def list_enrollments(client: Client, **fields: Any) -> Any:
    request = enrollments_pb2.ListEnrollmentsRequest(parent=ORGANIZATION, **fields)
    return client.workspaces.ListEnrollments(request)


def revoke(client: Client, name: str) -> Any:
    request = enrollments_pb2.RevokeEnrollmentRequest(name=name)
    return client.workspaces.RevokeEnrollment(request)


async def test_a_workspace_is_registered_once(plane: Plane, admin: Client) -> None:
    id_ = str(uuid4())
    made = await register(admin, "w1", display_name="First", request_id=id_)
    assert made.state == workspace_types_pb2.WORKSPACE_STATE_ENROLLING
    assert made.creator == admin.subject
    assert await register(admin, "w1", display_name="First", request_id=id_) == made
    assert await get(admin) == made
    assert await refused(register(admin, "w1")) == ("ALREADY_EXISTS", "RESOURCE_EXISTS")
    assert (await refused(register(admin, "W1")))[0] == "INVALID_ARGUMENT"
    editor = await plane.new_user(admin, "ed@example.com", role="editor")
    assert await refused(register(editor, "w2")) == DENIED
    assert await refused(get(admin, W2)) == MISSING


async def test_lists_and_reads_show_the_same(plane: Plane, admin: Client) -> None:
    for id_ in ("w1", "w2", "w3"):
        await register(admin, id_)
    inside = await plane.new_user(
        admin, "in@example.com", role="viewer", resource=f"{W1}/projects/p"
    )
    nobody = await plane.new_user(admin, "no@example.com")
    assert [row.name for row in (await list_workspaces(inside)).workspaces] == [W1]
    assert (await get(inside)).name == W1
    assert await refused(get(inside, W2)) == DENIED
    await bind(admin, inside.subject, "viewer", W2)
    first = await list_workspaces(inside, page_size=1)
    second = await list_workspaces(inside, page_size=1, page_token=first.next_page_token)
    assert [row.name for row in (*first.workspaces, *second.workspaces)] == [W1, W2]
    assert not second.next_page_token
    foreign = list_workspaces(admin, page_size=1, page_token=first.next_page_token)
    assert (await refused(foreign))[1] == "INVALID_PAGE_TOKEN"
    assert len((await list_workspaces(admin)).workspaces) == 3
    for call in (list_workspaces(nobody), get(nobody), get(nobody, f"{W1}-absent")):
        assert await refused(call) == DENIED


async def test_a_removed_workspace_leaves_nothing_to_its_successor(
    plane: Plane, admin: Client
) -> None:
    first = await register(admin, "w1")
    bob = await plane.new_user(admin, "bob@example.com", role="editor", resource=W1)
    member = await plane.enroll(admin, WORKSPACE, "w1")
    link = await plane.link(member)
    await link.hear("directory")
    stale = deregister(admin, etag="other")
    assert await refused(stale) == ("ABORTED", "ETAG_MISMATCH")
    assert await refused(deregister(bob)) == DENIED
    await deregister(admin, etag=first.etag)
    assert (await link.ended())[0] in {"UNAUTHENTICATED", "PERMISSION_DENIED"}
    assert await refused(deregister(admin)) == MISSING
    second = await register(admin, "w1")
    assert second.uid != first.uid
    assert await refused(get(bob)) == DENIED
    grants = await admin.access.ListRoleBindings(
        access_pb2.ListRoleBindingsRequest(parent=ORGANIZATION, filter=f'resource = "{W1}"')
    )
    assert not grants.role_bindings
    assert (await get(admin)).state == workspace_types_pb2.WORKSPACE_STATE_ENROLLING


async def test_a_registration_is_changed_field_by_field(plane: Plane, admin: Client) -> None:
    first = await register(admin, "w1", display_name="First")
    fields = workspace_types_pb2.Workspace(
        name=W1,
        display_name="Second",
        labels={"team": "a"},
        upgrade_policy=workspace_types_pb2.UPGRADE_POLICY_AUTOMATIC,
        etag=first.etag,
    )
    only = FieldMask(paths=["labels"])
    labelled = await update(admin, fields, update_mask=only)
    assert (labelled.display_name, dict(labelled.labels)) == ("First", {"team": "a"})
    assert labelled.etag != first.etag
    assert labelled.update_time.ToDatetime() > first.update_time.ToDatetime()
    assert await refused(update(admin, fields)) == ("ABORTED", "ETAG_MISMATCH")
    fields.etag = labelled.etag
    second = await update(admin, fields)
    assert second.display_name == "Second"
    assert second.upgrade_policy == workspace_types_pb2.UPGRADE_POLICY_AUTOMATIC
    fields.etag = ""
    unchanged = await update(admin, fields)
    assert unchanged.etag == second.etag
    for path in ("state", "name", "target_version", "nothing"):
        call = update(admin, fields, update_mask=FieldMask(paths=[path]))
        assert await refused(call) == ("INVALID_ARGUMENT", "INVALID_FIELDS")
    for name in ("", ORGANIZATION, f"{W1}/operations/x"):
        call = update(admin, workspace_types_pb2.Workspace(name=name))
        assert await refused(call) == ("INVALID_ARGUMENT", "INVALID_FIELDS")
    editor = await plane.new_user(admin, "ed@example.com", role="editor")
    assert await refused(update(editor, fields)) == DENIED


def update(client: Client, workspace: workspace_types_pb2.Workspace, **fields: Any) -> Any:
    request = workspaces_pb2.UpdateWorkspaceRequest(workspace=workspace, **fields)
    return client.workspaces.UpdateWorkspace(request)


async def test_enrollments_name_what_joins(plane: Plane, admin: Client) -> None:
    await register(admin, "w1")
    await register(admin, "w2")
    made = await create_enrollment(admin, WORKLOAD_MANAGER, W2, W1, host_names=["wlm.example"])
    token, _, digest = made.token.partition(".")
    info = await admin.system.GetServerInfo(system_pb2.GetServerInfoRequest())
    assert token.startswith("weft_enroll_")
    assert f"sha256:{digest}" == info.ca_fingerprint
    assert list(made.enrollment.workspaces) == [W1, W2]
    assert made.enrollment.state == enrollments_pb2.ENROLLMENT_STATE_PENDING
    assert made.enrollment.expire_time.seconds - made.enrollment.create_time.seconds == 3600
    of_all = (await create_enrollment(admin, GATEWAY, all_workspaces=True)).enrollment
    assert (of_all.all_workspaces, list(of_all.workspaces)) == (True, [])
    assert (await list_enrollments(admin)).enrollments[0] == of_all
    bad = ("INVALID_ARGUMENT", "INVALID_FIELDS")
    for call in (
        create_enrollment(admin, WORKSPACE, W1, W2),
        create_enrollment(admin, WORKSPACE),
        create_enrollment(admin, 1, W1),
        create_enrollment(admin, 5, W1),
        create_enrollment(admin, WORKSPACE, "organizations/other/workspaces/w1"),
        create_enrollment(admin, WORKSPACE, all_workspaces=True),
        create_enrollment(admin, GATEWAY, W1, all_workspaces=True),
        create_enrollment(admin, GATEWAY),
        create_enrollment(admin, WORKSPACE, W1, ttl=Duration(seconds=604801)),
        create_enrollment(admin, WORKSPACE, W1, ttl=Duration(seconds=0)),
    ):
        assert await refused(call) == bad
    assert await refused(create_enrollment(admin, WORKSPACE, f"{W1}-absent")) == MISSING
    lead = await plane.new_user(admin, "lead@example.com", role="admin", resource=W1)
    assert await refused(create_enrollment(lead, WORKSPACE, W1)) == DENIED


async def test_no_certificate_can_hold_a_name_of_the_mesh(plane: Plane, admin: Client) -> None:
    """Peers know each other by names in the trust domain: a chosen one would be anybody."""
    await register(admin, "w1")
    control_plane = plane.identity.dns_name
    for name in (control_plane, control_plane.upper(), f"{control_plane}.", "weft.internal", "::x"):
        call = create_enrollment(admin, GATEWAY, W1, host_names=[name])
        assert await refused(call) == ("INVALID_ARGUMENT", "INVALID_FIELDS")


async def test_enrollments_are_listed_and_revoked(plane: Plane, admin: Client) -> None:
    await register(admin, "w1")
    first = (await create_enrollment(admin, WORKSPACE, W1)).enrollment
    second = (await create_enrollment(admin, GATEWAY, W1, ttl=Duration(seconds=60))).enrollment
    page = await list_enrollments(admin, page_size=1)
    assert [row.name for row in page.enrollments] == [second.name]
    page = await list_enrollments(admin, page_size=1, page_token=page.next_page_token)
    assert [row.name for row in page.enrollments] == [first.name]
    plane.clock.advance(seconds=61)
    listed = (await list_enrollments(admin)).enrollments
    assert [row.state for row in listed] == [
        enrollments_pb2.ENROLLMENT_STATE_EXPIRED,
        enrollments_pb2.ENROLLMENT_STATE_PENDING,
    ]
    for _ in range(2):
        revoked = await revoke(admin, first.name)
        assert revoked.state == enrollments_pb2.ENROLLMENT_STATE_REVOKED
    assert await refused(revoke(admin, f"{ORGANIZATION}/enrollments/{uuid4()}")) == MISSING
    editor = await plane.new_user(admin, "ed@example.com", role="editor")
    for call in (list_enrollments(editor), revoke(editor, first.name)):
        assert await refused(call) == DENIED


async def test_anybody_finds_out_what_runs_here(plane: Plane) -> None:
    anyone = await plane.edge()
    info = await anyone.system.GetServerInfo(system_pb2.GetServerInfoRequest())
    assert info.trust_bundle_pem.encode() == plane.trust
    assert info.version
    assert "device-flow" in info.features


async def test_an_enrollment_is_named_and_named_again(plane: Plane, admin: Client) -> None:
    await register(admin, "w1")
    made = (await create_enrollment(admin, GATEWAY, W1, display_name="Berlin")).enrollment
    assert made.display_name == "Berlin"

    def update(name: str, *paths: str, by: Client = admin, **fields: Any) -> Any:
        request = enrollments_pb2.UpdateEnrollmentRequest(
            enrollment=enrollments_pb2.Enrollment(name=name, **fields)
        )
        request.update_mask.paths.extend(paths)
        return by.workspaces.UpdateEnrollment(request)

    changed = await update(made.name, "display_name", display_name="Paris")
    assert changed == (await list_enrollments(admin)).enrollments[0]
    assert (changed.display_name, list(changed.workspaces)) == ("Paris", [W1])
    assert (await update(made.name, "display_name")).display_name == ""
    for paths, fields in ((["state"], {}), (["host_names"], {}), ([], {"display_name": "x" * 129})):
        assert (await refused(update(made.name, *paths, **fields)))[0] == "INVALID_ARGUMENT"
    absent = f"{ORGANIZATION}/enrollments/{uuid4()}"
    assert await refused(update(absent, display_name="x")) == MISSING
    editor = await plane.new_user(admin, "ed@example.com", role="editor")
    assert await refused(update(made.name, by=editor, display_name="x")) == DENIED
