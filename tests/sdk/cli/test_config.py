"""`weft config explain`, and [defaults] of weft.toml: which of several settings counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import Commands, Result
from tests.sdk.cli.conftest import Weft
from weft._contexts import Context, ContextStore
from weft._project_defaults import project_defaults
from weft.errors import ProjectFileError


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """Two contexts of nobody else; "prod" was chosen last."""
    store = ContextStore(tmp_path / "config")
    store.put(Context("lab", "lab.example:443", project="demo"))
    store.put(Context("prod", "prod.example:443", project="main", stack="cpu"))
    return {"WEFT_CONFIG_DIR": str(tmp_path / "config")}


class InProject:
    """Commands typed in a folder below one with a weft.toml."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder / "project" / "deep"
        self._folder.mkdir(parents=True)
        self._environment = environment
        self._commands = Commands(folder)
        self.file = folder / "project" / "weft.toml"

    def __call__(self, *arguments: str, **variables: str) -> Result:
        environment = {**self._environment, **variables}
        return self._commands.run(*arguments, env=environment, cwd=self._folder)

    def explained(self, *arguments: str, **variables: str) -> list[tuple[str, str]]:
        done = self(*arguments, "-o", "json", **variables)
        assert done.code == 0, done.err
        return [(each["value"], each["from"]) for each in json.loads(done.out)]

    def close(self) -> None:
        self._commands.close()


@pytest.fixture
def typed(tmp_path: Path, own: dict[str, str], environment: dict[str, str]) -> InProject:  # type: ignore[misc]
    typed = InProject(tmp_path, {**environment, **own})
    typed.file.write_text('[defaults]\ncontext = "lab"\nproject = "vision"\nstack = "gpu"\n')
    yield typed
    typed.close()


def test_a_flag_wins_over_the_environment_over_the_project_over_the_user(typed: InProject) -> None:
    file, explain = str(typed.file), ("config", "explain", "project")
    kept = [("demo", "context lab"), ("default", "default")]
    below = [("vision", file), *kept]
    assert typed.explained(*explain) == below
    said = [("theirs", "WEFT_PROJECT"), *below]
    assert typed.explained(*explain, WEFT_PROJECT="theirs") == said
    flagged = typed.explained("--project", "mine", *explain, WEFT_PROJECT="theirs")
    assert flagged == [("mine", "--project"), *said]
    assert typed("prompt").out == "lab/vision\n"
    assert typed("prompt", WEFT_CONTEXT="prod").out == "prod/vision\n"
    typed.file.unlink()
    assert typed("prompt").out == "prod/main\n"
    assert typed.explained("config", "explain", "stack")[0] == ("cpu", "context prod")
    assert typed.explained("config", "explain", "stack", WEFT_STACK="x")[0] == ("x", "WEFT_STACK")


def test_all_settings_are_told_and_keys_are_not(typed: InProject) -> None:
    told = typed("config", "explain", "-o", "json", WEFT_API_KEY="weft_key_hidden")
    found = {row["setting"]: (row["value"], row["from"]) for row in json.loads(told.out)}
    assert found["sign-in"] == ("a key", "WEFT_API_KEY")
    assert found["context"] == ("lab", str(typed.file))
    assert found["output"] == ("table", "default")
    assert "hidden" not in told.out
    table = typed("config", "explain", "context").out.splitlines()
    assert table[1].split() == ["*", "lab", str(typed.file)]
    assert table[2].split() == ["prod", "chosen"]
    wrong = typed("config", "explain", "colour")
    assert (wrong.code, "there is no setting 'colour'; there are context" in wrong.err) == (2, True)


def test_what_a_project_says_is_not_kept_for_the_user(typed: InProject) -> None:
    assert typed("contexts", "update", "--stack", "big").code == 0
    typed.file.unlink()
    assert typed.explained("config", "explain", "stack", WEFT_CONTEXT="lab")[0][0] == "big"
    # Neither the project of the file nor its context.
    assert typed("prompt", WEFT_CONTEXT="lab").out == "lab/demo\n"
    assert typed("prompt").out == "prod/main\n"


def test_a_project_says_how_results_are_printed(typed: InProject) -> None:
    typed.file.write_text('[defaults]\noutput = "name"\n')
    assert typed("contexts", "list").out == "lab\nprod\n"
    assert json.loads(typed("contexts", "list", "-o", "json").out)[0]["name"] == "lab"
    typed.file.write_text('[defaults]\noutput = "loud"\n')
    assert typed("contexts", "list").code == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[defaults", "is not readable"),
        ("defaults = 3", "[defaults] is a table of context"),
        ('[defaults]\nserver = "evil.example:443"', "[defaults] has no server"),
        ("[defaults]\nproject = 3", "project of [defaults] is a text"),
        ('[defaults]\nproject = ""', "project of [defaults] is a text"),
    ],
)
def test_a_file_that_says_what_nobody_reads_is_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "weft.toml").write_text(text)
    with pytest.raises(ProjectFileError) as refused:
        project_defaults(tmp_path)
    assert words in str(refused.value)
    assert str(tmp_path / "weft.toml") in str(refused.value)


def test_a_file_about_images_alone_says_nothing_of_places(tmp_path: Path) -> None:
    (tmp_path / "weft.toml").write_text('[defaults]\nproject = "outer"\n')
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "weft.toml").write_text('[image]\npython = "3.12"\n')
    assert project_defaults(inner).values == {"project": "outer"}


def test_a_broken_file_is_one_sentence(typed: InProject, offline: Weft) -> None:
    typed.file.write_text("[defaults")
    refused = typed("contexts", "show")
    assert refused.code == 2
    assert refused.err.startswith(f"error: {typed.file} is not readable: ")
    assert offline("--help").code == 0
    assert typed("--help").code == 0
    assert (typed("prompt").code, typed("prompt").out) == (0, "")
