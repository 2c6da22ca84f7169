"""Resources as the contract describes them: what can be created, and what can be done with it.

Nothing is listed here by hand: a noun is a method `Create<Noun>` whose answer holds a resource.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from google.api import resource_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from tests.hostile.calls import Method, methods
from tests.hostile.messages import rules_of


@dataclass(frozen=True)
class Noun:
    """A resource with the methods that there are of it, by verb."""

    name: str
    resource: Descriptor
    methods: dict[str, Method]

    @property
    def type(self) -> str:
        return resource_of(self.resource).type

    @property
    def create(self) -> Method:
        return self.methods["Create"]

    @property
    def body(self) -> FieldDescriptor:
        """The field of a create that holds the resource."""
        return _field_of(self.create.descriptor.input_type, self.resource)

    @property
    def id_field(self) -> str:
        """The field of a create that gives the id; empty where the server alone does."""
        fields = self.create.descriptor.input_type.fields_by_name
        return next((name for name in fields if name.endswith("_id") and name != "request_id"), "")

    def has(self, verb: str, field: str = "") -> bool:
        """Whether there is such a method, and its request has a field."""
        method = self.methods.get(verb)
        return bool(method) and (not field or field in method.descriptor.input_type.fields_by_name)

    def of(self, answer: Message) -> Message:
        """The resource in an answer that may wrap it with what is shown once."""
        if answer.DESCRIPTOR is self.resource:
            return answer
        found: Message = getattr(answer, _field_of(answer.DESCRIPTOR, self.resource).name)
        return found

    def bounded_text(self, *, is_free: bool = False) -> tuple[str, int] | None:
        """A text that people give, and how long it may be; of any shape, where `is_free`."""
        for field in self.resource.fields:
            rules = rules_of(field)
            is_given = field.type == field.TYPE_STRING and not field.is_repeated
            if is_free and (rules.format or rules.pattern or rules.resource_type):
                continue
            if is_given and rules.max_length and not rules.output_only and field.name != "etag":
                return field.name, rules.max_length
        return None

    def __str__(self) -> str:
        package = self.create.package.split(".")[1]
        return f"{package}.{self.name}"


def resource_of(descriptor: Descriptor) -> resource_pb2.ResourceDescriptor:
    return descriptor.GetOptions().Extensions[resource_pb2.resource]


@cache
def nouns() -> tuple[Noun, ...]:
    """Every resource that can be created."""
    return tuple(_nouns())


def _nouns() -> Iterator[Noun]:
    for method in methods():
        name = method.descriptor.name.removeprefix("Create")
        resource = _created(method.descriptor.output_type)
        if name == method.descriptor.name or resource is None:
            continue
        siblings = {
            other.descriptor.name: other
            for other in methods()
            if other.descriptor.containing_service is method.descriptor.containing_service
        }
        found = {
            verb: siblings[verb + name]
            for verb in ("Create", "Get", "Update", "Delete")
            if verb + name in siblings
        }
        lists = [m for m in siblings.values() if _lists(m, resource)]
        yield Noun(name, resource, found | ({"List": lists[0]} if lists else {}))


def _created(answer: Descriptor) -> Descriptor | None:
    """The resource that an answer is, or holds beside what is shown once."""
    if resource_of(answer).type:
        return answer
    inner = [f.message_type for f in answer.fields if f.message_type and not f.is_repeated]
    return next((message for message in inner if resource_of(message).type), None)


def _lists(method: Method, resource: Descriptor) -> bool:
    answer = method.descriptor.output_type
    is_list = method.descriptor.name.startswith("List")
    return is_list and any(field.message_type is resource for field in answer.fields)


def _field_of(message: Descriptor, resource: Descriptor) -> FieldDescriptor:
    return next(field for field in message.fields if field.message_type is resource)
