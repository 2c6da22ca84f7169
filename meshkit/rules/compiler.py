"""Compiles the field rules of message types into closures, and runs them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.message import Message

from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.resources import Resources, messages_of
from meshkit.rules.columns import quick_look
from meshkit.rules.glance import MANY, Doubt, Glance, by_columns, is_empty, of_field
from meshkit.rules.shapes import has_text_keys, is_map, item_field, refuse_contradictions, type_of
from meshkit.rules.values import (
    DURATION,
    KEY,
    MAX_KEY_LENGTH,
    TIMESTAMP,
    ValueCheck,
    fits,
    value_checks,
)
from weftapi.options.v1 import options_pb2
from weftapi.options.v1.options_pb2 import FieldRules

# More than a person reads; a request of a million bad items must not make a million lines.
MAX_VIOLATIONS = 100

_F = FieldDescriptor
_SHOWN_KEY = 64
# Checked as values, or opaque: nothing in them is a field of ours.
_LEAVES = frozenset({DURATION, TIMESTAMP, "google.protobuf.Any", "google.protobuf.FieldMask"})


class BadRuleError(Exception):
    """A field's options make no sense; a server with one does not start."""


@dataclass(slots=True)
class _Findings:
    """Violations found so far."""

    wildcard_parent: bool
    violations: list[FieldViolation] = field(default_factory=list)
    # Above zero inside a sensitive field, where map keys are not repeated.
    hidden: int = 0

    @property
    def full(self) -> bool:
        return len(self.violations) >= MAX_VIOLATIONS

    def add(self, path: str, description: str | None) -> None:
        if description is not None and not self.full:
            self.violations.append(FieldViolation(path, description))

    def key(self, key: Any) -> str:
        return "[...]" if self.hidden else f"[{json.dumps(key)[:_SHOWN_KEY]}]"


# (message, path of the message with a dot at its end, findings)
_Check = Callable[[Message, str, _Findings], None]
# (value, its path, findings)
_ItemCheck = Callable[[Any, str, _Findings], None]
# (value, its path, findings) to what is wrong with it
_ItemProblem = Callable[[Any, str, _Findings], str | None]


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule of a value; where the doubt is false, nothing is wrong with it."""

    problem: _ItemProblem
    doubt: Doubt


# A check with the number of the field that must be set for it to find anything; 0 for none.
_Placed = tuple[int, _Check]


@dataclass(slots=True, eq=False)
class _Plan:
    """The checks of a message type, and the glance that tells whether they are worth running.

    `nested` leads to the plans of its fields' types.
    """

    checks: list[_Placed] = field(default_factory=list)
    nested: list[tuple[_Placed, Doubt, "_Plan"]] = field(default_factory=list)
    glance: Glance = field(default_factory=Glance)

    def run(self, message: Message, prefix: str, findings: _Findings) -> None:
        if findings.full:
            return
        # Most fields of most messages are unset, and gRPC's C code tells which in one call.
        present = {field_.number for field_, _ in message.ListFields()}
        for number, check in self.checks:
            if not number or number in present:
                check(message, prefix, findings)

    def closure(self) -> "set[_Plan]":
        found, waiting = {self}, [self]
        while waiting:
            for _, _, plan in waiting.pop().nested:
                if plan not in found:
                    found.add(plan)
                    waiting.append(plan)
        return found


# Descriptors live as long as the process and never change; so does what is made of them.
_plans: dict[Descriptor, _Plan] = {}


def compile_all(files: Iterable[FileDescriptor]) -> None:
    """Compiles the rules of all messages in these files; BadRuleError names the field.

    Also of those that their services take and answer, which may stand in a file that is imported.
    Resource types may be declared in the files or in what they import.
    """
    files = list(files)
    compiler = _Compiler(Resources.from_descriptors(files))
    for file in files:
        for message in (*messages_of(file), *_exchanged(file)):
            compiler.plan(message)
    compiler.finish()


def _exchanged(file: FileDescriptor) -> Iterator[Descriptor]:
    for service in file.services_by_name.values():
        for method in service.methods:
            yield method.input_type
            yield method.output_type


def check(message: Message, *, wildcard_parent: bool = False) -> None:
    """Raises InvalidArgument INVALID_FIELDS with every violation, at most MAX_VIOLATIONS.

    `wildcard_parent` lets the request's own `parent` have "-" for an id ("projects/-"). Fields
    that are output-only are not looked at: what a request says there is ignored.
    """
    descriptor = type_of(message)
    plan = _plans.get(descriptor) or _compile_late(descriptor)
    if not plan.checks or not plan.glance.doubts(message):
        return
    findings = _Findings(wildcard_parent)
    plan.run(message, "", findings)
    if findings.violations:
        paths = ", ".join(violation.field for violation in findings.violations[:5])
        more = ", ..." if len(findings.violations) > 5 else ""  # noqa: PLR2004
        raise InvalidArgument(
            "INVALID_FIELDS",
            f"fields break their rules: {paths}{more}",
            violations=findings.violations,
        )


def field_rules(descriptor: Descriptor) -> Mapping[str, FieldRules]:
    """The rules of a message's own fields, by field name; fields without rules are absent."""
    return {
        field.name: field.GetOptions().Extensions[options_pb2.field]
        for field in descriptor.fields
        if field.GetOptions().HasExtension(options_pb2.field)
    }


def _compile_late(descriptor: Descriptor) -> _Plan:
    """For messages that no server announced, as in tests and tools."""
    compiler = _Compiler(Resources.from_descriptors([descriptor.file]))
    plan = compiler.plan(descriptor)
    compiler.finish()
    return plan


class _Compiler:
    """Compiles message types that reach each other, cycles included."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._new: dict[Descriptor, _Plan] = {}

    def plan(self, descriptor: Descriptor) -> _Plan:
        known = _plans.get(descriptor) or self._new.get(descriptor)
        if known:
            return known
        plan = self._new[descriptor] = _Plan()
        for field_ in descriptor.fields:
            try:
                self._field(plan, field_)
            except ValueError as error:
                raise BadRuleError(f"{field_.full_name}: {error}") from error
        return plan

    def finish(self) -> None:
        """Drops descents that lead to no check, then publishes the plans."""
        active = {
            plan: any(other.checks for other in plan.closure()) for plan in self._new.values()
        }
        for plan in self._new.values():
            for go, doubt, to in plan.nested:
                if active.get(to, bool(to.checks)):
                    plan.checks.append(go)
                    plan.glance.add(go[0], [doubt])
        _plans.update(self._new)

    def _field(self, plan: _Plan, field_: FieldDescriptor) -> None:
        rules = field_.GetOptions().Extensions[options_pb2.field]
        refuse_contradictions(field_, rules)
        value = item_field(field_)
        checks = self._value_checks(value, rules)
        if rules.output_only:
            return
        if field_.is_repeated:
            plan.checks.extend(_count_checks(field_, rules))
            plan.glance.at_count(field_, rules)
            checks = _item_checks(value, rules) + checks
        elif rules.required:
            plan.checks.append((0, _required(field_)))
            plan.glance.at_required(field_)
        if checks:
            act = _first_problem([check.problem for check in checks])
            number = _must_be_set(field_, act)
            plan.checks.append((number, _each(field_, rules, act)))
            doubts = [check.doubt for check in checks]
            plan.glance.at_values(field_, doubts, is_needed=number == 0)
        if value.message_type is not None and value.message_type.full_name not in _LEAVES:
            nested = self.plan(value.message_type)
            check, doubt = _descent(field_, rules, nested)
            plan.nested.append(((field_.number, check), doubt, nested))

    def _value_checks(self, value: FieldDescriptor, rules: FieldRules) -> list[_Rule]:
        checks = [_ignoring_place(check) for check in value_checks(value, rules)]
        if not rules.resource_type:
            return checks
        fits(value.type == _F.TYPE_STRING, "a resource type", "strings")
        if rules.resource_type not in self._resources.types:
            raise ValueError(f"no message declares the resource type {rules.resource_type!r}")
        return [*checks, _resource(self._resources, rules.resource_type)]


def _ignoring_place(check: ValueCheck) -> _Rule:
    return _Rule(lambda value, _path, _findings: check(value), check)


def _resource(resources: Resources, type_: str) -> _Rule:
    patterns = " or ".join(resources.patterns(type_))

    def check(value: str, path: str, findings: _Findings) -> str | None:
        wildcard = findings.wildcard_parent and path == "parent"
        if not value or resources.matches(type_, value, wildcard=wildcard):
            return None
        return f"must be a resource name: {patterns}"

    return _Rule(check, lambda value: value and not resources.matches(type_, value))


def _item_checks(value: FieldDescriptor, rules: FieldRules) -> list[_Rule]:
    kinds = (_F.CPPTYPE_STRING, _F.CPPTYPE_ENUM)
    if not rules.required or value.cpp_type not in kinds:
        return []
    return [_Rule(lambda value, _path, _findings: None if value else "must not be empty", is_empty)]


def _first_problem(checks: list[_ItemProblem]) -> _ItemCheck:
    def act(value: Any, path: str, findings: _Findings) -> None:
        for check in checks:
            problem = check(value, path, findings)
            if problem is not None:
                findings.add(path, problem)
                return

    return act


def _must_be_set(field_: FieldDescriptor, act: _ItemCheck) -> int:
    """The field's number; 0 where it has a value even if nobody set it, and that breaks a rule."""
    if field_.is_repeated or field_.has_presence:
        return field_.number
    findings = _Findings(wildcard_parent=False)
    act(field_.default_value, field_.name, findings)
    return 0 if findings.violations else field_.number


def _inside(plan: _Plan) -> _ItemCheck:
    return lambda message, path, findings: plan.run(message, f"{path}.", findings)


def _descent(field_: FieldDescriptor, rules: FieldRules, nested: _Plan) -> tuple[_Check, Doubt]:
    """Checks the fields of the message, or messages, in a field."""
    go = _each(field_, rules, _inside(nested))
    (doubt,) = of_field(field_, [nested.glance.doubts])
    type_ = field_.message_type
    look = quick_look(type_) if type_ and field_.is_repeated and not is_map(field_) else None
    if look is None:
        return go, doubt
    name = field_.name

    def check(message: Message, prefix: str, findings: _Findings) -> None:
        items = list(getattr(message, name))
        if len(items) < MANY or not look(items):
            go(message, prefix, findings)

    return check, by_columns(look, doubt)


def _each(field_: FieldDescriptor, rules: FieldRules, act: _ItemCheck) -> _Check:
    """Runs `act` on the value, or on every item, of a field."""
    visit = _visitor(field_, act)
    if not rules.sensitive:
        return visit

    def hidden(message: Message, prefix: str, findings: _Findings) -> None:
        findings.hidden += 1
        visit(message, prefix, findings)
        findings.hidden -= 1

    return hidden


def _visitor(field_: FieldDescriptor, act: _ItemCheck) -> _Check:
    name = field_.name

    def visit_map(message: Message, prefix: str, findings: _Findings) -> None:
        for key, value in getattr(message, name).items():
            act(value, f"{prefix}{name}{findings.key(key)}", findings)

    def visit_list(message: Message, prefix: str, findings: _Findings) -> None:
        for index, value in enumerate(getattr(message, name)):
            act(value, f"{prefix}{name}[{index}]", findings)

    def visit_set(message: Message, prefix: str, findings: _Findings) -> None:
        if message.HasField(name):
            act(getattr(message, name), prefix + name, findings)

    def visit_value(message: Message, prefix: str, findings: _Findings) -> None:
        act(getattr(message, name), prefix + name, findings)

    if is_map(field_):
        return visit_map
    if field_.is_repeated:
        return visit_list
    return visit_set if field_.has_presence else visit_value


def _required(field_: FieldDescriptor) -> _Check:
    name = field_.name
    # A text that is set but empty is as good as none; a number that is set may be 0.
    textual = field_.cpp_type == _F.CPPTYPE_STRING
    presence = field_.has_presence

    def check(message: Message, prefix: str, findings: _Findings) -> None:
        there = not presence or message.HasField(name)
        if not there or ((textual or not presence) and not getattr(message, name)):
            findings.add(prefix + name, "is required")

    return check


def _count_checks(field_: FieldDescriptor, rules: FieldRules) -> Iterator[_Placed]:
    name, most = field_.name, rules.max_items
    least = max(rules.min_items, int(rules.required))

    def count(message: Message, prefix: str, findings: _Findings) -> None:
        size = len(getattr(message, name))
        if size < least:
            findings.add(prefix + name, f"must have at least {least} items")
        elif most and size > most:
            findings.add(prefix + name, f"must have at most {most} items")

    def keys(message: Message, prefix: str, findings: _Findings) -> None:
        for key in getattr(message, name):
            if not KEY.fullmatch(key):
                findings.add(prefix + name, f"keys have 1 to {MAX_KEY_LENGTH} printable characters")
                return

    if least or most:
        yield 0 if least else field_.number, count
    if has_text_keys(field_):
        yield field_.number, keys
