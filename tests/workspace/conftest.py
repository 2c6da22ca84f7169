from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.templates import WORKSPACE, Template
from tests.workspace.harness import Harness, workspace


@pytest.fixture
def template() -> Template:
    return WORKSPACE


@pytest.fixture
async def ws(tmp_path: Path, database_url: str) -> AsyncIterator[Harness]:
    """A workspace server with an empty project "demo", once on each database."""
    async with workspace(tmp_path, database_url) as harness:
        await harness.create_project()
        yield harness
