"""A second server on the same database: another replica on PostgreSQL, refused on SQLite."""

import subprocess
import sys
from pathlib import Path

import pytest

from meshkit.config import ConfigError
from meshkit.engines import is_replicated
from tests.templates import WORKSPACE
from tests.workspace.harness import workspace
from weftapi.workspace.v1 import projects_pb2


async def test_a_second_server_is_a_replica_or_refused(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "other").mkdir()
    async with workspace(tmp_path, database_url) as ws:
        await ws.create_project()
        if is_replicated(database_url):
            async with workspace(tmp_path / "other", database_url) as replica:
                request = projects_pb2.GetProjectRequest(name="projects/demo")
                assert (await replica.projects().GetProject(request)).name == request.name
        else:
            with pytest.raises(ConfigError, match=r"another server runs on .*: SQLite serves one"):
                async with workspace(tmp_path / "other", database_url):
                    pass
    # Its place is free once it has stopped.
    async with workspace(tmp_path / "other", database_url) as successor:
        listed = await successor.projects().ListProjects(projects_pb2.ListProjectsRequest())
        assert [project.name for project in listed.projects] == ["projects/demo"]


def test_a_process_says_so_in_one_sentence(tmp_path: Path) -> None:
    """Exit code 78, as for settings that are not valid, and no traceback."""
    from meshkit.engines import serve_alone

    url = f"sqlite:///{tmp_path / 'workspace.db'}"
    WORKSPACE.fill(url)
    let_others_in = serve_alone(url)
    code = (
        "import meshkit\n"
        "from meshkit.config import ServerSettings\n"
        "from meshkit.engines import serve_alone\n"
        "from meshkit.process import run_service\n"
        f"async def build(_): serve_alone({url!r})\n"
        "run_service(ServerSettings, build, service='workspace')\n"
    )
    command = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": ":".join(sys.path), "credentials_dir": str(tmp_path)}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    let_others_in()
    assert told.returncode == 78
    assert "another server runs on" in told.stderr
    assert "Traceback" not in told.stderr
