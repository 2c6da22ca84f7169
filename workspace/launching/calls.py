"""Calls of a workload manager that the launches of runs and of steps share."""

import asyncio
import re
from datetime import timedelta

import grpc
import structlog
from google.protobuf.duration_pb2 import Duration

from weftapi.workloads.v1 import workloads_pb2
from workspace.launching.ports import Manager
from workspace.operations.launches import Observed

log = structlog.get_logger()

CALL_TIMEOUT_S = 10.0
LAST_WORDS_BYTES = 4096
# What container runtimes, and our shim, put before each line that a process wrote.
_LINE_PREFIX = re.compile(r"^\S+Z (?:stdout|stderr) [FP] ", re.MULTILINE)
# As much as a state's reason may have anywhere.
_MAX_WORDS = 1024
# Answers that no repetition changes.
_FINAL = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.OUT_OF_RANGE,
    }
)
# It does not know this workspace, or its certificate, which may come to be: the control plane tells
# managers of new workspaces, and certificates are renewed.
_REFUSALS = frozenset({grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED})
_SILENCE = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    }
)
_OUTCOMES = {
    workloads_pb2.WORKLOAD_STATE_SUCCEEDED: "SUCCEEDED",
    workloads_pb2.WORKLOAD_STATE_FAILED: "FAILED",
    workloads_pb2.WORKLOAD_STATE_CANCELLED: "CANCELLED",
    workloads_pb2.WORKLOAD_STATE_LOST: "LOST",
}


async def submit(manager: Manager, request: workloads_pb2.SubmitWorkloadRequest) -> str:
    """Hands a workload over; answers why it will never be taken, nothing where it was."""
    try:
        await manager.calls().SubmitWorkload(request, timeout=CALL_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        if error.code() in _FINAL:
            return (error.details() or error.code().name)[:_MAX_WORDS]
        # One of this name is ours: an earlier try reached the manager after all.
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise
    return ""


def is_refusal(error: grpc.aio.AioRpcError) -> bool:
    """Whether the manager turned the workspace away: asking again helps for a while at most."""
    return error.code() in _REFUSALS


def why_later(error: grpc.aio.AioRpcError) -> str:
    """Why a workload was not taken, and is offered again: in its engine's words if it is full."""
    code, said = error.code(), error.details() or ""
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and said:
        return said[:_MAX_WORDS]
    if code in _SILENCE:
        return "The workload manager does not answer: it is asked again."
    verb = "refuses this workspace" if is_refusal(error) else "fails"
    return f"The workload manager {verb} ({code.name}): {said}"[:_MAX_WORDS]


async def cancel(manager: Manager, workload: str, grace: timedelta, reason: str) -> bool:
    """Has a workload end within a grace; answers whether its manager knows it."""
    period = Duration()
    period.FromTimedelta(grace)
    request = workloads_pb2.CancelWorkloadRequest(
        name=f"workloads/{workload}", grace_period=period, reason=reason
    )
    try:
        await manager.calls().CancelWorkload(request, timeout=CALL_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        return False
    return True


def plain(log_: bytes) -> str:
    """What a workload wrote, without what its engine put before each line."""
    return _LINE_PREFIX.sub("", log_.decode(errors="replace"))


class UnheardError(Exception):
    """What a workload wrote cannot be read now; later it may be."""


async def said(manager: Manager, name: str) -> str:
    """The end of what a workload wrote, which has ended; nothing where it is kept no more.

    Raises UnheardError.
    """
    return plain(await _written(manager, name, LAST_WORDS_BYTES))


async def last_words(manager: Manager, name: str) -> str:
    """As `said`; nothing where it is not to be had now: it only explains."""
    return plain(await last_output(manager, name, LAST_WORDS_BYTES))


async def last_output(manager: Manager, name: str, most: int) -> bytes:
    """The last bytes of what a workload wrote, with what its engine put before each line."""
    try:
        return await _written(manager, name, most)
    except UnheardError as error:
        log.warning("last_words_out_of_reach", workload=name, error=str(error))
        return b""


async def _written(manager: Manager, name: str, most: int) -> bytes:
    kept = bytearray()
    request = workloads_pb2.TailWorkloadLogsRequest(name=name)
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            async for part in manager.streams().TailWorkloadLogs(request):
                kept += part.data
                del kept[:-most]
                if part.end_of_stream:
                    return bytes(kept)
    except grpc.aio.AioRpcError as error:
        if error.code() in _FINAL or error.code() is grpc.StatusCode.NOT_FOUND:
            return b""
        raise UnheardError(error.code().name) from error
    except TimeoutError as error:
        raise UnheardError(type(error).__name__) from error
    raise UnheardError("it broke off")


def observed(manager: Manager, workload: workloads_pb2.Workload) -> Observed:
    """What a workload's state, in its manager's words, means for what it executes."""
    outcome = _OUTCOMES.get(workload.state, "")
    exit_ = workload.exit
    words = ((exit_.message if outcome else "") or workload.state_reason)[:_MAX_WORDS]
    if outcome == "SUCCEEDED":
        words = "Its workload ended without saying how it went."
    code = "WORKLOAD_LOST" if outcome == "LOST" else "WORKLOAD_FAILED"
    if exit_.out_of_memory:
        code = "OUT_OF_MEMORY"
    elif exit_.timed_out:
        code = "TIMEOUT"
    id_ = workload.name.removeprefix("workloads/")
    return Observed(id_, outcome, words, code, manager=manager.uid)
