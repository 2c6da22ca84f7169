"""The servers that the whole suite shares, once on each database, and a way to each of them."""

import asyncio
import uuid
from collections.abc import Iterator

import asyncpg
import pytest

from tests.conftest import DATABASES
from tests.crud.ways import Grpc, Http, Way
from tests.hostile.test_http import _front
from tests.hostile.world import World, world
from tests.postgres import Server
from tests.templates import CONTROL_PLANE, WORKSPACE


@pytest.fixture(scope="session", params=DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def hosts(
    database: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    urls = {}
    if database == "postgresql":
        urls = asyncio.run(_databases(request.getfixturevalue("postgres_server")))
    with world(tmp_path_factory.mktemp("crud"), urls=urls) as servers:
        yield servers


@pytest.fixture(scope="session")
def way(database: str, hosts: World) -> Way:
    """gRPC where the servers are on PostgreSQL, HTTP where they are on SQLite.

    What a way adds and what a database adds have nothing to do with each other: both ways to both
    would cost twice as much, and find no more.
    """
    return Grpc(hosts) if database == "postgresql" else Http(hosts.loop.run(_front(hosts)))


async def _databases(server: Server) -> dict[str, str]:
    """A database for each server that has one; they go with the server."""
    urls = {}
    connection = await asyncpg.connect(server.url("postgres"))
    for template in (CONTROL_PLANE, WORKSPACE):
        name = f"crud_{template.service}_{uuid.uuid4().hex}"
        await template.create(name, server, connection)
        urls[template.service] = server.url(name)
    await connection.close()
    return urls
