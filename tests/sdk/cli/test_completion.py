"""The tab key: commands, options and names, at once, and never an error in a prompt."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.sdk.cli.conftest import Runs, Weft


def typed(weft: Weft, words: str, **variables: str) -> list[str]:
    """What bash is offered for the last of some words; a blank at the end begins a new one."""
    count = str(len(words.split(" ")) - 1)
    done = weft(_WEFT_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=count, **variables)
    assert (done.code, done.err) == (0, "")
    return [line.partition(",")[2] for line in done.out.splitlines() if line]


def short(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def fetched(kind: str, environment: dict[str, str]) -> None:
    """What a shell has begun aside, waited for."""
    subprocess.run(
        [sys.executable, "-m", "weft.cli._completion", kind],
        env={**environment, "PYTHONPATH": f"{ROOT}:{ROOT}/generated:{ROOT}/sdk"},
        check=True,
    )


def test_commands_and_options_are_completed(offline: Weft) -> None:
    assert typed(offline, "weft ru") == ["run", "runs"]
    assert "list" in typed(offline, "weft runs ")
    assert "--query" in typed(offline, "weft runs list --")
    assert typed(offline, "weft runs list -o js") == ["json", "jsonl", "jsonpath="]


def test_names_come_from_the_mesh(weft: Weft, runs: Runs, environment: dict[str, str]) -> None:
    for kind in ("run", "artifact", "component", "stack", "connector", "repository"):
        fetched(kind, environment)
    assert {"@latest", short(runs.good)} <= set(typed(weft, "weft runs show "))
    assert short(runs.good) in typed(weft, f"weft logs {short(runs.good)[:4]}")
    assert typed(weft, "weft runs show @l") == ["@latest"]
    assert typed(weft, "weft artifacts show ") != []
    assert typed(weft, "weft ctx l") == ["local"]
    assert typed(weft, "weft contexts use l") == ["local"]


@pytest.mark.parametrize("words", ["weft runs show ", "weft stacks show "])
def test_what_cannot_be_known_is_no_error(offline: Weft, tmp_path: Path, words: str) -> None:
    offered = typed(offline, words, WEFT_CONFIG_DIR=str(tmp_path))
    assert set(offered) <= {"@latest", "@prev", "@failed"}


def test_a_broken_context_file_is_no_error(offline: Weft, tmp_path: Path) -> None:
    (tmp_path / "contexts.json").write_text("{")
    assert typed(offline, "weft ctx ", WEFT_CONFIG_DIR=str(tmp_path)) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_gets_its_script(offline: Weft, shell: str) -> None:
    script = offline("completion", shell)
    assert script.code == 0
    assert f"{shell}_complete" in script.out


def test_bash_completes_with_the_script(
    offline: Weft, environment: dict[str, str], tmp_path: Path
) -> None:
    bash = shutil.which("bash")
    assert bash
    script = offline("completion", "bash").out
    command = tmp_path / "weft"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m weft "$@"\n')
    command.chmod(0o755)
    pressed = 'COMP_WORDS=(weft ru); COMP_CWORD=1; _weft_completion weft; echo "${COMPREPLY[@]}"'
    path = f"{tmp_path}:{environment['PATH']}"
    done = subprocess.run(
        [bash, "-c", f"{script}\n{pressed}"],
        env={**environment, "PATH": path, "PYTHONPATH": f"{ROOT}:{ROOT}/generated:{ROOT}/sdk"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["run", "runs"]


def test_a_wrong_command_says_which_is_meant(offline: Weft) -> None:
    wrong = offline("artifcats")
    assert wrong.code == 2
    assert "there is no command 'artifcats'; did you mean 'artifacts'?" in wrong.err
    assert "`weft --help` lists them" in offline("zzz").err
