"""The life of provisioned workspaces, on servers that are real processes."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.rpc import error_details_pb2

from controlplane.version import server_version
from tests.controlplane.fleet import (
    SETTINGS,
    STATE,
    W1,
    another_version,
    cancel,
    create,
    delete,
    done,
    end_of,
    ended,
    fleet,
    get,
    in_vain,
    metadata,
    operation,
    resume,
    servers,
    suspend,
    until,
    upgrade,
    versions,
)
from tests.controlplane.harness import ORGANIZATION, Client, Plane, refused, running
from weftapi.controlplane.v1 import audit_pb2, operations_pb2, workspace_types_pb2, workspaces_pb2

PRECONDITION = "FAILED_PRECONDITION"
MISSING = ("NOT_FOUND", "RESOURCE_NOT_FOUND")


def reason(answer: Any) -> str:
    """Why an operation failed."""
    info = error_details_pb2.ErrorInfo()
    assert answer.error.details[0].Unpack(info)
    return info.reason


async def test_a_workspace_lives(tmp_path: Path, database_url: str) -> None:
    """Created, suspended, resumed and deleted, with its data kept."""
    async with fleet(tmp_path, database_url) as plane:
        admin = await plane.set_up()
        fields = workspace_types_pb2.Workspace(display_name="First", labels={"team": "a"})
        begun = await create(admin, workspace=fields)
        assert not begun.done
        assert metadata(begun).kind == operations_pb2.OPERATION_KIND_CREATE
        made = await done(admin, operation(admin, begun.name))
        assert (made.name, made.display_name, dict(made.labels)) == (W1, "First", {"team": "a"})
        assert made.state == STATE.WORKSPACE_STATE_ACTIVE
        assert made.deployment_mode == workspace_types_pb2.DEPLOYMENT_MODE_PROVISIONED
        assert made.version == made.target_version == server_version()
        assert made.endpoint.startswith("localhost:")
        assert made.HasField("usage")
        assert not made.usage.project_count
        assert set(servers(tmp_path)) == {made.uid}
        home = plane.settings.data_dir / "workspaces" / made.uid
        assert not (home / "enrollment-token").exists()

        stopped = await done(admin, suspend(admin))
        assert stopped.state == STATE.WORKSPACE_STATE_SUSPENDED
        assert not servers(tmp_path)
        assert (await refused(suspend(admin)))[1] == "ILLEGAL_TRANSITION"
        back = await done(admin, resume(admin))
        assert (back.state, back.endpoint) == (STATE.WORKSPACE_STATE_ACTIVE, made.endpoint)

        assert (await refused(delete(admin, etag="other")))[0] == "ABORTED"
        begun = await delete(admin, etag=(await get(admin)).etag)
        refusal = (PRECONDITION, "OPERATION_NOT_CANCELLABLE")
        assert await refused(cancel(admin, begun.name)) == refusal
        answer = await end_of(admin, begun.name)
        assert answer.response.TypeName() == "google.protobuf.Empty"
        assert await refused(get(admin)) == MISSING
        assert not servers(tmp_path)
        assert [path.name for path in home.iterdir()] == ["data"]
        assert not (home / "data" / "credentials").exists()
        parent = operations_pb2.ListOperationsRequest(parent=W1, page_size=3)
        page = await admin.operations.ListOperations(parent)
        assert [metadata(each).kind for each in page.operations] == [
            operations_pb2.OPERATION_KIND_DELETE,
            operations_pb2.OPERATION_KIND_RESUME,
            operations_pb2.OPERATION_KIND_SUSPEND,
        ]
        assert page.next_page_token


async def test_a_server_that_dies_is_started_again(tmp_path: Path, sqlite_url: str) -> None:
    async with fleet(tmp_path, sqlite_url) as plane:
        admin = await plane.set_up()
        made = await done(admin, create(admin))
        (pid,) = servers(tmp_path).values()
        kill(pid)

        async def has_another() -> bool:
            pids = set(servers(tmp_path).values())
            is_back = (await get(admin)).state == STATE.WORKSPACE_STATE_ACTIVE
            return bool(pids) and pid not in pids and is_back

        await until(has_another)
        await ended(admin, delete(admin, remove_data=True))
        assert not (plane.settings.data_dir / "workspaces" / made.uid).exists()


def kill(pid: int) -> None:
    import os
    import signal

    os.kill(pid, signal.SIGKILL)


async def test_an_upgrade_ends_with_the_new_version(tmp_path: Path, sqlite_url: str) -> None:
    newer = another_version(tmp_path, "9.1.0")
    async with fleet(
        tmp_path, sqlite_url, workspace_versions=versions(**{"9.1.0": newer})
    ) as plane:
        admin = await plane.set_up()
        request = workspaces_pb2.ListAvailableVersionsRequest(parent=ORGANIZATION)
        offered = await admin.workspaces.ListAvailableVersions(request)
        assert list(offered.versions) == [server_version(), "9.1.0"]
        await done(admin, create(admin, version=server_version()))
        upgraded = await done(admin, upgrade(admin, "9.1.0"))
        assert (upgraded.version, upgraded.target_version) == ("9.1.0", "9.1.0")
        assert upgraded.state == STATE.WORKSPACE_STATE_ACTIVE
        for version in (server_version(), "8.0.0"):
            call = upgrade(admin, version)
            assert await refused(call) == (PRECONDITION, "VERSION_NOT_AVAILABLE")
        await ended(admin, delete(admin))


async def test_an_upgrade_that_does_not_get_ready_goes_back(
    tmp_path: Path, sqlite_url: str
) -> None:
    broken = another_version(tmp_path, "9.1.0", script="echo no such library >&2; exit 1")
    settings = {"workspace_versions": versions(**{"9.1.0": broken})}
    async with fleet(tmp_path, sqlite_url, **settings) as plane:
        admin = await plane.set_up()
        await done(admin, create(admin, version=server_version()))
        answer = await in_vain(plane, admin, upgrade(admin, "9.1.0"), "no such library")
        assert (answer.error.code, reason(answer)) == (14, "WORKSPACE_NOT_READY")
        assert "no such library" in answer.error.message
        now = await get(admin)
        assert (now.state, now.version) == (STATE.WORKSPACE_STATE_ACTIVE, server_version())
        assert now.target_version == server_version()
        await ended(admin, delete(admin))


async def own_acts(admin: Client) -> list[tuple[str, str, str]]:
    """What the control plane recorded of itself, newest first."""
    request = audit_pb2.ListAuditEventsRequest(
        parent=ORGANIZATION, filter='action = "Operation.Finish"'
    )
    listed = await admin.audit.ListAuditEvents(request)
    return [(event.action, event.resource, event.reason) for event in listed.audit_events]


async def test_a_creation_that_fails_says_why(tmp_path: Path, sqlite_url: str) -> None:
    broken = another_version(tmp_path, "9.1.0", script="echo no such library >&2; exit 1")
    settings = {"workspace_versions": versions(**{"9.1.0": broken})}
    async with fleet(tmp_path, sqlite_url, **settings) as plane:
        admin = await plane.set_up()
        answer = await in_vain(plane, admin, create(admin), "no such library")
        assert reason(answer) == "WORKSPACE_NOT_READY"
        failed = await get(admin)
        assert failed.state == STATE.WORKSPACE_STATE_FAILED
        assert "no such library" in failed.state_reason
        assert failed.state_time.seconds > 0
        # Its id can be had again once it is gone.
        removed = await ended(admin, delete(admin, remove_data=True))
        assert await refused(get(admin)) == MISSING
        assert await own_acts(admin) == [
            ("Operation.Finish", removed.name, ""),
            ("Operation.Finish", answer.name, "WORKSPACE_NOT_READY"),
        ]


async def test_a_creation_can_be_taken_back(tmp_path: Path, sqlite_url: str) -> None:
    idle = another_version(tmp_path, "9.1.0", script="exec sleep 600")
    async with fleet(tmp_path, sqlite_url, workspace_versions={"9.1.0": idle}) as plane:
        admin = await plane.set_up()
        begun = await create(admin)

        async def is_started() -> bool:
            return bool(servers(tmp_path))

        await until(is_started)
        assert (await get(admin)).operation == begun.name
        busy = (PRECONDITION, "OPERATION_IN_PROGRESS")
        assert await refused(delete(admin)) == busy
        await cancel(admin, begun.name)
        answer = await ended(admin, operation(admin, begun.name))
        assert (answer.error.code, reason(answer)) == (1, "OPERATION_CANCELLED")
        assert not servers(tmp_path)
        assert await refused(get(admin)) == MISSING
        # What has ended stays as it is.
        await cancel(admin, begun.name)


async def test_what_cannot_be_begun_is_refused(tmp_path: Path, sqlite_url: str) -> None:
    async with fleet(tmp_path, sqlite_url) as plane:
        admin = await plane.set_up()
        unknown = create(admin, version="7.0.0")
        assert await refused(unknown) == (PRECONDITION, "VERSION_NOT_AVAILABLE")
        await plane.new_workspace(admin, "w1")
        assert (await refused(create(admin)))[0] == "ALREADY_EXISTS"
        for call in (suspend, resume, delete):
            assert await refused(call(admin)) == (PRECONDITION, "NOT_PROVISIONED")
        offered = server_version()
        assert await refused(upgrade(admin, offered)) == (PRECONDITION, "NOT_PROVISIONED")
        assert await refused(suspend(admin, f"{W1}-absent")) == MISSING
        assert await refused(delete(admin, etag="other")) == ("ABORTED", "ETAG_MISMATCH")
        absent = f"{W1}/operations/{uuid4()}"
        assert await refused(operation(admin, absent)) == MISSING
        assert await refused(cancel(admin, absent)) == MISSING
        wait = operations_pb2.WaitOperationRequest(name=absent)
        assert await refused(admin.operations.WaitOperation(wait)) == MISSING
        nobody = await plane.new_user(admin, "no@example.com")
        listing = operations_pb2.ListOperationsRequest(parent=W1)
        for call in (operation(nobody, absent), nobody.operations.ListOperations(listing)):
            assert await refused(call) == ("PERMISSION_DENIED", "NOT_PERMITTED")
        versions_ = workspaces_pb2.ListAvailableVersionsRequest(parent=ORGANIZATION)
        refusal = await refused(nobody.workspaces.ListAvailableVersions(versions_))
        assert refusal == ("PERMISSION_DENIED", "NOT_PERMITTED")


async def test_a_control_plane_without_provisioner_creates_nothing(
    plane: Plane, admin: Client
) -> None:
    assert await refused(create(admin)) == (PRECONDITION, "NO_PROVISIONER")
    request = workspaces_pb2.ListAvailableVersionsRequest(parent=ORGANIZATION)
    assert not (await admin.workspaces.ListAvailableVersions(request)).versions


@pytest.mark.fault
async def test_servers_survive_their_control_plane(tmp_path: Path, database_url: str) -> None:
    async with fleet(tmp_path, database_url) as first:
        admin = await first.set_up()
        made = await done(admin, create(admin))
        before = servers(tmp_path)
        assert before
        settings = first.settings
        keep = {
            "edge_address": f"127.0.0.1:{first.server.ports.edge}",
            "mesh_address": f"127.0.0.1:{first.server.ports.mesh}",
            "provisioner": "processes",
            **SETTINGS,
        }
        await first.server.stop()
        assert settings.provisioner == "processes"
        async with running(tmp_path, database_url, **keep) as second:
            again = await second.sign_in()

            async def is_linked() -> bool:
                return (await get(again)).state == STATE.WORKSPACE_STATE_ACTIVE

            await until(is_linked)
            assert servers(tmp_path) == before == {made.uid: before[made.uid]}
            await ended(again, delete(again))
            assert not servers(tmp_path)
