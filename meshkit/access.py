"""Who may call each method, read from the options in the service descriptors.

`compile_policies` checks everything a server can know before it serves and lists all problems
at once: a method nobody thought about must stop the developer, not protect itself by luck.
"""

import enum
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.descriptor import (
    Descriptor,
    FieldDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from google.protobuf.message import Message

from meshkit.caller import CallerKind
from meshkit.spiffe import Role
from weftapi.options.v1 import options_pb2

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]
else:  # generic in its stubs alone
    Handler = grpc.RpcMethodHandler


class AccessError(Exception):
    """A service that must not be served; `problems` holds one sentence each."""

    def __init__(self, problems: Collection[str]) -> None:
        super().__init__("the server refuses to start:\n  " + "\n  ".join(problems))
        self.problems = tuple(problems)


class Access(enum.Enum):
    """What decides who gets in."""

    PUBLIC = "public"
    # Anyone authenticated, principals and peers alike: reflection.
    AUTHENTICATED = "authenticated"
    ANY_PRINCIPAL = "any_principal"
    PERMISSION = "permission"
    PEER = "peer"


class Listener(enum.Enum):
    EDGE = "edge"
    MESH = "mesh"


class Audit(enum.Enum):
    """What the audit log keeps of a call."""

    NONE = options_pb2.AuditPolicy.MODE_NONE
    WRITE = options_pb2.AuditPolicy.MODE_WRITE
    READ_SENSITIVE = options_pb2.AuditPolicy.MODE_READ_SENSITIVE
    MACHINE = options_pb2.AuditPolicy.MODE_MACHINE


PRINCIPALS = {
    options_pb2.PRINCIPAL_KIND_USER: CallerKind.USER,
    options_pb2.PRINCIPAL_KIND_SERVICE_ACCOUNT: CallerKind.SERVICE_ACCOUNT,
    options_pb2.PRINCIPAL_KIND_RUN: CallerKind.RUN,
}
_LISTENERS = {
    options_pb2.LISTENER_EDGE: Listener.EDGE,
    options_pb2.LISTENER_MESH: Listener.MESH,
}
_PEERS = {
    options_pb2.PEER_ROLE_CONTROL_PLANE: frozenset({Role.CONTROL_PLANE}),
    options_pb2.PEER_ROLE_WORKSPACE: frozenset({Role.WORKSPACE}),
    options_pb2.PEER_ROLE_WORKLOAD_MANAGER: frozenset({Role.WORKLOAD_MANAGER}),
    options_pb2.PEER_ROLE_GATEWAY: frozenset({Role.GATEWAY}),
    options_pb2.PEER_ROLE_ANY: frozenset(Role),
}
_PEOPLE = frozenset({CallerKind.USER, CallerKind.SERVICE_ACCOUNT})
_BOTH = frozenset(Listener)
_KINDS = {
    "public": Access.PUBLIC,
    "any_principal": Access.ANY_PRINCIPAL,
    "permission": Access.PERMISSION,
    "peer": Access.PEER,
}


def _no_resource(_request: Message) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class MethodPolicy:
    """The compiled options of one method.

    `method` is the path on the wire ("/package.Service/Method"), `action` its name in audit
    rows ("Service.Method"). `permission` is empty unless `access` is PERMISSION.
    """

    method: str
    action: str
    access: Access
    permission: str = ""
    resource_field: str = ""
    filter_results: bool = False
    principals: frozenset[CallerKind] = frozenset()
    peers: frozenset[Role] = frozenset()
    listeners: frozenset[Listener] = _BOTH
    extra_check: str = ""
    audit: Audit = Audit.NONE
    # Reads the resource's name from a request; "" where the permission names no field.
    resource_of: Callable[[Message], str] = _no_resource
    # Probes, which would drown the log.
    is_quiet: bool = False

    @property
    def is_audited(self) -> bool:
        return self.audit in (Audit.WRITE, Audit.READ_SENSITIVE)


def compile_policies(
    service: ServiceDescriptor, *, extra_checks: Collection[str] = ()
) -> dict[str, MethodPolicy]:
    """Compiles the policies of a service by full method name.

    Raises AccessError with every problem found: a method without `auth` or `audit`, a field
    that its request does not have, an `extra_check` that nobody registered, a `stream` option
    on a method that does not stream its answers.
    """
    problems = [p for m in service.methods for p in method_problems(m, extra_checks)]
    if problems:
        raise AccessError(problems)
    return {_path(method): _compile(method) for method in service.methods}


def method_problems(method: MethodDescriptor, extra_checks: Collection[str]) -> Iterator[str]:
    """Yields what is wrong with the options of one method, as sentences."""
    options = method.GetOptions()
    for extension in (options_pb2.auth, options_pb2.audit):
        if not options.HasExtension(extension):
            yield f"{method.full_name} has no `{extension.name}` option"
    if options.HasExtension(options_pb2.auth):
        auth = options.Extensions[options_pb2.auth]
        yield from (f"{method.full_name}: {p}" for p in _auth_problems(auth))
        yield from (f"{method.full_name}: {p}" for p in _field_problems(method, auth))
        if auth.extra_check and auth.extra_check not in extra_checks:
            yield f"{method.full_name}: extra_check {auth.extra_check!r} is not registered"
    if options.HasExtension(options_pb2.audit):
        audit = options.Extensions[options_pb2.audit]
        if audit.mode not in {mode.value for mode in Audit}:
            yield f"{method.full_name}: `audit` has no mode"
    yield from (f"{method.full_name}: {p}" for p in _stream_problems(method))


def handler_problems(service: ServiceDescriptor, handlers: Mapping[str, Handler]) -> Iterator[str]:
    """Yields what is wrong with the servicer's methods: missing, not async, of another kind."""
    for method in service.methods:
        handler = handlers.get(method.name)
        if handler is None:
            yield f"{method.full_name} has no handler"
            continue
        behaviour = behaviour_of(handler)
        expected = inspect.isasyncgenfunction if handler.response_streaming else _is_coroutine
        kind = "an async generator" if handler.response_streaming else "a coroutine function"
        if not expected(behaviour):
            yield f"{method.full_name} is not implemented as {kind}"
        streaming = (handler.request_streaming, handler.response_streaming)
        if streaming != (method.client_streaming, method.server_streaming):
            yield f"{method.full_name}: its handler streams otherwise than its descriptor says"


def behaviour_of(handler: Handler) -> Callable[..., Any]:
    """The servicer's own method inside a gRPC handler."""
    behaviour = (
        handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    )
    assert behaviour is not None
    return behaviour


def _is_coroutine(function: object) -> bool:
    return inspect.iscoroutinefunction(function)


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def _auth_problems(auth: options_pb2.AuthPolicy) -> Iterator[str]:
    kind = auth.WhichOneof("kind")
    if kind is None:
        yield "`auth` says nobody may call"
        return
    if kind in {"public", "any_principal"} and not getattr(auth, kind):
        yield f"`auth.{kind}` must be true where it is set"
    if kind == "permission" and not auth.permission.verb:
        yield "`auth.permission` has no verb"
    if kind == "peer" and auth.peer not in _PEERS:
        yield "`auth.peer` has no role"
    if kind in {"public", "peer"} and auth.principals:
        yield f"`auth.principals` means nothing beside `{kind}`"
    if any(principal not in PRINCIPALS for principal in auth.principals):
        yield "`auth.principals` has an unknown kind"
    if any(listener not in _LISTENERS for listener in auth.listeners):
        yield "`auth.listeners` has an unknown listener"
    if kind == "peer" and options_pb2.LISTENER_EDGE in auth.listeners:
        yield "a method for peers cannot be on the edge listener, which asks for no certificate"


def _field_problems(method: MethodDescriptor, auth: options_pb2.AuthPolicy) -> Iterator[str]:
    path = auth.permission.resource_field
    if path:
        problem = _path_problem(method.input_type, path)
        if problem:
            yield f"resource_field {path!r} {problem}"


def _path_problem(message: Descriptor, path: str) -> str:
    """What is wrong with a path of fields that must end at a string; empty where nothing is."""
    *parents, last = path.split(".")
    current = message
    for part in parents:
        field = current.fields_by_name.get(part)
        if field is None or field.message_type is None or field.is_repeated:
            return f"does not exist: {current.full_name} has no message field {part!r}"
        current = field.message_type
    field = current.fields_by_name.get(last)
    if field is None:
        return f"does not exist: {current.full_name} has no field {last!r}"
    if field.type != FieldDescriptor.TYPE_STRING or field.is_repeated:
        return "is not a string"
    return ""


def _stream_problems(method: MethodDescriptor) -> Iterator[str]:
    options = method.GetOptions()
    if not options.HasExtension(options_pb2.stream):
        return
    if not method.server_streaming or method.client_streaming:
        yield "`stream` is only for methods that stream their answers and nothing else"
    stream = options.Extensions[options_pb2.stream]
    ends = (
        ("resume_field", stream.resume_field, method.input_type),
        ("cursor_field", stream.cursor_field, method.output_type),
    )
    for label, name, message in ends:
        if name and name.split(".")[0] not in message.fields_by_name:
            yield f"{label} {name!r} does not exist in {message.full_name}"


def _compile(method: MethodDescriptor) -> MethodPolicy:
    options = method.GetOptions()
    auth = options.Extensions[options_pb2.auth]
    access = _KINDS[auth.WhichOneof("kind") or ""]
    field = auth.permission.resource_field
    listeners = frozenset(_LISTENERS[listener] for listener in auth.listeners)
    principals = frozenset(PRINCIPALS[principal] for principal in auth.principals)
    default = frozenset({Listener.MESH}) if access is Access.PEER else _BOTH
    is_for_principals = access in (Access.PERMISSION, Access.ANY_PRINCIPAL)
    return MethodPolicy(
        method=_path(method),
        action=f"{method.containing_service.name}.{method.name}",
        access=access,
        permission=auth.permission.verb,
        resource_field=field,
        filter_results=auth.permission.filter_results,
        principals=(principals or _PEOPLE) if is_for_principals else frozenset(),
        peers=_PEERS[auth.peer] if access is Access.PEER else frozenset(),
        listeners=listeners or default,
        extra_check=auth.extra_check,
        audit=Audit(options.Extensions[options_pb2.audit].mode),
        resource_of=attrgetter(field) if field else _no_resource,
    )
