"""The servers that all hostile tests share, one set for each module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.world import World, world


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Control plane, workspace and workload manager with somebody in each, and one run."""
    with world(tmp_path_factory.mktemp("hostile")) as servers:
        yield servers


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path
