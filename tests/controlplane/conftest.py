"""A control plane on each database, empty and with an administrator."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.controlplane.harness import Client, Plane, running
from tests.templates import CONTROL_PLANE, Template


@pytest.fixture
def template() -> Template:
    return CONTROL_PLANE


@pytest.fixture
async def plane(tmp_path: Path, database_url: str) -> AsyncIterator[Plane]:
    """A control plane that nobody has set up yet."""
    async with running(tmp_path, database_url) as plane:
        yield plane


@pytest.fixture
async def admin(plane: Plane) -> Client:
    """The first administrator, signed in."""
    return await plane.set_up()
