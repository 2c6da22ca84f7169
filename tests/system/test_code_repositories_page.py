"""The commands of `docs/code-repositories.md`, typed as they stand there, against `git daemon`."""

import subprocess
from pathlib import Path

import pytest

from tests.system.walking import Shell, read
from tests.workspace.git_server import git_daemon

PAGE = Path(__file__).parents[2] / "docs/code-repositories.md"


@pytest.mark.page
@pytest.mark.timeout(300)
def test_the_page_does_what_it_says(shell: Shell, tmp_path: Path) -> None:
    served = tmp_path / "served"
    init = ["git", "init", "--quiet", "--bare", "--initial-branch=main", str(served / "models.git")]
    subprocess.run(init, check=True)
    with git_daemon(served) as daemon:
        shell.run(f"export GIT_URL={daemon.url('models.git')} GIT_CONFIG_GLOBAL=/dev/null")
        chapters = read(PAGE.read_text(encoding="utf-8"))
        steps = [step for chapter in chapters for step in chapter.steps]
        assert len(steps) > 25
        for step in steps:
            shell.walk(step)
