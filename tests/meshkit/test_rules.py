"""Field rules: what requests may say, and rules that make no sense."""

import math
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit import rules
from meshkit.errors import InvalidArgument
from meshkit.rules.patterns import compile_pattern
from tests.meshkit.protos import declare
from tests.meshkit.things import FILE, REPEATED, TIMESTAMP, Plain, Thing, field, thing

SECRET = "hunter2-hunter2"


def violations(message: Message, **options: bool) -> dict[str, str]:
    try:
        rules.check(message, **options)
    except InvalidArgument as refusal:
        error = refusal
    else:
        return {}
    assert error.reason == "INVALID_FIELDS"
    return {violation.field: violation.description for violation in error.violations}


UID = "0190b6a4-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"id": UID},
        {"title": "ab"},
        {"title": "éééé"},
        {"code": "ab-cd"},
        {"raw": b"\x00\xff\x00"},
        {"uuid": UID},
        {"email": "a.b+c@example-1.org"},
        {"uri": "s3://bucket/key%20a?b=c#d"},
        {"hash": "0" * 64},
        {"parent": "projects/demo", "project": "projects/demo"},
        {"count": 10},
        {"score": -math.inf},
        {"timeout": {"seconds": 60}},
        {"at": {"seconds": 253402300799, "nanos": 999999999}},
        {"color": 1},
        {"tags": ["abc", "d"]},
        {"labels": {"a" * 317: "12345", "é": ""}},
        {"settings": {"a": [1.5, None, {"": True}]}},
        {"limit": 1},
        {"need": 5},
        # Ignored, because the server sets it.
        {"creator": "much too long"},
    ],
)
def test_good_values(values: dict[str, Any]) -> None:
    assert violations(thing(**values)) == {}


@pytest.mark.parametrize(
    ("values", "path", "words"),
    [
        ({"id": ""}, "id", "is required"),
        ({"id": "a\n"}, "id", "must be an id"),
        ({"id": "a" * 64}, "id", "must be an id"),
        ({"id": "1a"}, "id", "must be an id"),
        ({"title": "a"}, "title", "at least 2 characters"),
        ({"title": "abcde"}, "title", "at most 4 characters"),
        ({"code": "ab-"}, "code", "must match"),
        ({"code": "ab\n"}, "code", "must match"),
        ({"code": "a" * 9}, "code", "at most 8"),
        ({"raw": b"1234"}, "raw", "at most 3 bytes"),
        ({"uuid": UID.upper()}, "uuid", "a UUID"),
        ({"uuid": UID + "\n"}, "uuid", "a UUID"),
        ({"email": "a@b@c"}, "email", "an e-mail"),
        ({"email": "a b@c.de"}, "email", "an e-mail"),
        ({"email": "a@" + "b." * 130 + "c"}, "email", "an e-mail"),
        ({"uri": "/relative"}, "uri", "an absolute URI"),
        ({"uri": "http://a b"}, "uri", "an absolute URI"),
        ({"uri": "http://a\r\nb"}, "uri", "an absolute URI"),
        ({"hash": "A" * 64}, "hash", "SHA-256"),
        ({"parent": "projects/A"}, "parent", "projects/{project}"),
        ({"parent": "projects/-"}, "parent", "projects/{project}"),
        ({"count": -1}, "count", "at least 0 and at most 10"),
        ({"count": 11}, "count", "at least 0 and at most 10"),
        ({"score": math.nan}, "score", "not NaN"),
        ({"timeout": {"seconds": 0, "nanos": 999999999}}, "timeout", "at least 1 seconds"),
        ({"timeout": {"seconds": 60, "nanos": 1}}, "timeout", "at most 60 seconds"),
        ({"timeout": {"seconds": 5, "nanos": -1}}, "timeout", "valid duration"),
        ({"at": {"seconds": 253402300800}}, "at", "valid time"),
        ({"at": {"nanos": -1}}, "at", "valid time"),
        ({"color": 2}, "color", "known value"),
        ({"tags": []}, "tags", "at least 1 items"),
        ({"tags": ["a", "b", "c"]}, "tags", "at most 2 items"),
        ({"tags": ["a", "four"]}, "tags[1]", "at most 3"),
        ({"tags": ["a", ""]}, "tags[1]", "must not be empty"),
        ({"labels": {"a": "123456"}}, 'labels["a"]', "at most 5"),
        ({"labels": {"": "1"}}, "labels", "keys have"),
        ({"labels": {"a\x00": "1"}}, "labels", "keys have"),
        ({"labels": {"a": "", "b": "", "c": ""}}, "labels", "at most 2 items"),
        ({"settings": {"a": math.inf}}, 'settings.fields["a"].number_value', "finite"),
        ({"limit": 0}, "limit", "at least 1"),
        ({"child": {"tags": ["a"], "need": 1}}, "child.id", "is required"),
        ({"children": [thing(), thing(title="a")]}, "children[1].title", "at least 2"),
        ({"parts": {"x": thing(child=thing(count=99))}}, 'parts["x"].child.count', "at most 10"),
    ],
)
def test_bad_values(values: dict[str, Any], path: str, words: str) -> None:
    found = violations(thing(**values))
    assert list(found) == [path]
    assert words in found[path]


def test_a_number_that_is_set_may_be_zero_but_must_be_set() -> None:
    message: Any = thing()
    message.ClearField("need")
    assert violations(message) == {"need": "is required"}


def test_all_violations_are_told_at_once_own_fields_first() -> None:
    found = violations(Thing(title="a", count=11, children=[{}, thing()]))
    inner = ["children[0].id", "children[0].tags", "children[0].need"]
    assert list(found) == ["id", "title", "count", "tags", "need", *inner]


def test_the_number_of_violations_is_bounded() -> None:
    assert len(violations(thing(parts={str(n): {} for n in range(500)}))) == rules.MAX_VIOLATIONS


def test_wildcards_only_in_the_requests_own_parent() -> None:
    message = thing(parent="projects/-", project="projects/-", child=thing(parent="projects/-"))
    assert set(violations(message)) == {"parent", "project", "child.parent"}
    assert set(violations(message, wildcard_parent=True)) == {"project", "child.parent"}


def test_messages_without_rules_have_nothing_to_run() -> None:
    rules.compile_all([FILE])
    assert violations(Plain(text="x" * 100_000, number=-1)) == {}
    from meshkit.rules import compiler

    assert compiler._plans[Plain.DESCRIPTOR].checks == []


def test_sensitive_values_are_in_no_violation() -> None:
    with pytest.raises(InvalidArgument) as caught:
        rules.check(thing(password=SECRET, vault={SECRET: SECRET}, code=SECRET.upper()))
    fields = [violation.field for violation in caught.value.violations]
    assert sorted(fields) == ["code", "password", "vault[...]"]
    assert SECRET not in f"{caught.value.violations}{caught.value.message}".lower()


@settings(deadline=None, database=None)
@given(st.text(min_size=6, max_size=30))
def test_no_description_depends_on_the_value(value: str) -> None:
    found = violations(thing(id="Z" + value, title=value, email="@" + value, tags=[value]))
    other = violations(thing(id="Z-other", title="other", email="@other", tags=["other"]))
    assert found == other != {}


# --- bad rules ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "rule", "words"),
    [
        ("STRING", 'pattern: "["', "does not compile"),
        ("STRING", r'pattern: "(?=a)"', "RE2"),
        ("STRING", r'pattern: "(a)\\1"', "RE2"),
        ("STRING", r'pattern: "a++"', "RE2"),
        ("STRING", 'pattern: "([a-z]+)*"', "without a separator"),
        ("STRING", 'resource_type: "test.dev/Nowhere"', "no message declares"),
        ("STRING", "min_length: 3 max_length: 2", "exceeds"),
        ("STRING", "minimum: 1", "numbers and durations"),
        ("STRING", "max_items: 1", "repeated fields"),
        ("STRING", "output_only: true required: true", "output-only"),
        ("STRING", "output_only: true input_only: true", "output-only"),
        ("INT32", "max_length: 1", "strings and bytes"),
        ("INT32", "format: FORMAT_UUID", "for strings"),
        ("INT32", 'resource_type: "test.dev/Project"', "for strings"),
        ("INT32", "minimum: 2 maximum: 1", "minimum exceeds"),
        ("INT32", "minimum: nan", "minimum exceeds"),
        ("BYTES", 'pattern: "a"', "for strings"),
        ("BOOL", "required: true", "false reads as unset"),
        (TIMESTAMP, "minimum: 1", "numbers and durations"),
    ],
)
def test_a_bad_rule_stops_the_server_and_names_the_field(kind: str, rule: str, words: str) -> None:
    file = declare('message_type { name: "Bad" ' + field("broken", kind, rule) + "}")
    with pytest.raises(rules.BadRuleError, match=r"\.Bad\.broken: ") as caught:
        rules.compile_all([file])
    assert words in str(caught.value)


def test_bad_item_counts_and_oneofs_are_refused() -> None:
    counts = field("broken", "STRING", "min_items: 2 max_items: 1", more=REPEATED)
    choice = field("broken", "STRING", "required: true", more="oneof_index: 0")
    for body in (counts, choice + 'oneof_decl { name: "kind" }'):
        file = declare('message_type { name: "Bad" ' + body + "}")
        with pytest.raises(rules.BadRuleError, match=r"\.Bad\.broken: "):
            rules.compile_all([file])


@pytest.mark.parametrize(
    "pattern",
    [
        "[a-z]+(-[a-z]+)*",
        "a/[0-9]+(/b/[0-9]+)?",
        r"(?:v\d+\.)*x",
        "[a-zA-Z0-9.:-]+",
        "[*+]+",
        r"\++",
    ],
)
def test_safe_patterns(pattern: str) -> None:
    assert compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+", "(a|b+)*", "([a-z]*)*", "(?:[a]{2,})+", r"(\w+\d+)*", "(?!a)b", "(?<=a)b", "(?P=x)"],
)
def test_dangerous_patterns(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        compile_pattern(pattern)


def test_digits_are_ascii_as_in_re2() -> None:
    assert compile_pattern(r"\d").fullmatch("1")
    assert not compile_pattern(r"\d").fullmatch("\u0661")


def test_the_contract_itself_compiles() -> None:
    """Our own protos: every rule makes sense."""
    import importlib
    import pkgutil

    import weftapi

    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(weftapi.__path__, "weftapi.")
        if module.name.endswith("_pb2")
    ]
    rules.compile_all([module.DESCRIPTOR for module in modules])
    assert modules
