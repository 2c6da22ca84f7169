"""How fields are treated: what is hidden, what only the server sets, what an update changes."""

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from meshkit import rules
from meshkit.errors import InvalidArgument
from tests.meshkit.things import FILE, Plain, Thing, thing

SECRET = "hunter2-hunter2"


def test_field_rules_are_read_from_the_descriptor() -> None:
    found = rules.field_rules(Thing.DESCRIPTOR)
    assert found["title"].max_length == 4
    assert "score" not in found


def test_redacted_copies_lose_what_is_sensitive() -> None:
    message = thing(
        password=SECRET,
        title="seen",
        vault={"a": SECRET},
        child=thing(password=SECRET, title="seen"),
        children=[thing(password=SECRET)],
        parts={"x": thing(vault={SECRET: SECRET})},
        anything={"type_url": "x/y", "value": SECRET.encode()},
    )
    before = message.SerializeToString(deterministic=True)
    copy: Any = rules.redacted(message)
    assert SECRET.encode() not in copy.SerializeToString()
    assert copy.title == copy.child.title == "seen"
    assert message.SerializeToString(deterministic=True) == before


def test_redacted_copies_lose_unknown_fields() -> None:
    raw = thing(password=SECRET).SerializeToString()
    stranger = Plain.FromString(raw)
    assert SECRET.encode() in stranger.SerializeToString()
    assert SECRET.encode() not in rules.redacted(stranger).SerializeToString()


def test_sensitive_paths_cut_recursion() -> None:
    secrets = FILE.message_types_by_name["Secrets"]
    paths = rules.sensitive_paths(secrets)
    assert set(paths) == {"one", "thing.anything", "thing.password", "thing.vault"}
    assert rules.sensitive_paths(Plain.DESCRIPTOR) == ()


def test_output_only_fields_are_cleared_everywhere() -> None:
    message = thing(creator="me", title="ab", child={"creator": "me", "title": "cd"})
    rules.clear_output_only(message)
    assert (message.creator, message.title) == ("", "ab")
    assert (message.child.creator, message.child.title) == ("", "cd")


def test_an_absent_mask_means_what_is_populated_and_can_change() -> None:
    message = thing(title="ab", name="things/a", creator="me", kind="k", child={"title": "cd"})
    for mask in (None, FieldMask()):
        found = rules.resolve_update_mask(message, mask)
        assert found == ("id", "title", "tags", "child", "need")


def test_a_star_means_all_that_can_change() -> None:
    found = rules.resolve_update_mask(Thing(), FieldMask(paths=["*"]))
    assert {"title", "labels", "password"} <= set(found)
    assert not {"name", "creator", "kind"} & set(found)


def test_masks_are_ordered_and_reduced() -> None:
    mask = FieldMask(paths=["child.title", "title", "child.child.count", "title", "id"])
    found = rules.resolve_update_mask(Thing(), mask)
    assert found == ("id", "title", "child.title", "child.child.count")
    wider = FieldMask(paths=["child.title", "child"])
    assert rules.resolve_update_mask(Thing(), wider) == ("child",)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("speed", "no field"),
        ("", "no field"),
        ("title.x", "no field"),
        ("child.speed", "no field"),
        ("labels.team", "no field"),
        ("children.title", "no field"),
        ("timeout.seconds", "no field"),
        ("name", "set by the server"),
        ("creator", "set by the server"),
        ("child.creator", "set by the server"),
        ("kind", "cannot change"),
        ("child.kind", "cannot change"),
    ],
)
def test_paths_that_cannot_change_are_refused(path: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words) as caught:
        rules.resolve_update_mask(Thing(), FieldMask(paths=["title", path]))
    assert [violation.field for violation in caught.value.violations] == ["update_mask"]


def test_a_star_stands_alone_and_masks_are_short() -> None:
    with pytest.raises(InvalidArgument, match="stands alone"):
        rules.resolve_update_mask(Thing(), FieldMask(paths=["title", "*"]))
    with pytest.raises(InvalidArgument, match="at most 100"):
        rules.resolve_update_mask(Thing(), FieldMask(paths=["title"] * 101))
