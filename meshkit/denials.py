"""Refused calls in the audit log: written behind the caller's back, never in their way."""

import asyncio

import structlog

from meshkit.audit import record_refusal
from meshkit.caller import Call, CallerKind, current_call
from meshkit.database import Database
from meshkit.errors import MeshError

log = structlog.get_logger()

_MAX_WAITING = 1_000
_MAX_NAME = 256


class DenialLog:
    """Queues denials for the audit log; beyond the bound they stand in the server's log alone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: asyncio.Queue[tuple[Call, MeshError]] = asyncio.Queue(_MAX_WAITING)
        self._task = asyncio.create_task(self._run(), name="denial-log")

    def __call__(self, call: Call, error: MeshError) -> None:
        """For `meshkit.server`: takes note of a refused call."""
        if call.caller.kind is CallerKind.ANONYMOUS and not call.audit_action:
            # Nobody who reads nothing: a port scan must not fill the audit log.
            return
        try:
            self._waiting.put_nowait((call, error))
        except asyncio.QueueFull:
            log.warning("denial_not_audited", method=call.method, request_id=call.request_id)

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
