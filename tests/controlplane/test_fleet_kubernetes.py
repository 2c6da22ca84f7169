"""Provisioned workspaces as Kubernetes objects, on a fake API server over real HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from controlplane.version import server_version
from tests.controlplane.fake_kubernetes import FakeCluster, fake_cluster
from tests.controlplane.fleet import (
    SETTINGS,
    STATE,
    another_version,
    create,
    delete,
    done,
    end_of,
    ended,
    get,
    in_vain,
    metadata,
    operation,
    resume,
    suspend,
    until,
    upgrade,
)
from tests.controlplane.harness import Plane, refused, running


@asynccontextmanager
async def kubernetes(
    directory: Path, database_url: str, cluster: FakeCluster, **settings: Any
) -> AsyncIterator[Plane]:
    provisioning = {
        "provisioner": "kubernetes",
        "kubeconfig": str(cluster.kubeconfig()),
        "workspace_versions": {server_version(): "local:"},
        **SETTINGS,
        **settings,
    }
    async with running(directory, database_url, **provisioning) as plane:
        yield plane


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[FakeCluster]:
    async with fake_cluster(tmp_path / "cluster") as cluster:
        yield cluster


async def test_a_workspace_lives_as_objects(
    tmp_path: Path, database_url: str, cluster: FakeCluster
) -> None:
    async with kubernetes(tmp_path, database_url, cluster) as plane:
        admin = await plane.set_up()
        made = await done(admin, create(admin))
        assert made.state == STATE.WORKSPACE_STATE_ACTIVE
        name = f"weft-ws-{made.uid.replace('-', '')}"
        assert made.endpoint == f"{name}.weft.svc:7790"
        for resource in ("statefulsets", "services", "persistentvolumeclaims"):
            assert cluster.names(resource) == [name]
        # Nothing that could be used again lies around.
        assert not cluster.names("secrets")
        assert len(cluster.processes()) == 1

        stopped = await done(admin, suspend(admin))
        assert stopped.state == STATE.WORKSPACE_STATE_SUSPENDED
        assert not cluster.processes()
        back = await done(admin, resume(admin))
        assert back.state == STATE.WORKSPACE_STATE_ACTIVE

        await ended(admin, delete(admin))
        assert await refused(get(admin)) == ("NOT_FOUND", "RESOURCE_NOT_FOUND")
        assert not cluster.processes()
        assert cluster.names("persistentvolumeclaims") == [name]
        for resource in ("statefulsets", "services", "pods"):
            assert not cluster.names(resource)


async def test_an_upgrade_goes_through_or_back(
    tmp_path: Path, sqlite_url: str, cluster: FakeCluster
) -> None:
    newer = another_version(tmp_path, "9.1.0")
    images = {server_version(): "local:", "9.1.0": f"local:{newer}", "9.2.0": "absent:9.2.0"}
    cluster.broken_images.add("absent:9.2.0")
    async with kubernetes(tmp_path, sqlite_url, cluster, workspace_versions=images) as plane:
        admin = await plane.set_up()
        await done(admin, create(admin, version=server_version()))
        upgraded = await done(admin, upgrade(admin, "9.1.0"))
        assert upgraded.version == "9.1.0"
        answer = await in_vain(plane, admin, upgrade(admin, "9.2.0"), "ImagePullBackOff")
        assert "ImagePullBackOff: no such image" in answer.error.message
        now = await get(admin)
        assert (now.version, now.target_version) == ("9.1.0", "9.1.0")
        assert now.state == STATE.WORKSPACE_STATE_ACTIVE
        await ended(admin, delete(admin, remove_data=True))
        assert not cluster.objects


async def test_an_api_that_is_down_is_waited_for(
    tmp_path: Path, sqlite_url: str, cluster: FakeCluster
) -> None:
    cluster.is_down = True
    async with kubernetes(tmp_path, sqlite_url, cluster) as plane:
        admin = await plane.set_up()
        begun = await create(admin)

        async def is_told() -> bool:
            said = metadata(await operation(admin, begun.name)).progress
            return "503" in said and "trying again" in said

        await until(is_told)
        cluster.is_down = False
        await end_of(admin, begun.name)
        assert (await get(admin)).state == STATE.WORKSPACE_STATE_ACTIVE
        await ended(admin, delete(admin, remove_data=True))
