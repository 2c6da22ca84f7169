"""The login that builds push with: where it comes from, who may have it, and where it stands."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.workspace import secret_clients
from tests.workspace.build_worlds import World, request
from tests.workspace.cloud_fakes import PASSWORD, USER, FakeGoogle, FakeRegistry, serving
from tests.workspace.connector_clients import NAME, connect
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import DEMO_EDITOR, refused, workspace
from tests.workspace.stacks import new_component, new_stack

HOST = "registry.example.com"


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    manager = FakeManager()
    manager.engine = "kubernetes"
    async with workspace(
        tmp_path,
        database_url,
        managers=manager,
        launch_interval_s=0.2,
        egress_networks=("127.0.0.1/32",),
    ) as ws:
        made = World(ws, manager)
        await made.set_up()
        yield made


async def with_registry(
    world: World, *, connector: str = "", resource: str = "", **config: str
) -> str:
    """A stack whose registry has a login."""
    config = {"registry": HOST, "repository": "team/weft", **config}
    flavor = "generic-container-registry"
    made = await new_component(
        world.ws, "closed", flavor, config, connector=connector, connector_resource=resource
    )
    stack = await new_stack(world.ws, "closed", made.name, "components/builder")
    return stack.name


async def test_a_secret_s_login_goes_to_the_pod_in_a_file_and_nowhere_else(world: World) -> None:
    await secret_clients.create(world.ws, "hub", {"password": "hunter2hunter2"})
    stack = await with_registry(world, username="ana", password="{{secrets.hub.password}}")
    await world.ws.builds().CreateBuild(request(stack=stack))
    workload = (await world.submission(0)).workload
    login = json.loads(workload.secret_files["WEFT_BUILD_LOGIN"])
    assert login == {"username": "ana", "password": "hunter2hunter2"}
    workload.ClearField("secret_files")
    assert "hunter2" not in str(workload)


async def test_who_may_not_have_the_login_has_nothing_built(world: World) -> None:
    await secret_clients.create(world.ws, "hub", {"password": "hunter2hunter2"})
    stack = await with_registry(world, username="ana", password="{{secrets.hub.password}}")
    # Packages that are built from source run code beside it.
    stub = world.ws.builds(world.ws.token(DEMO_EDITOR))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await stub.CreateBuild(request(stack=stack))
    assert not world.manager.submissions


async def test_a_token_s_scope_must_hold_the_login_too(world: World) -> None:
    await secret_clients.create(world.ws, "hub", {"password": "hunter2hunter2"})
    stack = await with_registry(world, username="ana", password="{{secrets.hub.password}}")
    stub = world.ws.builds(world.ws.token(scope="builds.create"))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await stub.CreateBuild(request(stack=stack))
    stub = world.ws.builds(world.ws.token(scope="builds.create secrets.access"))
    await stub.CreateBuild(request(stack=stack))


async def test_a_connector_issues_the_login_when_the_pod_is_submitted(world: World) -> None:
    async with serving(FakeGoogle()) as fake:
        config = {"project": "lab-1", "endpoint_url": fake.url}
        key = {"service_account_key": fake.key_file()}
        await connect(world.ws, "gcp", "service-account", config, **key)
        resource = "europe-west1-docker.pkg.dev/lab-1/team"
        stack = await with_registry(world, connector=NAME, resource=resource)
        await world.ws.builds().CreateBuild(request(stack=stack))
        workload = (await world.submission(0)).workload
        login = json.loads(workload.secret_files["WEFT_BUILD_LOGIN"])
        assert login["username"] == "oauth2accesstoken"
        assert fake.tokens[login["password"]].endswith("/cloud-platform")


async def test_a_login_that_ends_before_the_build_does_is_refused(world: World) -> None:
    async with serving(FakeRegistry()) as fake:
        config = {"registry": fake.url, "username": USER}
        await connect(world.ws, "docker", "password", config, password=PASSWORD)
        stack = await with_registry(world, connector=NAME)
        async with refused("FAILED_PRECONDITION", "BUILD_NOT_POSSIBLE") as said:
            await world.ws.builds().CreateBuild(request(stack=stack))
        assert said.error
        assert "less than the 20 minutes" in said.error.message
        assert not world.manager.submissions
