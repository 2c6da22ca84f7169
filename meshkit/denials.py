"""Refused calls in the audit log: written behind the caller's back, never in their way."""

import asyncio
import time
from collections.abc import Callable

import structlog

from meshkit.audit import record_refusal
from meshkit.caller import Call, Caller, CallerKind, current_call
from meshkit.database import Database
from meshkit.errors import MeshError, ResourceExhausted
from meshkit.limits import Rate, RateLimiter, key_of

log = structlog.get_logger()

_MAX_WAITING = 1_000
_MAX_NAME = 256
# Rows that the refusals of one caller, and those of all who are nobody, may make: enough to
# show every honest mistake and any attack, too few to fill the table with either.
_OF_ONE_CALLER = Rate(per_second=0.2, burst=100)
_OF_NOBODIES = Rate(per_second=1, burst=100)


class DenialLog:
    """Queues denials for the audit log; beyond the bounds they stand in the server's log alone."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._callers = RateLimiter(_OF_ONE_CALLER, monotonic)
        self._nobodies = RateLimiter(_OF_NOBODIES, monotonic)
        self._waiting: asyncio.Queue[tuple[Call, MeshError]] = asyncio.Queue(_MAX_WAITING)
        self._task = asyncio.create_task(self._run(), name="denial-log")

    def __call__(self, call: Call, error: MeshError) -> None:
        """For `meshkit.server`: takes note of a refused call."""
        if call.caller.kind is CallerKind.ANONYMOUS and not call.audit_action:
            # Nobody who reads nothing: a port scan must not fill the audit log.
            return
        if self._is_flood(call.caller):
            return
        try:
            self._waiting.put_nowait((call, error))
        except asyncio.QueueFull:
            log.warning("denial_not_audited", method=call.method, request_id=call.request_id)

    def _is_flood(self, caller: Caller) -> bool:
        try:
            self._callers.take(key_of(caller))
            if caller.kind is CallerKind.ANONYMOUS:
                self._nobodies.take("")
        except ResourceExhausted:
            return True
        return False

    async def close(self) -> None:
        """Writes what waits, then ends."""
        await self._waiting.join()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            call, error = await self._waiting.get()
            # Refused before its fields were checked: the name may be anything.
            call.audit_resource = call.audit_resource[:_MAX_NAME].replace("\0", "\ufffd")
            current_call.set(call)
            try:
                await self._database.write(record_refusal, code=error.code, reason=error.reason)
            except Exception as failure:  # noqa: BLE001 - one bad row must not end the log
                log.warning("denial_not_audited", method=call.method, error=repr(failure))
            finally:
                self._waiting.task_done()
