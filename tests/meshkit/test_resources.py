"""Resource names: only what a pattern allows, and back again."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.errors import InvalidArgument
from meshkit.resources import Resources, messages_of, with_imports
from tests.meshkit.protos import declare


def resource(name: str, *patterns: str) -> str:
    listed = " ".join(f'pattern: "{pattern}"' for pattern in patterns)
    return (
        f'message_type {{ name: "{name}" options {{ '
        f'[google.api.resource] {{ type: "test.dev/{name}" {listed} }} }} }}\n'
    )


PROJECT = resource("Project", "projects/{project}")
FILE = declare(
    PROJECT
    + resource("Run", "projects/{project}/runs/{run}")
    + resource("Attempt", "projects/{project}/runs/{run}/attempts/{attempt}")
    + resource("Settings", "projects/{project}/settings")
    + resource("Secret", "secrets/{secret}", "projects/{project}/secrets/{secret}")
)
NAMES = Resources.from_descriptors([FILE])
RUN, ATTEMPT, SECRET = "test.dev/Run", "test.dev/Attempt", "test.dev/Secret"

ids = st.from_regex(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True) | st.uuids().map(str)


def test_parse_gives_the_ids() -> None:
    found = NAMES.parse(ATTEMPT, "projects/demo/runs/a1/attempts/12")
    assert found == {"project": "demo", "run": "a1", "attempt": "12"}
    assert NAMES.types >= {RUN, ATTEMPT}
    assert NAMES.patterns(SECRET) == ("secrets/{secret}", "projects/{project}/secrets/{secret}")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "projects/demo",
        "projects/demo/runs/",
        "projects//runs/a",
        "/projects/demo/runs/a",
        "projects/demo/runs/a/",
        "projects/demo/runs/a\n",
        "projects/demo/runs/A",
        "projects/demo/runs/1",
        "projects/demo/runs/a-",
        "projects/demo/runs/-",
        "projects/-/runs/a",
        "projects/demo/runs/..",
        "projects/demo/runs/%61",
        "projects/demo/runs/a:b",
        "projects/demo/runs/" + "a" * 64,
        "projects/demo/runs/" + str(UUID(int=0xAB)).upper(),
        "projects/demo/runs/" + UUID(int=1).hex,
        "projects/demo/steps/a",
        "projects/dеmo/runs/a",  # noqa: RUF001 - the second letter is Cyrillic
        "projects/" * 1000,
    ],
)
def test_anything_else_is_refused(name: str) -> None:
    assert not NAMES.matches(RUN, name)
    with pytest.raises(InvalidArgument, match=r"projects/\{project\}/runs/\{run\}") as caught:
        NAMES.parse(RUN, name)
    assert caught.value.reason == "INVALID_FIELDS"


@pytest.mark.parametrize("number", ["0", "01", "-1", "1.0", "12345678901", "١"])  # noqa: RUF001
def test_numbers_are_positive_and_canonical(number: str) -> None:
    assert not NAMES.matches(ATTEMPT, f"projects/p/runs/r/attempts/{number}")
    assert NAMES.matches(ATTEMPT, "projects/p/runs/r/attempts/1234567890")


def test_wildcards_only_where_the_caller_allows_them() -> None:
    assert NAMES.matches("test.dev/Project", "projects/-", wildcard=True)
    assert not NAMES.matches("test.dev/Project", "projects/-")
    assert NAMES.parse(RUN, "projects/-/runs/a", wildcard=True)["project"] == "-"


def test_parents() -> None:
    assert NAMES.parent(RUN, "projects/p/runs/r") == "projects/p"
    assert NAMES.parent("test.dev/Project", "projects/p") == ""
    assert NAMES.parent("test.dev/Settings", "projects/p/settings") == "projects/p"
    assert NAMES.parent(SECRET, "projects/p/secrets/s") == "projects/p"


@given(ids, ids, st.integers(1, 9_999_999_999))
@settings(deadline=None, database=None)
def test_format_and_parse_are_inverse(project: str, run: str, attempt: int) -> None:
    name = NAMES.format(ATTEMPT, project=project, run=run, attempt=attempt)
    parts = NAMES.parse(ATTEMPT, name)
    assert parts == {"project": project, "run": run, "attempt": str(attempt)}
    assert NAMES.parent(ATTEMPT, name) == NAMES.format(RUN, project=project, run=run)


@given(st.lists(st.sampled_from(["projects", "runs", "demo", "-", "A", ""]), max_size=5))
def test_what_matches_is_made_again_from_its_parts(parts: list[str]) -> None:
    name = "/".join(parts)
    if NAMES.matches(RUN, name):
        assert NAMES.format(RUN, **NAMES.parse(RUN, name)) == name
    else:
        with pytest.raises(InvalidArgument):
            NAMES.parse(RUN, name)


@pytest.mark.parametrize("parts", [{}, {"project": "p"}, {"project": "p", "run": "a/b"}])
def test_format_refuses_what_parse_would(parts: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="no name of"):
        NAMES.format(RUN, **parts)


@pytest.mark.parametrize(
    "pattern", ["", "{project}", "projects/{a}/runs/{a}", "projects/*", "a//b"]
)
def test_bad_patterns_are_refused_when_a_server_starts(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        Resources.from_descriptors([declare(resource("Bad", pattern))])


def test_a_type_is_declared_once() -> None:
    other = declare(resource("Run", "runs/{run}"))
    with pytest.raises(ValueError, match="declared once"):
        Resources.from_descriptors([FILE, other])


def test_imports_and_nested_messages_count() -> None:
    file = declare(
        'message_type { name: "Outer" nested_type { name: "Inner" } }', imports=(FILE.name,)
    )
    assert FILE in with_imports([file])
    assert {message.name for message in messages_of(file)} == {"Outer", "Inner"}
    assert RUN in Resources.from_descriptors([file]).types
