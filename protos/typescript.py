"""TypeScript of the contract: the JSON that the gateway speaks, and its methods; for the dashboard.

One module for each service package. An answer has every field but messages and optional ones,
as the gateway prints them (rule 39); what is sent may leave out any. A method is a constant that
says verb, path and body, so that a build holds those that it uses and nothing else.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.api import annotations_pb2
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
)
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

PACKAGES = {
    "controlplane": "weftapi.controlplane.v1",
    "workspace": "weftapi.workspace.v1",
}
_VERBS = ("get", "put", "post", "delete", "patch")
_TEXTS = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
    FieldDescriptor.TYPE_STRING,
    FieldDescriptor.TYPE_BYTES,
}
# How JSON writes what protobuf knows by itself.
_WELL_KNOWN = {
    "google.api.HttpBody": "unknown",
    "google.longrunning.Operation": "Operation",
    "google.protobuf.Any": "Json & { '@type': string }",
    "google.protobuf.Duration": "string",
    "google.protobuf.Empty": "Record<string, never>",
    "google.protobuf.FieldMask": "string",
    "google.protobuf.ListValue": "JsonValue[]",
    "google.protobuf.Struct": "Json",
    "google.protobuf.Timestamp": "string",
    "google.protobuf.Value": "JsonValue",
    "google.rpc.Status": "Status",
}
_HEAD = "// Made by `make protos`; never edited.\nimport type {{ {} }} from './method'\n"
_SHARED = ("Json", "JsonValue", "Operation", "Status", "Stream", "Unary")
METHOD = """// Made by `make protos`; never edited.
// What the methods of all services have in common.

export type JsonValue = null | boolean | number | string | JsonValue[] | Json
export type Json = { [key: string]: JsonValue }

/** An error, as google.rpc.Status. */
export type Status = { code: number; message: string; details?: (Json & { '@type': string })[] }

/** Something that takes long. */
export type Operation = {
  name: string
  done: boolean
  metadata?: Json
  error?: Status
  response?: Json
}

/** Everything in a request may be left out. */
export type Partly<T> = T extends (infer I)[]
  ? Partly<I>[]
  : T extends object
    ? { [K in keyof T]?: Partly<T[K]> }
    : T

/** A route: `body` is "*" for the whole request, a field, or nothing. */
export type Route = { verb: string; path: string; body: string }
/** A method that answers once. The types live in the compiler alone. */
export type Unary<Q, A> = Route & { kind: 'unary'; types?: [Q, A] }
/** A method that answers a stream, resumed by the request's field `resume`. */
export type Stream<Q, A> = Route & { kind: 'stream'; types?: [Q, A] }
"""


def write(protoset: Path, folder: Path) -> None:
    """Writes the modules into an existing folder."""
    pool, files = DescriptorPool(), FileDescriptorSet.FromString(protoset.read_bytes())
    for file in files.file:
        pool.Add(file)
    (folder / "method.ts").write_text(METHOD)
    for module, package in PACKAGES.items():
        own = [pool.FindFileByName(file.name) for file in files.file if file.package == package]
        code = "\n".join(_module(own))
        used = [name for name in _SHARED if re.search(rf"\b{name}\b", code)]
        (folder / f"{module}.ts").write_text(f"{_HEAD.format(', '.join(used))}\n{code}")


def _module(files: list[FileDescriptor]) -> Iterator[str]:
    """All that a package says, then what it takes from others."""
    messages = [m for file in files for m in _nested(file.message_types_by_name.values())]
    enums = [enum for file in files for enum in file.enum_types_by_name.values()]
    enums += [enum for message in messages for enum in message.enum_types]
    foreign = dict(_foreign(messages, {file.package for file in files}))
    for enum in [*enums, *(e for e in foreign.values() if isinstance(e, EnumDescriptor))]:
        yield _enum(enum)
    for message in [*messages, *(m for m in foreign.values() if isinstance(m, Descriptor))]:
        yield _message(message)
    for file in files:
        for service in file.services_by_name.values():
            yield from _methods(service.methods)


def _nested(messages: Iterable[Descriptor]) -> Iterator[Descriptor]:
    for message in messages:
        if not message.GetOptions().map_entry:
            yield message
            yield from _nested(message.nested_types)


def _foreign(
    messages: Iterable[Descriptor], known: set[str]
) -> Iterator[tuple[str, Descriptor | EnumDescriptor]]:
    """What messages refer to in other packages of ours, to any depth."""
    for message in messages:
        for field in message.fields:
            kind = field.message_type or field.enum_type
            if kind is None or not kind.full_name.startswith("weftapi."):
                continue
            if kind.file.package not in known:
                yield kind.full_name, kind
                if isinstance(kind, Descriptor):
                    yield from _foreign([kind], known)


def _name(kind: Descriptor | EnumDescriptor) -> str:
    return str(kind.full_name).removeprefix(f"{kind.file.package}.").replace(".", "_")


def _enum(enum: EnumDescriptor) -> str:
    values = "".join(f"\n  | '{value.name}'" for value in enum.values)
    return f"export type {_name(enum)} ={values}\n"


def _message(message: Descriptor) -> str:
    fields = "".join(f"\n  {_field(field)}" for field in message.fields)
    return f"export type {_name(message)} = {{{fields}\n}}\n" if fields else _empty(message)


def _empty(message: Descriptor) -> str:
    return f"export type {_name(message)} = Record<string, never>\n"


def _field(field: FieldDescriptor) -> str:
    mark = "?" if field.has_presence else ""
    return f"{field.json_name}{mark}: {_type(field)}"


def _type(field: FieldDescriptor) -> str:
    message = field.message_type
    if message is not None and message.GetOptions().map_entry:
        return f"{{ [key: string]: {_single(message.fields_by_name['value'])} }}"
    return f"{_single(field)}[]" if field.is_repeated else _single(field)


def _single(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        known = _WELL_KNOWN.get(field.message_type.full_name)
        return known or _name(field.message_type)
    if field.enum_type is not None:
        return _name(field.enum_type)
    if field.type in _TEXTS:
        return "string"
    return "boolean" if field.type == FieldDescriptor.TYPE_BOOL else "number"


def _methods(methods: Iterable[MethodDescriptor]) -> Iterator[str]:
    for method in methods:
        rule = method.GetOptions().Extensions[annotations_pb2.http]
        verb = next((verb for verb in _VERBS if getattr(rule, verb)), "")
        if not verb:
            continue
        kind = "stream" if method.server_streaming else "unary"
        types = f"{_payload(method.input_type)}, {_payload(method.output_type)}"
        yield (
            f"export const {method.name}: {kind.capitalize()}<{types}> = {{\n"
            f"  kind: '{kind}',\n  verb: '{verb.upper()}',\n"
            f"  path: '{getattr(rule, verb)}',\n  body: '{rule.body}',\n}}\n"
        )


def _payload(message: Descriptor) -> str:
    return _WELL_KNOWN.get(message.full_name) or _name(message)
