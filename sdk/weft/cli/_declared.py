"""Resources as files declare them: what a file says, what is there, and what to do about it."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.cli._declared_values import HIDDEN, asked_for, read_values, sources_of
from weft.cli._exit import CommandError, Exit
from weft.cli._kinds import KINDS, Kind
from weft.cli._output import note
from weft.errors import ApiError, NotFoundError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from weft._connection import Connection

# In the order in which they need each other; what is deleted goes the other way.
_ORDER = (
    "project",
    "secret",
    "connector",
    "component",
    "stack",
    "repository",
    "alerter",
    "webhook",
    "schedule",
    "trigger",
)
DECLARED: Mapping[str, Kind] = {KINDS[name].noun: KINDS[name] for name in _ORDER}
# Who applied a resource: what `--prune` looks for.
SET_LABEL = "applied-as"
_SUFFIXES = {".yaml", ".yml", ".json"}
_STANDARD = frozenset({"name", "etag"})


@dataclass(frozen=True, slots=True)
class Declared:
    """A document of a file: a kind, a resource name, and the fields that it speaks of.

    `sources` says where each hidden value is, {"env": NAME} or {"file": PATH}: read only where
    the value is needed.
    """

    kind: Kind
    name: str
    spec: Mapping[str, Any]
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about one resource: create, update, delete or nothing.

    `changes` are (field, before, after) in JSON; hidden values are none of them: those that the
    resource lacks are `values`.
    """

    action: str
    kind: Kind
    name: str
    changes: Sequence[tuple[str, Any, Any]] = ()
    declared: Declared | None = None
    current: Any = None
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


def read(paths: Sequence[str], project: str) -> list[Declared]:
    """What files, folders and standard input (`-`) declare, in the order of need.

    Raises:
        CommandError: Something is no declaration, or is declared twice.
    """
    found: dict[tuple[str, str], Declared] = {}
    for origin, text in _texts(paths):
        for document in _documents(origin, text):
            declared = _declared(origin, document, project)
            key = declared.kind.noun, declared.name
            if key in found:
                raise CommandError(f"{origin}: {declared.name} is declared twice", Exit.USAGE)
            found[key] = declared
    kinds = list(DECLARED)
    return sorted(found.values(), key=lambda each: kinds.index(each.kind.noun))


def plan(connection: Connection, declared: Sequence[Declared], set_name: str) -> list[Step]:
    """What would make the workspace as it is declared; raises ApiError."""
    return [_step(connection, each, set_name) for each in declared]


def to_prune(connection: Connection, declared: Sequence[Declared], set_name: str) -> list[Step]:
    """What was applied as this set and is declared no more, in the order of deletion."""
    kept = {each.name for each in declared}
    return [
        Step("delete", kind, found.name, current=found)
        for kind in reversed(list(DECLARED.values()))
        for found in kind.all(connection)
        if found.labels.get(SET_LABEL) == set_name and found.name not in kept
    ]


def refusals(connection: Connection, steps: Sequence[Step]) -> dict[str, ApiError]:
    """What the workspace would refuse, by name; nothing is changed.

    What stands on something that is to be made first cannot be checked before that is there.
    """
    found: dict[str, ApiError] = {}
    if steps and not _can_validate(connection):
        note("this workspace is too old to check without changing: nothing was checked beforehand")
        return found
    new = {step.name for step in steps if step.action == "create"}
    for step in steps:
        if step.action not in {"create", "update"} or _parent(step) in new:
            continue
        try:
            _request(connection, step, validate_only=True)
        except ApiError as error:
            if error.metadata.get("resource") not in new - {step.name}:
                found[step.name] = error
    return found


def _can_validate(connection: Connection) -> bool:
    """Whether the workspace knows `validate_only`; an older one would do what it is asked."""
    from weftapi.workspace.v1 import server_pb2, server_pb2_grpc

    stub = connection.workspace.stub(server_pb2_grpc.ServerServiceStub)
    info = connection.workspace.call(stub.GetServerInfo, server_pb2.GetServerInfoRequest())
    return "validate-only" in info.features


def carry_out(connection: Connection, step: Step) -> None:
    """Does one step; raises ApiError, where somebody was faster as well."""
    if step.action == "delete":
        request = step.kind.request("Delete", name=step.name, etag=step.current.etag)
        step.kind.call(connection, "Delete", request)
    elif step.action in {"create", "update"}:
        _request(connection, step, request_id=str(uuid.uuid4()))


def _request(connection: Connection, step: Step, **how: Any) -> None:
    """Asks for what a step makes or changes."""
    assert step.declared is not None
    kind, verb = step.kind, step.action.capitalize()
    request = kind.request(verb, **how)
    wanted = getattr(request, kind.field)
    _parse(step.declared, wanted, [path for path, _, _ in step.changes])
    if kind.noun in HIDDEN:
        HIDDEN[kind.noun].put(wanted, step.values)
    if step.action == "create":
        setattr(request, f"{kind.field}_id", step.name.rpartition("/")[2])
        if not kind.is_of_workspace:
            request.parent = _parent(step)
    else:
        wanted.name, wanted.etag = step.name, step.current.etag
        snake = {f.json_name: f.name for f in wanted.DESCRIPTOR.fields}
        request.update_mask.paths.extend(snake[path] for path, _, _ in step.changes)
    kind.call(connection, verb, request)


def _parent(step: Step) -> str:
    """The project that it is of; empty for what is of the workspace."""
    return step.name.rpartition(f"/{step.kind.collection}/")[0]


def exported(kind: Kind, resource: Any) -> dict[str, Any]:
    """A resource as a document that `weft apply` takes; hidden values are asked for by name."""
    document = {"kind": kind.noun, "name": resource.name, "spec": _settable(resource)}
    sources = asked_for(kind, resource)
    return {**document, "valuesFrom": sources} if sources else document


def _texts(paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        if path == "-":
            yield "standard input", sys.stdin.read()
            continue
        file = Path(path)
        files = (
            sorted(f for f in file.rglob("*") if f.suffix in _SUFFIXES) if file.is_dir() else [file]
        )
        if not files:
            raise CommandError(f"{path} holds no .yaml, .yml or .json file", Exit.USAGE)
        for each in files:
            yield str(each), each.read_text(encoding="utf-8")


def _documents(origin: str, text: str) -> list[Any]:
    import yaml

    try:
        return [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise CommandError(f"{origin} is no YAML: {error}", Exit.USAGE) from None


def _declared(origin: str, document: Any, project: str) -> Declared:
    """Checks a document by the contract; raises CommandError."""
    known = {"kind", "name", "spec", "valuesFrom"}
    if not isinstance(document, dict) or document.keys() - known or not document.get("name"):
        raise CommandError(f"{origin}: a document has kind, name and spec", Exit.USAGE)
    kind = DECLARED.get(str(document.get("kind")))
    if kind is None:
        raise CommandError(
            f"{origin}: {document.get('kind')!r} is none of {', '.join(DECLARED)}", Exit.USAGE
        )
    name = kind.name_of(str(document["name"]), project)
    try:
        sources = sources_of(kind, _mapping(document, "valuesFrom"))
        declared = Declared(kind, name, _mapping(document, "spec"), sources)
        _check(declared)
    except ValueError as error:
        raise CommandError(f"{origin}: {name}: {error}", Exit.USAGE) from None
    return declared


def _check(declared: Declared) -> None:
    """Raises ValueError for fields that the kind has not, or that nobody declares."""
    message = getattr(declared.kind.request("Create"), declared.kind.field)
    if "labels" in declared.spec and declared.spec["labels"] is None:
        raise ValueError("labels is a mapping: write {} for none")
    _parse(declared, message, list(declared.spec))
    wrong = [f for f in declared.spec if not _is_settable(_fields(message.DESCRIPTOR)[f])]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} cannot be declared")


def _mapping(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise ValueError(f"{name} is a mapping of names")
    return found


def _parse(declared: Declared, message: Any, names: Sequence[str]) -> None:
    from google.protobuf import json_format

    fields = _fields(message.DESCRIPTOR)
    unknown = [name for name in declared.spec if name not in fields]
    if unknown:
        raise ValueError(f"{declared.kind.noun} has no field {', '.join(unknown)}")
    spec = {name: value for name, value in declared.spec.items() if name in names}
    try:
        json_format.ParseDict(spec, message)
    except json_format.ParseError as error:
        raise ValueError(str(error)) from None


def _step(connection: Connection, declared: Declared, set_name: str) -> Step:
    kind = declared.kind
    try:
        current = kind.call(connection, "Get", kind.request("Get", name=declared.name))
    except NotFoundError:
        declared = _labelled(declared, {}, set_name)
        values = read_values(declared.name, declared.sources)
        changes = [(name, None, value) for name, value in declared.spec.items()]
        changes += _told(kind, values)
        return Step("create", kind, declared.name, changes, declared, values=values)
    declared = _labelled(declared, current.labels, set_name)
    changes = _changes(declared, current)
    present = HIDDEN[kind.noun].present(current) if kind.noun in HIDDEN else ()
    values = read_values(declared.name, declared.sources, present)
    changes += _told(kind, values)
    action = "update" if changes else "unchanged"
    return Step(action, kind, declared.name, changes, declared, current, values)


def _told(kind: Kind, values: Mapping[str, str]) -> list[tuple[str, Any, Any]]:
    """What is said of hidden values: which ones are given."""
    if not values:
        return []
    field = HIDDEN[kind.noun].field
    return [(_camel(field), None, f"given for {', '.join(values)}")]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _labelled(declared: Declared, before: Mapping[str, str], set_name: str) -> Declared:
    """With the labels that it is to have.

    All that are there stay where the file has none; who applied it stays in any case, or `--prune`
    would not find it again.
    """
    if not set_name and "labels" not in declared.spec:
        return declared
    mark = {SET_LABEL: before[SET_LABEL]} if SET_LABEL in before else {}
    labels = {**mark, **declared.spec.get("labels", before)}
    labels |= {SET_LABEL: set_name} if set_name else {}
    return replace(declared, spec={**declared.spec, "labels": labels})


def _changes(declared: Declared, current: Any) -> list[tuple[str, Any, Any]]:
    """The declared fields that differ; raises CommandError for one that never changes."""
    wanted = type(current)()
    _parse(declared, wanted, list(declared.spec))
    before, after = _settable(current), _settable(wanted)
    changes = [
        (f, before.get(f), after.get(f)) for f in declared.spec if before.get(f) != after.get(f)
    ]
    fixed = [f for f, _, _ in changes if _rules(_fields(current.DESCRIPTOR)[f]).immutable]
    if fixed:
        raise CommandError(
            f"{declared.name}: {', '.join(fixed)} cannot change: delete it first, or name another",
            Exit.CONFLICT,
        )
    return changes


def _fields(descriptor: Descriptor) -> dict[str, FieldDescriptor]:
    return {each.json_name: each for each in descriptor.fields}


def _rules(each: FieldDescriptor) -> Any:
    from weftapi.options.v1 import options_pb2

    return each.GetOptions().Extensions[options_pb2.field]


def _is_settable(each: FieldDescriptor) -> bool:
    rules = _rules(each)
    hidden = rules.output_only or rules.sensitive or rules.input_only
    return not hidden and each.name not in _STANDARD


def _settable(message: Any) -> dict[str, Any]:
    """The protobuf JSON of what people set and may read."""
    from google.protobuf import json_format

    document: dict[str, Any] = json_format.MessageToDict(message)
    return _shown(message.DESCRIPTOR, document)


def _shown(descriptor: Descriptor, document: Mapping[str, Any]) -> dict[str, Any]:
    kept = {}
    for name, value in document.items():
        each = _fields(descriptor)[name]
        if not _is_settable(each):
            continue
        inner = each.message_type
        is_ours = inner is not None and inner.full_name.startswith("weftapi.")
        if inner is not None and is_ours and not inner.GetOptions().map_entry:
            is_list = isinstance(value, list)
            kept[name] = [_shown(inner, v) for v in value] if is_list else _shown(inner, value)
        else:
            kept[name] = value
    return kept
