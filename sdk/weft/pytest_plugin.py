"""Fixtures for tests of pipelines; docs/testing.md shows their use.

pytest imports this in every session where Weft is installed: so it imports nothing by itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from weft.testing import LocalWeft


@pytest.fixture
def weft_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep a test away from what you run: no context, no workspace, folders of its own.

    Gives the folder that holds them. The environment is as before when the test has ended.
    """
    folder = tmp_path_factory.mktemp("weft")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("WEFT_")]:
            patch.delenv(name)
        patch.setenv("WEFT_OFFLINE", "1")
        patch.setenv("WEFT_DATA_DIR", str(folder / "data"))
        patch.setenv("WEFT_CONFIG_DIR", str(folder / "config"))
        yield folder


@pytest.fixture
def weft_local(weft_alone: Path) -> Iterator[LocalWeft]:
    """Runs pipelines in the test's own process, without any server: see `LocalWeft`.

    Also runs that the tested code starts itself are recorded there, and nowhere else.
    """
    from weft.testing import LocalWeft

    local = LocalWeft(weft_alone / "data")
    with local.surrounding():
        yield local
