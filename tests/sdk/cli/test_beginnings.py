"""`weft init`, `weft contexts` and `weft prompt`: where one begins, and where one is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.sdk.cli.conftest import Weft
from weft._contexts import Context, ContextStore, SignIn


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """Two contexts of nobody else."""
    store = ContextStore(tmp_path)
    store.put(Context("lab", "lab.example:443", project="demo", ca_pem="PEM"))
    store.put(Context("prod", "prod.example:443", workspace="organizations/a/workspaces/b"))
    store.sign_in("lab", SignIn(refresh_token="secret-of-lab"))
    return {"WEFT_CONFIG_DIR": str(tmp_path)}


def test_a_new_folder_can_be_drawn_and_tested(
    offline: Weft, tmp_path: Path, environment: dict[str, str]
) -> None:
    folder = tmp_path / "hello"
    made = offline("init", folder)
    assert made.code == 0
    assert f"cd {folder} && weft dag train.py" in made.err
    assert offline("dag", folder / "train.py").out.splitlines() == [
        "  load ──┬─► train ────► evaluate",
        "         └─► profile",
    ]
    # Installed, pytest finds the plugin by itself.
    plugins = ["-p", "weft.pytest_plugin", "-p", "no:cacheprovider"]
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, "--rootdir", folder],
        cwd=folder,
        env={**environment, "PYTHONPATH": f"{ROOT}:{ROOT}/generated:{ROOT}/sdk"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in tested.stdout, tested.stdout


def test_nothing_that_exists_is_overwritten(offline: Weft, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("mine")
    refused = offline("init", tmp_path)
    assert refused.code == 6
    assert "train.py exists: choose another folder" in refused.err
    assert (tmp_path / "train.py").read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["train.py"]


def test_contexts_are_listed_chosen_and_forgotten(offline: Weft, own: dict[str, str]) -> None:
    listed = json.loads(offline("contexts", "list", "-o", "json", **own).out)
    assert [(c["name"], c["current"]) for c in listed] == [("lab", False), ("prod", True)]
    assert offline("contexts", "use", "lab", "-o", "name", **own).out == "lab\n"
    assert offline("contexts", "use", "-", "-o", "name", **own).out == "prod\n"
    assert offline("contexts", "use", "absent", **own).code == 4
    assert offline("contexts", "delete", "lab", **own).code == 0
    assert "secret-of-lab" not in Path(own["WEFT_CONFIG_DIR"], "credentials.json").read_text()
    assert offline("contexts", "delete", "lab", **own).code == 4
    assert offline("contexts", "delete", "prod", **own).code == 0
    assert "weft login" in offline("runs", "list", **own).err


def test_a_context_says_where_its_values_come_from(offline: Weft, own: dict[str, str]) -> None:
    def values(**variables: str) -> dict[str, tuple[str, str]]:
        shown = offline("contexts", "show", "-o", "json", **own, **variables).out
        return {row["setting"]: (row["value"], row["from"]) for row in json.loads(shown)}

    assert values()["project"] == ("default", "context prod")
    chosen = values(WEFT_CONTEXT="lab", WEFT_PROJECT="other", WEFT_API_KEY="weft_key_hidden")
    assert chosen["context"] == ("lab", "WEFT_CONTEXT")
    assert chosen["project"] == ("other", "WEFT_PROJECT")
    assert chosen["sign-in"] == ("a key", "WEFT_API_KEY")
    assert values(WEFT_CONTEXT="lab")["sign-in"] == ("a session", "context lab")
    assert "secret" not in str(values(WEFT_CONTEXT="lab"))


def test_what_a_command_is_given_wins_over_the_environment(
    offline: Weft, own: dict[str, str]
) -> None:
    assert offline("--context", "lab", "--project", "x", "prompt", **own).out == "lab/x\n"
    said = {**own, "WEFT_CONTEXT": "absent", "WEFT_PROJECT": "absent"}
    assert offline("--context", "lab", "--project", "x", "prompt", **said).out == "lab/x\n"
    wrong = offline("--context", "absent", "contexts", "show", **own)
    assert (wrong.code, "known are: lab, prod" in wrong.err) == (4, True)


def test_a_context_can_work_in_another_project(offline: Weft, own: dict[str, str]) -> None:
    assert offline("contexts", "update", "--project", "vision", **own).code == 0
    assert offline("prompt", **own).out == "prod/vision\n"
    assert offline("contexts", "update", **own).code == 2


def test_a_prompt_is_never_an_error(offline: Weft, own: dict[str, str], tmp_path: Path) -> None:
    assert offline("prompt", **own).out == "prod/default\n"
    assert offline("prompt", WEFT_PROJECT="demo", **own).out == "prod/demo\n"
    nothing = offline("prompt", WEFT_CONFIG_DIR=str(tmp_path / "empty"))
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "")
    (tmp_path / "contexts.json").write_text("{")
    assert offline("prompt", **own).code == 0
