"""What a process wrote and died before it could send: put into the log of its attempt.

A process sends what it logs itself. What it wrote in its last moments, only its engine has.
"""

import contextlib
from collections.abc import Iterator, Sequence

import structlog

from meshkit.database import Database
from meshkit.errors import MeshError
from meshkit.session import Session
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import logs_pb2
from workspace import names
from workspace.logs.keeper import Admitted, LogKeeper
from workspace.operations import logs as operations
from workspace.servicers import log_lines
from workspace.servicers.log_streams import Reader
from workspace.store import steps as step_store
from workspace.store.schema_step_launches import StepLaunch

log = structlog.get_logger()

# So many of the last lines that were sent are looked for in the output.
_COMPARED = 50
_CHANNELS = {
    "stdout": types_pb2.LOG_CHANNEL_STDOUT,
    "stderr": types_pb2.LOG_CHANNEL_STDERR,
}
Lines = Sequence[types_pb2.LogLine]


class LastLines:
    """Completes logs of attempts whose processes have died."""

    def __init__(self, database: Database, logs: LogKeeper) -> None:
        self._database = database
        self._logs = logs

    async def keep(self, launch: StepLaunch, written: bytes) -> None:
        """Appends what the log of an attempt lacks of its output, as its engine tells it."""
        lines = list(lines_of(written))
        try:
            stream = await self._database.write(_log_of, launch) if lines else ""
            if stream:
                async with self._logs.admitted(launch.project, stream, epoch=0) as admitted:
                    await self._complete(admitted, lines)
        except (MeshError, OSError) as error:
            # They only explain: the attempt has ended all the same.
            log.warning("last_lines_not_kept", workload=launch.workload, error=str(error))

    async def _complete(self, admitted: Admitted, written: list[types_pb2.LogLine]) -> None:
        end = admitted.live.committed
        reader = Reader(self._logs.logs.backend, admitted.live)
        first = max(await reader.first(), end - _COMPARED)
        sent = [line async for batch in reader.all(first, end) for line in batch.lines]
        mask = await admitted.mask()
        if mask:
            # As those are that were sent.
            log_lines.hide(written, mask)
        if lines := unsent(sent[-_COMPARED:], written):
            chunk = logs_pb2.LogChunk(first_offset=end, lines=lines)
            await log_lines.append(admitted, chunk)
        await admitted.live.drain()
        admitted.writer.check()


def _log_of(session: Session, launch: StepLaunch) -> str:
    """The id of the log of an attempt, which there is from now on; empty where none was begun."""
    rows = step_store.attempts(session, launch.step_uid)
    name = next((row.log_stream for row in rows if row.number == launch.attempt), "")
    if not name:
        return ""
    return operations.create(
        session,
        launch.project,
        names.last(name),
        run=launch.run,
        step_id=launch.step,
        attempt=launch.attempt,
    ).id


def unsent(sent: Lines, written: Lines) -> Lines:
    """The lines that were written after those that were sent last; all, where these are not there.

    Of equal lines it takes those for sent that leave more: rather twice than never.
    """
    told, said = [_shown(line) for line in sent], [line.message for line in written]
    longest, begin = 0, 0
    for end in range(1, len(said) + 1):
        same = 0
        while same < min(end, len(told)) and said[end - 1 - same] == told[-1 - same]:
            same += 1
        if same > longest:
            longest, begin = same, end
    return written[begin:]


def _shown(line: types_pb2.LogLine) -> str:
    """A line that was sent, as its process also writes it."""
    if line.channel != types_pb2.LOG_CHANNEL_LOGGING:
        return line.message
    level = types_pb2.LogLevel.Name(line.level).removeprefix("LOG_LEVEL_")
    return f"{level} {line.logger}: {line.message}"


def lines_of(written: bytes) -> Iterator[types_pb2.LogLine]:
    """The lines of an engine's log; what its beginning was cut off from is none."""
    for raw in written.decode(errors="replace").split("\n"):
        time, _, rest = raw.partition(" ")
        channel, _, rest = rest.partition(" ")
        tag, _, text = rest.partition(" ")
        if channel not in _CHANNELS or tag not in {"F", "P"}:
            continue
        # As on a terminal, where a carriage return begins a line anew.
        message = text.rstrip("\r").rpartition("\r")[2]
        line = types_pb2.LogLine(message=message, channel=_CHANNELS[channel], continued=tag == "P")
        with contextlib.suppress(ValueError):  # then it has the time at which it is kept
            line.time.FromJsonString(time)
        yield line
