"""Calls of any method by its path and raw bytes, as a hostile client makes them."""

import contextlib
import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from meshkit.access import MethodPolicy, compile_policies
from tests.contracts.descriptors import PACKAGES, file_protos
from weftapi.options.v1 import options_pb2

# No call of any hostile client may take longer, however little of this machine the servers have:
# what hangs, hangs for ever.
PATIENCE_S = 60.0
# Beyond this soft limit clients get RESOURCE_EXHAUSTED in place of the error.
MAX_ERROR_BYTES = 8 << 10
BUGS = frozenset({"INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED"})
_STATUS = "grpc-status-details-bin"
Metadata = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the contract."""

    descriptor: MethodDescriptor
    policy: MethodPolicy

    @property
    def package(self) -> str:
        return self.descriptor.containing_service.file.package

    @property
    def service(self) -> str:
        return self.descriptor.containing_service.name

    @property
    def path(self) -> str:
        return self.policy.method

    @property
    def request(self) -> type[Message]:
        return message_factory.GetMessageClass(self.descriptor.input_type)

    @property
    def answer(self) -> type[Message]:
        return message_factory.GetMessageClass(self.descriptor.output_type)

    def __str__(self) -> str:
        return self.path.removeprefix("/weftapi.").replace(".v1", "")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the caller sees of a call: everything but the id of the request."""

    code: str
    message: str = ""
    details: bytes = b""
    trailers: tuple[tuple[str, str | bytes], ...] = ()
    answers: tuple[bytes, ...] = ()

    @property
    def status(self) -> status_pb2.Status:
        return status_pb2.Status.FromString(self.details)

    @property
    def reason(self) -> str:
        info = error_details_pb2.ErrorInfo()
        return info.reason if any(detail.Unpack(info) for detail in self.status.details) else ""

    @property
    def retry_s(self) -> float | None:
        """When the server says that trying again makes sense."""
        retry = error_details_pb2.RetryInfo()
        found = any(detail.Unpack(retry) for detail in self.status.details)
        return retry.retry_delay.ToTimedelta().total_seconds() if found else None

    @property
    def size(self) -> int:
        """Bytes of the error's metadata on the wire: text percent-encoded, details in base64."""
        values = (
            v if isinstance(v, str) else "x" * (len(v) * 4 // 3 + 4) for _, v in self.trailers
        )
        return len(quote(self.message)) + sum(map(len, values))

    def everything(self) -> bytes:
        """Every byte that an error shows."""
        said = [str(pair).encode() for pair in self.trailers]
        return b"\n".join([self.message.encode(), self.details, *said])


@cache
def methods() -> tuple[Method, ...]:
    """Every method of every service of the contract, from its descriptors."""
    found = []
    for file in file_protos():
        if file.package in PACKAGES:
            for service in Default().FindFileByName(file.name).services_by_name.values():
                checks = {_auth(method).extra_check for method in service.methods}
                policies = compile_policies(service, extra_checks=checks)
                found += [Method(m, policies[_path(m)]) for m in service.methods]
    return tuple(found)


def _auth(method: MethodDescriptor) -> options_pb2.AuthPolicy:
    return method.GetOptions().Extensions[options_pb2.auth]


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def call(
    channel: grpc.Channel,
    method: Method,
    *raws: bytes,
    metadata: Metadata = (),
    answers: int = 1,
) -> Outcome:
    """Calls with these messages, reads at most so many answers, and lets go."""
    requests = _Requests(raws)
    streams = method.descriptor.client_streaming, method.descriptor.server_streaming
    kind = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }[streams]
    rpc: Any = kind(method.path)
    sent: Any = requests if streams[0] else raws[0]
    options = {"metadata": tuple(metadata), "timeout": PATIENCE_S}
    try:
        if streams[1]:
            return _read(rpc(sent, **options), answers)
        answer, done = rpc.with_call(sent, **options)
        return Outcome("OK", answers=(answer,), trailers=_trailers(done))
    except grpc.RpcError as error:
        return _refusal(error)
    finally:
        requests.close()


class _Requests:
    """The messages of a client stream, which stays open until the call is over."""

    def __init__(self, raws: Sequence[bytes]) -> None:
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        for raw in raws:
            self._queue.put(raw)

    def close(self) -> None:
        self._queue.put(None)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        raw = self._queue.get()
        if raw is None:
            raise StopIteration
        return raw


def _read(under_way: Any, limit: int) -> Outcome:
    """The first answers of a stream that need never end by itself."""
    answers: list[bytes] = []
    try:
        for answer in under_way:
            answers.append(answer)
            if len(answers) == limit:
                return Outcome("OK", answers=tuple(answers))
    finally:
        with contextlib.suppress(Exception):
            under_way.cancel()
    return Outcome("OK", answers=tuple(answers))


def _refusal(error: Any) -> Outcome:
    trailers = _trailers(error)
    details = b"".join(value for key, value in trailers if key == _STATUS)  # type: ignore[misc]
    return Outcome(error.code().name, error.details() or "", details, trailers)


def _trailers(done: Any) -> tuple[tuple[str, str | bytes], ...]:
    return tuple((key, value) for key, value in done.trailing_metadata() if key != "x-request-id")
