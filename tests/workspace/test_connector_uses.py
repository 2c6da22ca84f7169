"""Who uses connectors: components, runs through their stack, and what secrets they take."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.workspace.cloud_fakes import PASSWORD, FakeRegistry, serving
from tests.workspace.connector_cases import Case, connect, registry_case
from tests.workspace.harness import ADMIN, EDITOR, Harness, policy, refused, workspace
from tests.workspace.stacks import new_component, new_stack, new_store
from weftapi.workspace.v1 import components_pb2, secret_stores_pb2, secrets_pb2
from weftapi.workspace.v1 import service_connectors_pb2 as pb
from workspace.store import service_connectors as store

NAME = "serviceConnectors/one"


@pytest.fixture
async def case() -> AsyncIterator[Case]:
    async with serving(FakeRegistry()) as fake:
        yield registry_case(fake)


@pytest.fixture
async def ws(tmp_path: Path, database_url: str) -> AsyncIterator[Harness]:
    async with workspace(tmp_path, database_url, egress_networks="127.0.0.0/8") as harness:
        await harness.create_project()
        yield harness


async def issue(
    ws: Harness, token: str | None = None, *, name: str = NAME, resource_id: str = "team/train"
) -> pb.IssueCredentialsResponse:
    request = pb.IssueCredentialsRequest(
        name=name, resource_type="docker-registry", resource_id=resource_id
    )
    return await ws.connectors(token).IssueCredentials(request)


async def delete(ws: Harness) -> None:
    await ws.connectors().DeleteServiceConnector(pb.DeleteServiceConnectorRequest(name=NAME))


async def new_secret(ws: Harness, token: str | None = None, **fields: Any) -> secrets_pb2.Secret:
    request = secrets_pb2.CreateSecretRequest(
        secret_id="robot", secret=secrets_pb2.Secret(values={"password": PASSWORD}, **fields)
    )
    made: secrets_pb2.Secret = await ws.secrets(token).CreateSecret(request)
    return made


async def new_tracker(ws: Harness, **fields: str) -> None:
    config = {"uri": "https://mlflow.example"}
    await new_component(ws, "tracker", "external-experiment-tracker", config, **fields)


async def test_a_connector_that_components_use_stays(ws: Harness, case: Case) -> None:
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await new_tracker(ws, connector=NAME)
    await connect(ws, case)
    await new_tracker(ws, connector=NAME)
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await delete(ws)
    assert refusal.error
    assert refusal.error.metadata["dependents"] == "components/tracker"
    component = components_pb2.DeleteComponentRequest(name="components/tracker")
    await ws.stacks().DeleteComponent(component)
    await delete(ws)


async def test_a_run_gets_the_credentials_of_its_stack(ws: Harness, case: Case) -> None:
    await connect(ws, case)
    await connect(ws, case, "other")
    await new_tracker(ws, connector=NAME, connector_resource="team/train")
    stack = await new_stack(ws, "prod", await new_store(ws), "components/tracker")
    run = await ws.create_run(stack=stack.name)
    token = await ws.run_token(run.name)
    assert (await issue(ws, token)).registry.bearer_token
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await issue(ws, token, resource_id="team/serve")
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await issue(ws, token, name="serviceConnectors/other")
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await issue(ws, token, name="serviceConnectors/absent")
    without = await ws.run_token((await ws.create_run()).name)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await issue(ws, without)
    # Who started it may do so no more.
    narrower = policy(revision=2)
    for grant in narrower.grants:
        if grant.subject == ADMIN:
            grant.role = "viewer"
    ws.apply_policy(narrower)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await issue(ws, token)


async def test_a_component_without_a_resource_takes_what_there_is(ws: Harness, case: Case) -> None:
    await connect(ws, case)
    await new_tracker(ws, connector=NAME)
    stack = await new_stack(ws, "prod", await new_store(ws), "components/tracker")
    token = await ws.run_token((await ws.create_run(stack=stack.name)).name)
    assert (await issue(ws, token, resource_id="team/serve")).registry.bearer_token


async def test_secrets_come_from_a_secret_by_its_name(ws: Harness, case: Case) -> None:
    await new_secret(ws)
    made = await connect(ws, case, secret_config={}, secret_name="secrets/robot")
    assert (made.secret_name, list(made.secret_fields)) == ("secrets/robot", [])
    assert (await issue(ws)).registry.bearer_token
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.secrets().DeleteSecret(secrets_pb2.DeleteSecretRequest(name="secrets/robot"))
    assert refusal.error
    assert refusal.error.metadata["dependents"] == NAME
    await delete(ws)
    await ws.secrets().DeleteSecret(secrets_pb2.DeleteSecretRequest(name="secrets/robot"))


async def test_a_secret_without_the_key_is_said_to_lack_it(ws: Harness, case: Case) -> None:
    secret = secrets_pb2.Secret(values={"user": "x"})
    await ws.secrets().CreateSecret(
        secrets_pb2.CreateSecretRequest(secret_id="robot", secret=secret)
    )
    await connect(ws, case, secret_config={}, secret_name="secrets/robot")
    async with refused("FAILED_PRECONDITION", "CONNECTOR_REJECTED") as refusal:
        await issue(ws)
    assert refusal.error
    assert "secrets/robot has no key password" in refusal.error.message


async def test_naming_a_secret_is_no_way_to_read_it(ws: Harness, case: Case) -> None:
    private = secrets_pb2.SECRET_SCOPE_PRIVATE
    await new_secret(ws, ws.token(EDITOR), scope=private)
    for name in ("secrets/robot", "secrets/absent"):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await connect(ws, case, secret_config={}, secret_name=name)
    limited = ws.token(scope="connectors.create")
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await connect(ws, case, token=limited, secret_config={}, secret_name="secrets/robot")
    narrower = policy(revision=2)
    for role in narrower.roles:
        if role.role == "admin":
            role.permissions.remove("secrets.access")
    ws.apply_policy(narrower)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await connect(ws, case, secret_config={}, secret_name="secrets/robot")


async def test_who_sends_a_secret_elsewhere_may_read_it(ws: Harness, case: Case) -> None:
    await new_secret(ws)
    await connect(ws, case, secret_config={}, secret_name="secrets/robot")
    narrower = policy(revision=2)
    for role in narrower.roles:
        if role.role == "admin":
            role.permissions.remove("secrets.access")
    ws.apply_policy(narrower)
    changed = pb.ServiceConnector(name=NAME, display_name="The robot")
    await ws.connectors().UpdateServiceConnector(
        pb.UpdateServiceConnectorRequest(service_connector=changed)
    )
    changed.config.update({**case.config, "registry": "collector.example"})
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.connectors().UpdateServiceConnector(
            pb.UpdateServiceConnectorRequest(service_connector=changed)
        )


async def test_secrets_outlive_the_key_that_encrypted_them(ws: Harness, case: Case) -> None:
    await connect(ws, case)
    read = ws.workspace.database.read
    before = await read(store.get, "one")
    rotate = secret_stores_pb2.RotateSecretKeyRequest
    await ws.secret_stores().RotateSecretKey(rotate(key=rotate.KEY_DATA))
    for _ in range(3):
        await ws.jobs["secret_keys"].run(None)  # type: ignore[arg-type] - it asks for no lease
        ws.clock.move(minutes=1)
    after = await read(store.get, "one")
    assert before
    assert after
    assert after.secrets != before.secrets
    assert (await issue(ws)).registry.bearer_token


async def test_a_service_that_hangs_holds_so_many_calls_and_nobody_else(
    ws: Harness, case: Case
) -> None:
    await connect(ws, case)
    case.service.hangs = True
    verify = ws.connectors().VerifyServiceConnector
    request = pb.VerifyServiceConnectorRequest(name=NAME)
    calls = [asyncio.ensure_future(verify(request)) for _ in range(17)]
    (told,), waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    async with refused("UNAVAILABLE", "CONNECTOR_UNAVAILABLE") as refusal:
        await told
    assert refusal.error
    assert "too many callers" in refusal.error.message
    await connect(ws, case, "other")
    case.service.wake()
    assert {answer.identity for answer in await asyncio.gather(*waiting)} == {case.identity}
