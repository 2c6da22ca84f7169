"""A toy service over real gRPC, and a gateway in front of it."""

from collections.abc import AsyncIterator

import pytest

from gateway.app import Gateway
from gateway.upstreams import Upstream
from tests.gateway import toy as toys


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "rule(number, refuses=False): the test holds the gateway to this rule of gateway.md; "
        "with refuses=True it shows what the rule refuses",
    )


@pytest.fixture
async def toy() -> AsyncIterator[toys.Toy]:
    async with toys.serve() as running:
        yield running


@pytest.fixture
async def server(toy: toys.Toy) -> AsyncIterator[Upstream]:
    async with toys.upstream(toy.address) as channels:
        yield channels


@pytest.fixture
def app(server: Upstream) -> Gateway:
    return toys.gateway(server)


@pytest.fixture
def ask(app: Gateway) -> toys.Client:
    return toys.Client(app)
