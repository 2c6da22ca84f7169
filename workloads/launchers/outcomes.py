"""What the files of a workload mean: its state, and its end in words."""

import platform
import signal
from dataclasses import replace
from datetime import UTC, datetime

from workloads.launchers.folder import Folder, Intent
from workloads.lifecycle import WorkloadState
from workloads.model import Exit, Workload
from workloads.shim import files
from workloads.shim.limits import ENFORCED

_S = WorkloadState
_NOT_FOUND = 127


def restore(intent: Intent, folder: Folder) -> Workload:
    """A workload as its folder tells it, without anybody's memory."""
    workload = Workload(intent.key, intent.uid, intent.spec, _S.QUEUED, intent.create_time)
    if folder.claim():
        workload = replace(workload, state=_S.PENDING)
    if started := folder.started():
        workload = begun(replace(workload, state=_S.RUNNING), started)
    order = folder.order_to_cancel()
    if order and workload.state is not _S.QUEUED:
        workload = replace(workload, state=_S.CANCELLING, reason=order["reason"])
    if end := folder.exit():
        workload = ended(workload, end, order)
    return workload


def begun(workload: Workload, started: files.Json) -> Workload:
    """The workload with what is known since its child executes."""
    limits = started["limits"]
    return replace(
        workload,
        reason=f"limits are {limits}" if limits else "",
        start_time=_moment(started["time"]),
        engine_reference=f"pid {started['pid']} on {platform.node()}",
        are_limits_enforced=limits == ENFORCED,
    )


def ended(workload: Workload, end: files.Json, order: files.Json | None) -> Workload:
    """The workload in its terminal state."""
    state, message = _verdict(workload, end, order)
    exit_ = Exit(
        message=message,
        code=end.get("code", 0),
        signal=end.get("signal", 0),
        is_oom=end.get("oom", False),
        is_timeout=end["cause"] == "timeout",
    )
    return replace(
        workload, state=state, reason=message, exit=exit_, end_time=_moment(end["finished"])
    )


def _verdict(
    workload: Workload, end: files.Json, order: files.Json | None
) -> tuple[WorkloadState, str]:
    note = end.get("message", "")
    match end["cause"]:
        case "exited":
            state, message = _exited(end)
            return state, f"{message}; {note}" if note else message
        case "cancelled":
            return _S.CANCELLED, order["reason"] if order else "ended by SIGTERM from the host"
        case "timeout":
            return _S.FAILED, f"timed out after {workload.spec.timeout_s:g} s"
        case "not_started":
            missing = end["code"] == _NOT_FOUND
            return (
                _S.FAILED,
                f"executable not found: {note}" if missing else f"cannot be executed: {note}",
            )
        case "lost":
            return _S.LOST, note
        case cause:
            return _S.FAILED, f"{cause}: {note}"


def _exited(end: files.Json) -> tuple[WorkloadState, str]:
    code, number = end["code"], end["signal"]
    if not number:
        return _S.FAILED if code else _S.SUCCEEDED, f"exited with code {code}"
    killed = f"killed by {_signal_name(number)} (exit code {code})"
    return _S.FAILED, f"{killed}, most likely because memory ran out" if end["oom"] else killed


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no names
        return f"signal {number}"


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
