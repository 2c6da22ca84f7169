"""Which commit a folder is at, why that may not be its code, and which remotes are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workspace.git_server import Checkout
from weft._checkout import look_at, place_of


@pytest.fixture(autouse=True)
def plain_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git without the configuration of whoever runs the tests."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "work", tmp_path / "served/models.git")


def obstacle(folder: Path) -> str:
    found = look_at(folder)
    assert found
    return found.obstacle


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/team/models.git",
        "https://github.com/team/models",
        "https://GitHub.com:443/team/models/",
        "https://ada@github.com/team/models.git",
        "git@github.com:team/models.git",
        "github.com:team/models",
        "ssh://git@github.com/team/models.git",
        "ssh://git@github.com:2222/team/models.git",
        "git://github.com/team/models.git",
    ],
)
def test_one_repository_is_one_place_however_it_is_cloned(url: str) -> None:
    assert place_of(url) == "github.com/team/models"


def test_other_repositories_are_other_places() -> None:
    places = [
        place_of(url)
        for url in (
            "https://github.com/team/models2",
            "https://github.com/Team/models",
            "https://github.com:8443/team/models",
            "https://gitlab.com/team/models",
            "git://127.0.0.1:9419/team/models",
        )
    ]
    assert len({*places, "github.com/team/models"}) == 6


@pytest.mark.parametrize(
    "url",
    ["/srv/models.git", "../models", "file:///srv/m", "", "https://", "https://h:x/a", "C:\\m"],
)
def test_what_is_on_this_machine_is_no_place(url: str) -> None:
    assert place_of(url) == ""


def test_a_clean_folder_is_its_commit(checkout: Checkout) -> None:
    commit = checkout.commit("First", a__b__train_py="1", other_py="2")
    found = look_at(checkout.folder / "a/b")
    assert found
    assert (found.commit, found.directory, found.is_dirty) == (commit, "a/b", False)
    assert (found.obstacle, found.remotes) == ("", (str(checkout.served),))
    # What changes elsewhere is not the folder's.
    (checkout.folder / "other.py").write_text("3")
    assert obstacle(checkout.folder / "a/b") == ""
    assert "not committed" in obstacle(checkout.folder)
    root = look_at(checkout.folder)
    assert root
    assert (root.directory, root.is_dirty) == ("", True)


def test_new_files_and_what_archives_lack_are_obstacles(checkout: Checkout) -> None:
    checkout.commit("First", train_py="1")
    (checkout.folder / "new.py").write_text("2")
    assert "not committed" in obstacle(checkout.folder)
    (checkout.folder / ".gitignore").write_text("new.py\n")
    checkout.commit("Ignore")
    assert obstacle(checkout.folder) == ""
    inner = checkout.folder / "inner"
    checkout.git("init", "--quiet", str(inner))
    checkout.git("-C", "inner", "commit", "--quiet", "--allow-empty", "-m", "Inner")
    checkout.commit("With a submodule")
    assert "submodules" in obstacle(checkout.folder)
    checkout.git("rm", "--quiet", "--cached", "inner")
    (checkout.folder / ".gitignore").write_text("new.py\ninner\n")
    (checkout.folder / ".gitattributes").write_text("*.bin filter=lfs\n")
    (checkout.folder / "data.bin").write_text("pointer")
    checkout.commit("With a large file")
    assert "LFS" in obstacle(checkout.folder)


def test_a_folder_without_commits_is_no_checkout(tmp_path: Path, checkout: Checkout) -> None:
    assert look_at(checkout.folder) is None
    assert look_at(tmp_path) is None
    assert look_at(tmp_path / "none") is None


def test_bytecode_is_no_change(checkout: Checkout) -> None:
    checkout.commit("First", train_py="1")
    for folder in (checkout.folder, checkout.folder / "below"):
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "__pycache__/jobs.cpython-311.pyc").write_bytes(b"x")
    assert obstacle(checkout.folder) == ""
    (checkout.folder / "below/more.py").write_text("B = 1\n")
    assert obstacle(checkout.folder) == "it has changes that are not committed"
