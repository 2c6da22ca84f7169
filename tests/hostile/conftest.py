"""The servers that all hostile tests share, one set for each module."""

from collections.abc import Iterator

import pytest

from tests.hostile.world import World, world


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Control plane, workspace and workload manager with somebody in each, and one run."""
    with world(tmp_path_factory.mktemp("hostile")) as servers:
        yield servers
