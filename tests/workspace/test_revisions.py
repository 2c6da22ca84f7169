"""What may stand for a commit, against git's own word."""

import subprocess

from hypothesis import example, given, settings
from hypothesis import strategies as st

from workspace.repositories.revisions import is_commit_id, is_short_id, problem, subject_of

_NAMES = st.text(alphabet="ab-./@{}~^:?*[\\ \x00\n\u202e", min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(_NAMES)
@example("@")
@example("a.lock/b")
@example("-a")
def test_no_name_passes_that_git_would_not_take(name: str) -> None:
    if problem(name) is not None or "\x00" in name:
        return
    done = subprocess.run(
        ["git", "check-ref-format", "--allow-onelevel", f"refs/heads/{name}"], check=False
    )
    assert done.returncode == 0
    assert name.isprintable()
    assert not name.startswith("-")


def test_names_of_real_life_pass() -> None:
    for name in ("main", "feature/x-1", "v1.0.0", "refs/tags/v1", "HEAD", "a" * 40, "großes"):
        assert problem(name) is None, name


def test_ids_are_hexadecimal_and_whole() -> None:
    assert is_commit_id("a" * 40)
    assert is_commit_id("0" * 64)
    assert not any(map(is_commit_id, ("a" * 39, "A" * 40, "g" * 40, "", "a" * 40 + "\n")))
    assert is_short_id("abcd")
    assert not any(map(is_short_id, ("abc", "ABCD", "abcg", "")))


def test_subjects_are_one_clean_line() -> None:
    assert subject_of("\n\nFix \x1b[31mit\x1b[0m\n\nbody") == "Fix ?[31mit?[0m"
    assert len(subject_of("x" * 1000)) == 256
    assert subject_of("") == ""
