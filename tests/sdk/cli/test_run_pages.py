"""Pages of the documentation: their very commands, on a real mesh."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Weft
from tests.system.walking import Shell, read

ROOT = Path(__file__).parents[3]


@pytest.mark.page
@pytest.mark.timeout(400)
@pytest.mark.parametrize("page", ["filters", "runs", "snapshots"])
def test_the_commands_of_a_page_do_what_it_says(
    page: str, weft: Weft, environment: dict[str, str], tmp_path: Path
) -> None:
    assert weft("runs", "list").code == 0
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, words in {"weft": "-m weft", "python": ""}.items():
        command = commands / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        command.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    path = f"{commands}:{environment['PATH']}"
    shell = Shell(home, {**environment, "PATH": path})
    try:
        text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
        steps = [step for chapter in read(text) for step in chapter.steps]
        assert len(steps) >= 9
        for step in steps:
            shell.walk(step)
    finally:
        shell.close()
