"""`weft prompt` in real shells: always what it would say, and asked no more often than needed."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.sdk.cli.conftest import Weft
from weft._contexts import Context, ContextStore

# What an interactive shell does before each prompt.
LOOK = 'before() { false; __weft_look; echo "$? $weft_prompt"; }'


@pytest.fixture
def store(tmp_path: Path) -> ContextStore:
    store = ContextStore(tmp_path / "config")
    store.put(Context("lab", "lab:1", project="demo"))
    store.put(Context("prod", "prod:1"))
    return store


class Typist:
    """Types lines into a shell that has the script, and counts how often weft is started."""

    def __init__(self, shell: str, home: Path, environment: dict[str, str], script: str) -> None:
        self._shell, self._script = shell, script
        self._asked = home / "asked"
        self.folder = home / "work"
        self.folder.mkdir()
        command = home / "weft"
        python = f"{shlex.quote(sys.executable)} -m weft"
        asked = shlex.quote(str(self._asked))
        command.write_text(f'#!/bin/sh\necho >> {asked}\nexec {python} "$@"\n')
        command.chmod(0o755)
        self._environment = {
            **environment,
            "PATH": f"{home}:{environment['PATH']}",
            "PYTHONPATH": f"{ROOT}:{ROOT}/generated:{ROOT}/sdk",
            "TMPDIR": str(home),
        }

    def __call__(self, *lines: str) -> list[str]:
        typed = "\n".join([self._script, LOOK, *lines])
        done = subprocess.run(
            [self._shell, "-c", typed],
            env=self._environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    @property
    def asked(self) -> int:
        return self._asked.read_text().count("\n")


@pytest.fixture(params=["bash", "zsh"])
def typist(
    request: pytest.FixtureRequest,
    offline: Weft,
    environment: dict[str, str],
    store: ContextStore,
    tmp_path: Path,
) -> Typist:
    program = shutil.which(request.param)
    if program is None:
        told = f"{request.param} is not installed: what weft gives it is not tried"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(told)
    script = offline("prompt", "--shell", request.param).out
    told = {**environment, "WEFT_CONFIG_DIR": str(tmp_path / "config")}
    return Typist(program, tmp_path, told, script)


def test_a_prompt_starts_weft_once_while_nothing_changes(typist: Typist) -> None:
    # What the last command answered is left to whoever asks after it.
    assert typist(*["before"] * 20) == ["1 prod/default"] * 20
    assert typist.asked == 1


def test_a_prompt_hears_of_each_thing_that_counts(typist: Typist) -> None:
    inner = typist.folder / "inner"
    inner.mkdir()
    file = shlex.quote(str(typist.folder / "weft.toml"))
    said = typist(
        "before",
        "export WEFT_PROJECT=theirs; before",
        "unset WEFT_PROJECT; WEFT_CONTEXT=lab; export WEFT_CONTEXT; before",
        "unset WEFT_CONTEXT; before",
        "cd inner",
        f"printf '[defaults]\\nproject = \"vision\"\\n' > {file}; before",
        f"printf '[defaults]\\nproject = \"sound\"\\n' > {file}; before",
        f"rm {file}; before",
        # Another shell, say.
        f"{shlex.quote(sys.executable)} -m weft contexts use lab > used; before",
        "mv $WEFT_CONFIG_DIR/contexts.json away; before",
        "mv away $WEFT_CONFIG_DIR/contexts.json; before; before",
        "cd /; before",
    )
    assert [line.removeprefix("1 ") for line in said] == [
        "prod/default",
        "prod/theirs",
        "lab/demo",
        "prod/default",
        "prod/vision",
        "prod/sound",
        "prod/default",
        "lab/demo",
        "",
        *["lab/demo"] * 2,
        "lab/demo",
    ]
    assert typist.asked == len(said) - 1


def test_a_shell_that_ends_leaves_nothing(typist: Typist) -> None:
    # zsh calls its functions of the end in interactive shells as in others.
    typist("before")
    assert list(typist.folder.parent.glob("weft-prompt.*")) == []


def test_names_that_attack_are_only_names(typist: Typist, tmp_path: Path) -> None:
    (typist.folder / "weft.toml").write_text(
        '[defaults]\nproject = "$(touch hit)`touch hit`\\u001b]0;x\\u0007"\n'
    )
    [said] = typist("before")
    assert said == "1 prod/$(touch hit)`touch hit`?]0;x?"
    assert not (typist.folder / "hit").exists()
