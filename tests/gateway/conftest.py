"""A toy service over real gRPC, and a gateway in front of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.upstreams import Upstream
from tests.controlplane.harness import Client, Plane, running
from tests.gateway import toy as toys
from tests.gateway.browser import Browser, Site, site
from tests.templates import CONTROL_PLANE, Template


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


# A real control plane behind it, for sessions.


@pytest.fixture
def template() -> Template:
    return CONTROL_PLANE


@pytest.fixture
async def plane(tmp_path: Path, database_url: str) -> AsyncIterator[Plane]:
    async with running(tmp_path, database_url, session_s=3 * 86400) as plane:
        yield plane


@pytest.fixture
async def admin(plane: Plane) -> Client:
    return await plane.set_up()


@pytest.fixture
async def here(plane: Plane, admin: Client, toy: toys.Toy) -> AsyncIterator[Site]:
    async with site(plane, admin, toy) as here:
        yield here


@pytest.fixture
def browser(here: Site) -> Browser:
    return here.browser()
