"""A second control plane on the same database: another replica on PostgreSQL, refused on SQLite."""

import shutil
from pathlib import Path

import pytest

from meshkit.config import ConfigError
from meshkit.engines import is_replicated
from tests.controlplane.harness import running


async def test_a_second_server_is_a_replica_or_refused(tmp_path: Path, database_url: str) -> None:
    # The default lies in the data directory, of which each has one.
    url = database_url or f"sqlite:///{tmp_path / 'controlplane.db'}"
    async with running(tmp_path / "one", url):
        shutil.copytree(tmp_path / "one", tmp_path / "two")
        if is_replicated(url):
            async with running(tmp_path / "two", url):
                pass
        else:
            with pytest.raises(ConfigError, match=r"another server runs on .*: SQLite serves one"):
                async with running(tmp_path / "two", url):
                    pass
    # Its place is free once it has stopped.
    async with running(tmp_path / "one", url) as plane:
        await plane.set_up()
