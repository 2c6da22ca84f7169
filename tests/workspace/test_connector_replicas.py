"""Connectors of two replicas: a secret good for one use, and a service that does not answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from meshkit.breaker import FAILURES, PAUSE_S
from meshkit.jobs import acquire, renew
from tests.workspace.cloud_fakes import PASSWORD, USER, FakeOAuth, serving
from tests.workspace.connector_clients import NAME, connect, issue
from tests.workspace.harness import FakeClock, Harness, TestMesh, refused, workspace
from weftapi.workspace.v1 import service_connectors_pb2 as pb
from workspace.store.service_connectors import turn_of


@pytest.fixture
async def replicas(tmp_path: Path, postgres_url: str) -> AsyncIterator[tuple[Harness, Harness]]:
    """Two servers in one data directory, with one identity."""
    clock = FakeClock()
    mesh = TestMesh.make(tmp_path, clock)
    shared = {"egress_networks": "127.0.0.0/8", "connector_timeout_s": 5.0}
    async with (
        workspace(tmp_path, postgres_url, clock=clock, mesh=mesh, **shared) as one,
        workspace(tmp_path, postgres_url, clock=clock, mesh=mesh, **shared) as two,
    ):
        yield one, two


async def one_use(ws: Harness, fake: FakeOAuth) -> None:
    config = {"token_url": f"{fake.url}/token", "client_id": USER}
    secrets = {"client_secret": PASSWORD, "refresh_token": fake.refresh_token}
    await connect(ws, "oauth2", "refresh-token", config, **secrets)


async def test_replicas_use_a_refresh_token_in_turns(replicas: tuple[Harness, Harness]) -> None:
    async with serving(FakeOAuth()) as fake:
        await one_use(replicas[0], fake)
        for _ in range(3):
            calls = [issue(ws, "oauth2-api") for ws in replicas]
            for answer in await asyncio.gather(*calls):
                assert fake.tokens[answer.bearer.access_token] == "api"
            replicas[0].clock.move(seconds=600)
        used = [form["refresh_token"] for form in fake.forms]
        assert len(used) == len(set(used)) == 6


async def test_a_replica_that_dies_in_its_turn_holds_up_nobody_for_long(
    replicas: tuple[Harness, Harness],
) -> None:
    """Its lease ends; what it had from the service and did not write down is lost with it."""
    one, two = replicas
    async with serving(FakeOAuth()) as fake:
        await one_use(one, fake)
        get = pb.GetServiceConnectorRequest(name=NAME)
        uid = UUID((await one.connectors().GetServiceConnector(get)).uid)
        database = one.workspace.database
        lease = await database.write(acquire, database.tables, turn_of(uid), "the dead", 1.0)
        assert lease
        answer = await issue(two, "oauth2-api")
        assert fake.tokens[answer.bearer.access_token] == "api"
        # Somebody had the turn after it.
        assert not await database.write(renew, lease, 1.0)


async def test_secrets_that_were_replaced_meanwhile_are_not_overwritten(
    replicas: tuple[Harness, Harness],
) -> None:
    """A token that comes back late is that of a sign-in that nobody wants any more."""
    one, two = replicas
    async with serving(FakeOAuth()) as fake:
        await one_use(one, fake)
        fake.hangs = True
        calling = asyncio.ensure_future(issue(one, "oauth2-api"))
        await fake.heard.wait()
        connector = pb.ServiceConnector(name=NAME)
        connector.secret_config["refresh_token"] = "of-another-sign-in"
        await two.connectors().UpdateServiceConnector(
            pb.UpdateServiceConnectorRequest(
                service_connector=connector, update_mask={"paths": ["secret_config"]}
            )
        )
        fake.wake()
        await calling
        fake.refresh_token = "of-another-sign-in"
        answer = await issue(two, "oauth2-api")
        assert fake.tokens[answer.bearer.access_token] == "api"


async def test_a_service_that_does_not_answer_is_not_waited_for_again_and_again(
    tmp_path: Path, database_url: str
) -> None:
    settings = {"egress_networks": "127.0.0.0/8", "connector_timeout_s": 0.2}
    async with (
        workspace(tmp_path, database_url, **settings) as ws,
        serving(FakeOAuth()) as fake,
    ):
        config = {"token_url": f"{fake.url}/token", "client_id": USER}
        await connect(ws, "oauth2", "client-credentials", config, client_secret=PASSWORD)
        fake.hangs = True
        for _ in range(FAILURES):
            async with refused("UNAVAILABLE", "CONNECTOR_UNAVAILABLE"):
                await issue(ws, "oauth2-api")
        asked = len(fake.asked)
        async with refused("UNAVAILABLE", "CONNECTOR_UNAVAILABLE") as refusal:
            await issue(ws, "oauth2-api")
        assert refusal.error
        assert "has not answered since" in refusal.error.message
        assert len(fake.asked) == asked
        # One tries again after a while; when that fails, the wait begins anew.
        ws.clock.move(seconds=PAUSE_S)
        async with refused("UNAVAILABLE", "CONNECTOR_UNAVAILABLE"):
            await issue(ws, "oauth2-api")
        assert len(fake.asked) == asked + 1
        ws.clock.move(seconds=PAUSE_S)
        fake.wake()
        answer = await issue(ws, "oauth2-api")
        assert fake.tokens[answer.bearer.access_token] == "api"
