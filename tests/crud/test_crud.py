"""What holds for every resource of the contract, over gRPC and over HTTP.

The cases are made from the descriptors and the examples; a resource without an example fails.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from tests.crud.examples import ELSEWHERE, EXAMPLES, Example
from tests.crud.nouns import Noun, nouns
from tests.crud.ways import Answer, Way
from tests.hostile.world import World

_HOSTILE = ("../etc", "a/b", "Upper", "a b", "x" * 64, "-", "%2e%2e", "a\u202eb")
_NUMBERS = count(1)


def cases(verb: str, field: str = "", *, case: str = "") -> pytest.MarkDecorator:
    """The nouns that have a method, and a field of its request."""
    found = [
        noun
        for noun in nouns()
        if str(noun) in EXAMPLES and noun.has(verb, field) and case not in EXAMPLES[str(noun)].lacks
    ]
    return pytest.mark.parametrize("noun", found, ids=str)


@dataclass
class Subject:
    """A noun, an example of it, and a way to its methods."""

    noun: Noun
    hosts: World
    way: Way

    @property
    def example(self) -> Example:
        return EXAMPLES[str(self.noun)]

    @cached_property
    def parent(self) -> str:
        """What it is created in: something that the servers have, or that is created for it."""
        parent = self.example.parent
        if parent not in EXAMPLES:
            return self.hosts.of(self.noun.create).names.get(parent, parent)
        return self._another(parent)

    def _another(self, wanted: str) -> str:
        """The name of a resource of another kind, which is created."""
        noun = next(noun for noun in nouns() if str(noun) == wanted)
        name: str = Subject(noun, self.hosts, self.way).create().name  # type: ignore[attr-defined]
        return name

    def new(self, id_: str = "", **fields: Any) -> Message:
        """A request to create one."""
        unique = f"crud-{next(_NUMBERS)}-{uuid4().hex[:6]}"
        body = {
            name: value.format(unique=unique) if isinstance(value, str) else value
            for name, value in self.example.body.items()
        }
        body |= {name: self._another(noun) for name, noun in self.example.needs.items()}
        document = {self.noun.body.name: body, **fields}
        if self.parent:
            first = next(iter(self.noun.create.descriptor.input_type.fields_by_name))
            document[first] = fields.get(first, self.parent)
        if self.noun.id_field:
            document[self.noun.id_field] = id_ or unique
        return ParseDict(document, self.noun.create.request())

    def create(self) -> Message:
        answer = self.way.call(self.noun.create, self.new())
        assert answer.code == "OK", answer
        return self.noun.of(answer.message)

    def call(self, verb: str, *, who: str = "admin", **fields: Any) -> Answer:
        method = self.noun.methods[verb]
        return self.way.call(method, ParseDict(fields, method.request()), who=who)

    def update(self, name: str, *, who: str = "admin", etag: str = "", **mask: Any) -> Answer:
        path, value = self.example.changed
        body = {"name": name, path: value} | ({"etag": etag} if etag else {})
        fields = {self.noun.body.name: body, **mask}
        return self.call("Update", who=who, **fields)

    def absent(self, name: str) -> str:
        """A name as this one, of nothing."""
        last = "4711" if name.rpartition("/")[2].isdigit() else str(uuid4())
        return f"{name.rpartition('/')[0]}/{last}"


@pytest.fixture
def subject(noun: Noun, hosts: World, way: Way) -> Subject:
    return Subject(noun, hosts, way)


def refusal(answer: Answer) -> tuple[str, str]:
    return answer.code, answer.reason


def test_every_resource_has_an_example() -> None:
    known = EXAMPLES.keys() | ELSEWHERE.keys()
    assert {str(noun) for noun in nouns()} == known
    assert not EXAMPLES.keys() & ELSEWHERE.keys()
    root = Path(__file__).parents[2]
    assert all((root / where.rpartition(" ")[2]).is_file() for where in ELSEWHERE.values())


@cases("Get")
def test_what_is_created_is_got(subject: Subject) -> None:
    made = subject.create()
    answer = subject.call("Get", name=made.name)  # type: ignore[attr-defined]
    assert answer.code == "OK"
    got = subject.noun.of(answer.message)
    assert (got.name, got.uid) == (made.name, made.uid)  # type: ignore[attr-defined]


@cases("List")
def test_what_is_created_is_listed(subject: Subject) -> None:
    made, token, listed = subject.create(), "", []
    method = subject.noun.methods["List"]
    fields = method.descriptor.input_type.fields_by_name
    items = next(f.name for f in method.descriptor.output_type.fields if f.is_repeated)
    first = next(iter(fields))
    parent = {first: subject.parent} if subject.parent else {}
    while True:
        answer = subject.call("List", **parent, page_token=token, page_size=2)
        assert answer.code == "OK", answer
        listed += [item.name for item in getattr(answer.message, items)]
        token = answer.message.next_page_token  # type: ignore[attr-defined]
        if not token:
            break
    assert listed.count(made.name) == 1  # type: ignore[attr-defined]
    assert len(set(listed)) == len(listed)


@cases("Update", "update_mask")
def test_an_update_changes_what_its_mask_names(subject: Subject) -> None:
    made: Any = subject.create()
    path, value = subject.example.changed
    answer = subject.update(made.name, update_mask=_mask(path))
    assert answer.code == "OK", answer
    after: Any = subject.noun.of(answer.message)
    assert getattr(after, path) == value
    assert after.uid == made.uid
    if hasattr(made, "etag"):
        assert after.etag != made.etag


@cases("Update", "update_mask")
@pytest.mark.parametrize("path", ["nonsense", "uid", "name.x"])
def test_a_path_that_cannot_change_is_refused(subject: Subject, path: str) -> None:
    made: Any = subject.create()
    found = refusal(subject.update(made.name, update_mask=_mask(path)))
    assert found == ("INVALID_ARGUMENT", "INVALID_FIELDS")


@cases("Delete", case="delete")
def test_what_is_deleted_is_gone(subject: Subject) -> None:
    made: Any = subject.create()
    assert subject.call("Delete", name=made.name).code == "OK"
    if subject.noun.has("Get"):
        found = refusal(subject.call("Get", name=made.name))
        assert found == ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    found = refusal(subject.call("Delete", name=made.name))
    assert found == ("NOT_FOUND", "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize("verb", ["Get", "Update", "Delete"])
@cases("Get", case="missing")
def test_what_does_not_exist_is_not_found(subject: Subject, verb: str) -> None:
    if not subject.noun.has(verb):
        return
    made: Any = subject.create()
    name = subject.absent(made.name)
    answer = subject.update(name) if verb == "Update" else subject.call(verb, name=name)
    assert refusal(answer) == ("NOT_FOUND", "RESOURCE_NOT_FOUND")


@cases("Create", case="duplicate")
def test_a_taken_id_is_refused(subject: Subject) -> None:
    if not subject.noun.id_field:
        return
    request = subject.new()
    assert subject.way.call(subject.noun.create, request).code == "OK"
    found = refusal(subject.way.call(subject.noun.create, request))
    assert found == ("ALREADY_EXISTS", "RESOURCE_EXISTS")


@cases("Create", "request_id", case="replay")
def test_a_request_id_makes_repeating_safe(subject: Subject) -> None:
    request: Any = subject.new(request_id=str(uuid4()))
    first = subject.way.call(subject.noun.create, request)
    again = subject.way.call(subject.noun.create, request)
    assert first.code == again.code == "OK", (first, again)
    assert subject.noun.of(first.message) == subject.noun.of(again.message)
    found = subject.noun.bounded_text(is_free=True)
    if found:
        setattr(getattr(request, subject.noun.body.name), found[0], "another")
        refused = refusal(subject.way.call(subject.noun.create, request))
        assert refused == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")


@cases("Create")
def test_a_text_that_is_too_long_is_refused(subject: Subject) -> None:
    found = subject.noun.bounded_text()
    if found is None:
        return
    request: Any = subject.new()
    setattr(getattr(request, subject.noun.body.name), found[0], "x" * (found[1] + 1))
    answer = subject.way.call(subject.noun.create, request)
    assert refusal(answer) == ("INVALID_ARGUMENT", "INVALID_FIELDS")


@cases("Create")
def test_a_hostile_id_is_refused(subject: Subject) -> None:
    for id_ in _HOSTILE if subject.noun.id_field else ():
        answer = subject.way.call(subject.noun.create, subject.new(id_))
        assert refusal(answer) == ("INVALID_ARGUMENT", "INVALID_FIELDS"), id_


@pytest.mark.parametrize("verb", ["Update", "Delete"])
@cases("Get")
def test_an_etag_of_before_is_refused(subject: Subject, verb: str) -> None:
    has_etag = "etag" in subject.noun.resource.fields_by_name
    if not has_etag or not subject.noun.has(verb, "etag" if verb == "Delete" else ""):
        return
    made: Any = subject.create()
    if verb == "Update":
        answer = subject.update(made.name, etag="stale-1")
    else:
        answer = subject.call(verb, name=made.name, etag="stale-1")
    assert refusal(answer) == ("ABORTED", "ETAG_MISMATCH")


@pytest.mark.parametrize("verb", ["Get", "Update", "Delete"])
@cases("Get")
def test_a_stranger_learns_nothing(subject: Subject, verb: str) -> None:
    if not subject.noun.has(verb):
        return
    made: Any = subject.create()
    found = set()
    for name in (made.name, subject.absent(made.name)):
        if verb == "Update":
            answer = subject.update(name, who="stranger")
        else:
            answer = subject.call(verb, who="stranger", name=name)
        found.add(refusal(answer))
    assert found == {("PERMISSION_DENIED", "NOT_PERMITTED")}


@cases("Create", "parent", case="parent")
def test_a_parent_that_does_not_exist_is_refused(subject: Subject) -> None:
    request: Any = subject.new()
    request.parent = f"{subject.parent.rpartition('/')[0]}/{uuid4()}"
    answer = subject.way.call(subject.noun.create, request)
    # What it names besides lies in the other project: that may be what is seen first.
    assert answer.code in {"NOT_FOUND", "PERMISSION_DENIED", "INVALID_ARGUMENT"}
    answer = subject.way.call(subject.noun.create, subject.new(), who="stranger")
    assert refusal(answer) == ("PERMISSION_DENIED", "NOT_PERMITTED")


def _mask(path: str) -> str:
    """A mask as JSON has it."""
    first, *rest = path.split("_")
    return first + "".join(part.title() for part in rest)
