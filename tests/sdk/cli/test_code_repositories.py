"""`weft code-repositories` against a real mesh; runs of commits are tried by the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Weft
from tests.workspace.git_server import Checkout, git_daemon


@pytest.fixture(scope="module")
def commit(home: Path) -> str:
    checkout = Checkout(home / "checkout", home / "served/models.git")
    made = checkout.commit("First", train_py="1")
    checkout.push()
    return made


@pytest.fixture(scope="module")
def url(home: Path, commit: str) -> Iterator[str]:
    assert commit
    with git_daemon(home / "served") as daemon:
        yield daemon.url("models.git")


def test_one_is_made_asked_changed_and_deleted(weft: Weft, url: str, commit: str) -> None:
    made = weft(
        "code-repositories", "create", "models", "--kind", "git", "--url", url,
        "--name", "Models", "--username", "ada", "-o", "json",
    )  # fmt: skip
    assert made.code == 0, made.err
    document = json.loads(made.out)
    assert (document["kind"], document["url"]) == ("CODE_REPOSITORY_KIND_GIT", url)
    shown = weft("code-repositories", "show", "models")
    assert "Models" in shown.out
    assert url in shown.out
    verified = weft("code-repositories", "verify", "models")
    assert commit in verified.out, verified.err
    assert "main" in verified.out
    for revision in (["main"], [commit[:8]], []):
        found = weft("code-repositories", "resolve", "models", *revision, "-o", "name")
        assert found.out.strip() == commit, found.err
    changed = weft("code-repositories", "update", "models", "--description", "Of the team")
    assert "Of the team" in changed.out
    assert weft("code-repositories", "delete", "models", "--yes").code == 0
    assert weft("code-repositories", "show", "models").code == 5


@pytest.mark.parametrize("output", ["json", "yaml", "name", "table"])
def test_they_come_in_every_format(output: str, weft: Weft, url: str) -> None:
    name = f"as-{output}"
    create = ("code-repositories", "create", name, "--kind", "git", "--url", url)
    assert weft(*create, "-o", output).code == 0
    for command in (["list"], ["show", name], ["verify", name], ["resolve", name]):
        done = weft("code-repositories", *command, "-o", output)
        assert done.code == 0, done.err
    assert name in weft("code-repositories", "list", "-o", output).out


def test_what_cannot_be_is_said_with_its_exit_code(weft: Weft, url: str) -> None:
    create = ("code-repositories", "create", "odd", "--kind")
    assert weft(*create, "svn", "--url", url).code == 2
    assert weft(*create, "git").code == 2
    assert weft(*create, "git", "--url", "git@github.com:a/b").code == 2
    assert weft(*create, "git", "--url", url, "--secret", "none").code == 5
    assert weft(*create, "git", "--url", url.replace("models", "none")).code == 0
    absent = weft("code-repositories", "verify", "odd")
    assert absent.code == 6
    assert "there is no repository at its URL" in absent.err
    assert weft("code-repositories", "update", "odd").code == 2
    assert weft("code-repositories", "update", "odd", "--url", url).code == 0
    unknown = weft("code-repositories", "resolve", "odd", "none")
    assert unknown.code == 5
    assert "Has it been pushed?" in unknown.err
    assert weft("code-repositories", "resolve", "odd", "--", "--upload-pack=id").code == 2
