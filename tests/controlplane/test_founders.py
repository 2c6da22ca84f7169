"""The services that a mesh begins with: tokens before there is an administrator, and none after."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from controlplane.config import Settings
from meshkit import membership
from meshkit.config import ConfigError
from meshkit.spiffe import Role
from tests.controlplane.harness import ORGANIZATION, ManualClock, Plane, running
from weftapi.controlplane.v1 import enrollments_pb2, workspaces_pb2

FOUNDERS = "workspace=localhost, workloads=localhost,gateway=localhost,gateway=127.0.0.1"


def kept(plane: Plane) -> dict[str, str]:
    directory = plane.settings.data_dir / "founders"
    paths = [place / "enrollment-token" for place in directory.iterdir()]
    assert {it.stat().st_mode & 0o777 for it in (directory, *directory.iterdir())} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    return {path.parent.name: path.read_text() for path in paths}


async def join(plane: Plane, directory: Path, service: str) -> membership.Membership:
    endpoint = f"localhost:{plane.server.ports.edge}"
    return await membership.join(directory, endpoint=endpoint, token=kept(plane)[service])


async def test_services_join_before_there_is_an_administrator(
    tmp_path: Path, database_url: str
) -> None:
    async with running(tmp_path, database_url, founders=FOUNDERS) as plane:
        joined = {
            service: (await join(plane, tmp_path / service, service)).credentials.identity.role
            for service in ("workspace", "workloads", "gateway")
        }
        assert joined == {
            "workspace": Role.WORKSPACE,
            "workloads": Role.WORKLOAD_MANAGER,
            "gateway": Role.GATEWAY,
        }
        admin = await plane.set_up()
        [workspace] = (
            await admin.workspaces.ListWorkspaces(
                workspaces_pb2.ListWorkspacesRequest(parent=ORGANIZATION)
            )
        ).workspaces
        assert workspace.name == f"{ORGANIZATION}/workspaces/default"
        enrolled = await admin.workspaces.ListEnrollments(
            enrollments_pb2.ListEnrollmentsRequest(parent=ORGANIZATION)
        )
        hosts = {tuple(each.host_names) for each in enrolled.enrollments}
        assert hosts == {("localhost",), ("localhost", "127.0.0.1")}


async def test_a_start_keeps_tokens_that_lead_somewhere(tmp_path: Path, sqlite_url: str) -> None:
    clock = ManualClock()
    async with running(tmp_path, sqlite_url, founders=FOUNDERS, clock=clock) as plane:
        first = kept(plane)
        await join(plane, tmp_path / "workspace", "workspace")
    async with running(tmp_path, sqlite_url, founders=FOUNDERS, clock=clock) as plane:
        assert kept(plane) == first
    clock.advance(days=2)
    renamed = FOUNDERS.replace("workspace=localhost", "workspace=elsewhere.example.com")
    async with running(tmp_path, sqlite_url, founders=renamed, clock=clock) as plane:
        second = kept(plane)
        # Used once, and never again: its holder is a member.
        assert second["workspace"] == first["workspace"]
        assert second["workloads"] != first["workloads"]
        assert second["gateway"] != first["gateway"]
    (tmp_path / "controlplane/founders/gateway/enrollment-token").write_text("not a token")
    async with running(tmp_path, sqlite_url, founders=renamed, clock=clock) as plane:
        assert kept(plane)["gateway"] not in {second["gateway"], "not a token"}
        assert kept(plane)["workloads"] == second["workloads"]


async def test_an_administrator_decides_from_then_on(tmp_path: Path, sqlite_url: str) -> None:
    async with running(tmp_path, sqlite_url) as plane:
        await plane.set_up()
    async with running(tmp_path, sqlite_url, founders=FOUNDERS) as plane:
        assert not (plane.settings.data_dir / "founders").exists()


async def test_names_of_the_mesh_itself_are_refused(tmp_path: Path, sqlite_url: str) -> None:
    with pytest.raises(ConfigError, match="trust domain"):
        async with running(tmp_path, sqlite_url, founders="gateway=a.weft.internal"):
            pass


@pytest.mark.parametrize("text", ["gateway", "gateway=", "controlplane=a", "=a", "wlm=a"])
def test_what_is_no_founder_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="SERVICE=HOST"):
        Settings(founders=text)
