"""The servers, and the gateway before them, that the whole suite shares."""

from collections.abc import Iterator

import pytest

from tests.crud.ways import Grpc, Http, Way
from tests.hostile.test_http import _front
from tests.hostile.world import World, world


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("crud")) as servers:
        yield servers


@pytest.fixture(scope="session")
def ways(hosts: World) -> dict[str, Way]:
    return {"grpc": Grpc(hosts), "http": Http(hosts.loop.run(_front(hosts)))}


@pytest.fixture(params=["grpc", "http"])
def way(request: pytest.FixtureRequest, ways: dict[str, Way]) -> Way:
    return ways[request.param]
