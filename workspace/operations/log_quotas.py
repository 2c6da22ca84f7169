"""What logs may take: charged to their runs in pieces, in the transaction that grants them.

A log is charged what it holds and what it was granted beyond that. So the logs of a run, on any
replicas, never hold more together than it may; what a log does not use, it gives back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from meshkit.session import Session
from workspace.logs.amounts import ANY, Amount, Grant, Quota, Usage, in_bytes
from workspace.operations import logs as operations
from workspace.operations.quotas import book_of
from workspace.operations.refusals import absent
from workspace.quotas import Quota as Limit
from workspace.store import logs as store
from workspace.store import projects as project_store
from workspace.store.base import update
from workspace.store.schema_logs import LogStream

# A grant beyond what is needed now: so much, less where little is left, ...
_MOST = Amount(4 << 20, 50_000)
# ... and at least so much, so that the last of a quota is not asked for line by line.
_LEAST = Amount(64 << 10, 500)
_SHARE = 8
_BYTES = Limit.LOG_BYTES
_COUNTERS = ("accounted_offset", "kept_bytes", "dropped_lines", "charged_bytes", "charged_lines")


def admit(
    session: Session,
    project: str,
    log_stream: str,
    *,
    epoch: int,
    holder: UUID,
    known_fence: int,
    default: Quota,
) -> tuple[LogStream, Grant | None]:
    """Lets a writer in, as `admit_writer`, with a first grant; none where the log was held on."""
    row = operations.admit_writer(session, project, log_stream, epoch=epoch, holder=holder)
    if row.fence == known_fence:
        return row, None
    return row, charge(session, row, None, needed=Amount(0, 0), default=default)


def settle(
    session: Session,
    project: str,
    log_stream: str,
    *,
    epoch: int,
    fence: int,
    usage: Usage,
    needed: Amount | None,
    default: Quota,
) -> Grant:
    """Writes down what a log holds, and grants what is needed; None gives back what is left.

    Raises as `admit_writer` where the log is not this writer's any more.
    """
    row = store.lock(session, project, log_stream)
    if row is None:
        raise absent(f"projects/{project}/logStreams/{log_stream}")
    if row.is_sealed:
        raise operations.sealed(row.name)
    if (row.writer_epoch, row.fence) != (epoch, fence):
        raise operations.fenced(row.writer_epoch)
    return charge(session, row, usage, needed=needed, default=default)


def seal(
    session: Session, project: str, log_stream: str, *, usage: Usage, fence: int, default: Quota
) -> LogStream:
    """Ends a log where its lines end, and charges for them alone; as `operations.logs.seal`."""
    row = store.lock(session, project, log_stream)
    if row is not None and not row.is_sealed and row.fence == fence:
        charge(session, row, usage, needed=None, default=default)
    return operations.seal(session, project, log_stream, next_offset=usage.offset, fence=fence)


def charge(
    session: Session,
    row: LogStream,
    usage: Usage | None,
    *,
    needed: Amount | None,
    default: Quota,
) -> Grant:
    """Charges a locked log to its run; without a usage, for what is written down of it."""
    if usage:
        row.accounted_offset = usage.offset
        row.kept_bytes, row.dropped_lines = usage.kept_bytes, usage.dropped_lines
    total, book = store.lock_usage(session, row.project, row.run), book_of(session)
    quota = project_store.log_quota(session, row.project).over(default)
    of_bytes = _Account(
        kept=row.kept_bytes,
        bounds=[
            (quota.run.bytes, total.bytes - row.charged_bytes),
            (quota.stream.bytes, 0),
            *((limit, use - row.charged_bytes) for limit, use in book.room(row.project, _BYTES)),
        ],
    )
    of_lines = _Account(
        kept=row.accounted_offset - row.dropped_lines,
        bounds=[
            (quota.run.lines, total.lines - row.charged_lines),
            (quota.stream.lines, 0),
        ],
    )
    size = of_bytes.grown(needed.bytes if needed else None, _MOST.bytes, _LEAST.bytes)
    lines = of_lines.grown(needed.lines if needed else None, _MOST.lines, _LEAST.lines)
    charged_bytes, charged_lines = of_bytes.charged(size), of_lines.charged(lines)
    total.bytes += charged_bytes - row.charged_bytes
    total.lines += charged_lines - row.charged_lines
    book.add(row.project, _BYTES, charged_bytes - row.charged_bytes)
    row.charged_bytes, row.charged_lines = charged_bytes, charged_lines
    update(session, [row], _COUNTERS)
    store.save_usage(session, total)
    is_short = needed is not None and of_bytes.room < needed.bytes
    limit = in_bytes(of_bytes.limit) if is_short else f"{of_lines.limit:,} lines"
    return Grant(size, lines, limit)


@dataclass(frozen=True, slots=True)
class _Account:
    """What a log holds of one thing, and its limits: each with what others take of it."""

    kept: int
    bounds: Sequence[tuple[int, int]]

    @property
    def room(self) -> int:
        return min(self._rooms)

    @property
    def limit(self) -> int:
        """The limit that leaves the least room."""
        return self.bounds[self._rooms.index(self.room)][0]

    def grown(self, needed: int | None, most: int, least: int) -> int:
        """How large it may be from now on; ANY without limits."""
        if not any(limit for limit, _ in self.bounds):
            return ANY
        room = max(self.room, 0)
        if needed is None:
            return self.kept
        spare = min(most, max(least, (room - needed) // _SHARE))
        return self.kept + min(needed + spare, room)

    def charged(self, allowed: int) -> int:
        return self.kept if allowed == ANY else allowed

    @property
    def _rooms(self) -> list[int]:
        return [limit - others - self.kept if limit else ANY for limit, others in self.bounds]
