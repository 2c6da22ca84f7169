"""What every RPC passes through between the wire and its servicer.

The order holds for all methods (security.md, section 2): connection identity, credential,
method policy, rate limit, parse, authorization by the name in the request, field rules, extra
check, servicer. It is composed once for each method, with the first call; the server
dispatches by the exact path, so no other spelling of a path reaches a servicer.

Handlers take and return bytes: gRPC would answer bytes it cannot parse with INTERNAL, and to
callers who have no business here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from meshkit import deadlines, rules
from meshkit.access import Access, Audit, Handler, MethodPolicy, behaviour_of
from meshkit.authentication import Authenticator, Context, Identity
from meshkit.caller import Call, Caller, CallerKind, current_call
from meshkit.errors import DeadlineExceeded, FieldViolation, InvalidArgument, PermissionDenied
from meshkit.limits import Limits
from meshkit.recording import Recorder, Rpc, errors_as_status, recorded
from meshkit.streams import Authorizer, OpenStream, OpenStreams
from meshkit.telemetry import request_id_of, trace_id_of
from meshkit.tokens import unauthenticated

ExtraCheck = Callable[[Caller, Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Gate:
    """Everything that the scopes of one listener need."""

    authenticator: Authenticator
    authorizer: Authorizer
    limits: Limits
    streams: OpenStreams
    recorder: Recorder
    extra_checks: Mapping[str, ExtraCheck]
    unary_deadline_s: float
    first_message_s: float


def compose(gate: Gate, policy: MethodPolicy, handler: Handler) -> Handler:
    """Wraps a servicer's method into its scopes."""
    method = _Method(gate, policy, handler)
    if handler.request_streaming and handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(method.stream_stream)
    if handler.request_streaming:
        return grpc.stream_unary_rpc_method_handler(method.stream_unary)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(method.unary_stream)
    return grpc.unary_unary_rpc_method_handler(method.unary_unary)


class _Method:
    """One method inside its scopes."""

    def __init__(self, gate: Gate, policy: MethodPolicy, handler: Handler) -> None:
        self._gate = gate
        self._recorder = gate.recorder
        self._policy = policy
        self._handle = behaviour_of(handler)
        assert handler.request_deserializer is not None
        self._deserialize: Callable[[bytes], Message] = handler.request_deserializer
        self._validate = partial(rules.check, wildcard_parent=policy.filter_results)
        self._extra_check = gate.extra_checks[policy.extra_check] if policy.extra_check else None

    async def unary_unary(self, raw: bytes, context: Context) -> bytes:
        rpc = self._begin(context, is_stream=False)
        with recorded(self._recorder, rpc):
            async with errors_as_status(self._recorder, rpc):
                identity = self._admit(rpc)
                request = self._parse(raw)
                await self._authorize(rpc.call, request)
                await self._check(identity.caller, request)
                return _encode(await self._answer_in_time(request, context))

    async def unary_stream(self, raw: bytes, context: Context) -> None:
        rpc = self._begin(context, is_stream=True)
        with recorded(self._recorder, rpc):
            async with errors_as_status(self._recorder, rpc):
                with self._opened(rpc) as stream:
                    request = self._parse(raw)
                    await self._accept(rpc, stream, request)
                    await self._answer(stream, request, context)

    async def stream_unary(self, raws: AsyncIterator[bytes], context: Context) -> bytes:
        rpc = self._begin(context, is_stream=True)
        with recorded(self._recorder, rpc):
            async with errors_as_status(self._recorder, rpc):
                with self._opened(rpc) as stream:
                    requests = await self._accept_stream(rpc, stream, raws)
                    return _encode(await self._handle(requests, context))

    async def stream_stream(self, raws: AsyncIterator[bytes], context: Context) -> None:
        rpc = self._begin(context, is_stream=True)
        with recorded(self._recorder, rpc):
            async with errors_as_status(self._recorder, rpc):
                with self._opened(rpc) as stream:
                    requests = await self._accept_stream(rpc, stream, raws)
                    await self._answer(stream, requests, context)

    def _begin(self, context: Context, *, is_stream: bool) -> Rpc:
        metadata = read_metadata(context)
        call = Call(
            self._policy.method,
            request_id=request_id_of(_one(metadata, "x-request-id")),
            trace_id=trace_id_of(_one(metadata, "traceparent")),
            audit_action=self._policy.action if self._policy.is_audited else "",
        )
        current_call.set(call)
        deadlines.bind(context.time_remaining())
        started = self._recorder.clock.monotonic()
        return Rpc(self._policy, context, call, metadata, is_stream, started)

    def _admit(self, rpc: Rpc) -> Identity:
        """Connection identity, credential, method policy, rate: before a byte is parsed."""
        identity = self._gate.authenticator.authenticate(rpc.context, rpc.metadata)
        rpc.call.caller = identity.caller
        _require_kind(self._policy, identity.caller)
        _require_scope(self._policy, identity.caller)
        self._gate.limits.take_call(identity.caller)
        return identity

    def _opened(self, rpc: Rpc) -> AbstractContextManager[OpenStream]:
        opened = self._gate.streams.open(self._policy, self._admit(rpc))
        rpc.stream = opened.stream
        return opened

    def _parse(self, raw: bytes) -> Message:
        try:
            return self._deserialize(raw)
        except (DecodeError, ValueError, RecursionError) as error:
            raise InvalidArgument(
                "MALFORMED_MESSAGE", "The bytes are not the message that this method takes."
            ) from error

    async def _authorize(self, call: Call, request: Message) -> None:
        policy = self._policy
        call.audit_resource = policy.resource_of(request)
        if policy.access is not Access.PUBLIC:
            authorize = self._gate.authorizer.authorize
            await authorize(call.caller, policy, call.audit_resource, request)

    async def _check(self, caller: Caller, request: Message) -> None:
        self._validate(request)
        self._require_name(request)
        if self._extra_check is not None:
            await self._extra_check(caller, request)

    def _require_name(self, request: Message) -> None:
        """A resource that bears its own name need not have one in general; to change it must."""
        field = self._policy.resource_field
        if field.endswith(".name") and not self._policy.resource_of(request):
            violation = FieldViolation(field, "is required")
            raise InvalidArgument("INVALID_FIELDS", f"{field} is required.", violations=[violation])

    async def _accept(self, rpc: Rpc, stream: OpenStream, request: Message) -> None:
        """Authorizes and checks the message that opens a stream."""
        stream.request = request
        rpc.call.audit_resource = self._policy.resource_of(request)
        await stream.authorize(rpc.call.audit_resource)
        await self._check(rpc.call.caller, request)

    async def _accept_stream(
        self, rpc: Rpc, stream: OpenStream, raws: AsyncIterator[bytes]
    ) -> AsyncIterator[Message]:
        """Authorizes a stream by its first message where that one names the resource."""
        if not self._policy.resource_field and self._extra_check is None:
            await stream.authorize("")
            return _Requests(raws, self._parse, self._validate)
        raw = await _bounded(anext(raws, None), self._gate.first_message_s)
        if raw is None:
            raise InvalidArgument("MALFORMED_MESSAGE", "The stream ended before its first message.")
        first = self._parse(raw)
        await self._accept(rpc, stream, first)
        return _Requests(raws, self._parse, self._validate, first)

    async def _answer_in_time(self, request: Message, context: Context) -> Any:
        answer = self._handle(request, context)
        limit = self._gate.unary_deadline_s
        remaining = context.time_remaining()
        # gRPC itself cancels the work at the caller's deadline, so most calls need no timer.
        if remaining is not None and remaining <= limit:
            return await answer
        return await _bounded(answer, limit)

    async def _answer(self, stream: OpenStream, request: object, context: Context) -> None:
        monotonic = self._recorder.clock.monotonic
        async with aclosing(self._handle(request, context)) as responses:
            async for response in responses:
                stream.writing_since = monotonic()
                await context.write(_encode(response))
                stream.writing_since = 0.0


class _Requests:
    """The messages of a client stream, each parsed and checked as it is read."""

    __slots__ = ("_first", "_parse", "_raws", "_validate")

    def __init__(
        self,
        raws: AsyncIterator[bytes],
        parse: Callable[[bytes], Message],
        validate: Callable[[Message], None],
        first: Message | None = None,
    ) -> None:
        self._raws = raws
        self._parse = parse
        self._validate = validate
        self._first = first

    def __aiter__(self) -> "_Requests":
        return self

    async def __anext__(self) -> Message:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        message = self._parse(await anext(self._raws))
        self._validate(message)
        return message


def read_metadata(context: Context) -> dict[str, list[str]]:
    """The metadata of a call, keeping doubled keys apart."""
    metadata: dict[str, list[str]] = {}
    for key, value in context.invocation_metadata() or ():
        metadata.setdefault(key, []).append(value)  # type: ignore[arg-type]
    return metadata


async def _bounded(answer: Awaitable[Any], limit_s: float) -> Any:
    try:
        async with asyncio.timeout(limit_s) as limit:
            return await answer
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise DeadlineExceeded("DEADLINE", "The call took longer than any may.") from error


def _one(metadata: Mapping[str, list[str]], key: str) -> str:
    values = metadata.get(key)
    return values[0] if values else ""


def _require_kind(policy: MethodPolicy, caller: Caller) -> None:
    """Decides on the kind of caller alone; the authorizer decides on who it is."""
    access, kind = policy.access, caller.kind
    if access is Access.PUBLIC:
        return
    if kind is CallerKind.ANONYMOUS:
        raise unauthenticated()
    if access is Access.AUTHENTICATED:
        return
    if access is Access.PEER:
        is_allowed = kind is CallerKind.PEER and caller.peer and caller.peer.role in policy.peers
    elif kind is CallerKind.PEER:
        # A gateway that forwards nobody's token speaks for an anonymous person.
        raise unauthenticated()
    else:
        is_allowed = kind in policy.principals
    if not is_allowed:
        raise PermissionDenied("CALLER_NOT_ALLOWED", "Callers of this kind may not call this.")


def _require_scope(policy: MethodPolicy, caller: Caller) -> None:
    """Holds a limited token to its scope; what its subject may do is the authorizer's to say.

    Such a token changes nothing that no permission guards, like the sessions of its owner.
    """
    if caller.scope is None or policy.access is Access.PUBLIC:
        return
    if policy.permission:
        if caller.is_limited_to_others(policy.permission):
            raise PermissionDenied(
                "NOT_PERMITTED",
                "The scope of your token does not allow this.",
                metadata={"permission": policy.permission},
            )
    elif policy.audit is not Audit.NONE:
        raise PermissionDenied(
            "CALLER_NOT_ALLOWED", "A token that is limited to a scope cannot do this."
        )


def _encode(response: Message | bytes) -> bytes:
    """Serializes an answer; bytes pass as they are, so that watchers can share one event."""
    return response if isinstance(response, bytes) else response.SerializeToString()
