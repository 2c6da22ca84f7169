"""What writing to log streams means: made once, one writer at a time, sealed for good."""

from datetime import timedelta
from uuid import UUID

from meshkit.errors import Aborted, FailedPrecondition
from meshkit.feed import ChangeKind, Transition
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace.operations.quotas import book_of
from workspace.operations.refusals import absent, taken
from workspace.quotas import Quota
from workspace.run_tokens import AFTER_END
from workspace.store import logs as log_store
from workspace.store import runs as run_store
from workspace.store.base import insert, update
from workspace.store.schema_logs import LogState, LogStream

# A run's last lines may come this long after its end: as long as its token opens anything.
GRACE: timedelta = AFTER_END


def create(
    session: Session, project: str, log_stream: str, *, run: str, step_id: str, attempt: int
) -> LogStream:
    """Makes a log stream; one that exists with the same fields is answered.

    NotFound where the run does not exist; AlreadyExists where the id names another log.
    """
    name = f"projects/{project}/logStreams/{log_stream}"
    known = log_store.get(session, project, log_stream)
    if known:
        if (known.run, known.step_id, known.attempt) != (run, step_id, attempt):
            raise taken(name)
        return known
    exists, _ = run_store.end_time(session, project, run)
    if not exists:
        raise absent(f"projects/{project}/runs/{run}")
    row = LogStream(
        uid=new_uid(),
        project=project,
        id=log_stream,
        run=run,
        step_id=step_id,
        attempt=attempt,
        create_time=session.now,
    )
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    return row


def admit_writer(
    session: Session, project: str, log_stream: str, *, epoch: int, holder: UUID
) -> LogStream:
    """Lets a writer in: a new one with epoch 0, which fences all before, or one that returns.

    The server process to which it came holds the log from then on. Raises NotFound;
    FailedPrecondition `LOG_SEALED`, also where the run ended longer than GRACE ago; Aborted
    `LOG_WRITER_FENCED` for an epoch that is not the newest.
    """
    row = log_store.lock(session, project, log_stream)
    if row is None:
        raise absent(f"projects/{project}/logStreams/{log_stream}")
    _, end_time = run_store.end_time(session, project, row.run)
    if row.is_sealed or (end_time is not None and session.now > end_time + GRACE):
        raise sealed(row.name)
    if epoch == 0:
        row.writer_epoch += 1
        update(session, [row], ("writer_epoch",))
    elif epoch != row.writer_epoch:
        raise fenced(row.writer_epoch)
    _change_hands(session, row, holder)
    return row


def take_over(session: Session, project: str, log_stream: str, *, holder: UUID) -> LogStream:
    """Lets a server process hold a log stream, unless it is sealed."""
    row = log_store.lock(session, project, log_stream)
    if row is None:
        raise absent(f"projects/{project}/logStreams/{log_stream}")
    if not row.is_sealed:
        _change_hands(session, row, holder)
    return row


def _change_hands(session: Session, row: LogStream, holder: UUID) -> None:
    if row.holder != holder:
        row.holder, row.fence = holder, row.fence + 1
        update(session, [row], ("holder", "fence"))


def seal(
    session: Session, project: str, log_stream: str, *, next_offset: int, fence: int
) -> LogStream:
    """Ends a log stream at an offset; one that is sealed stays as it is.

    One that another server process holds stays open, and goes on elsewhere.
    """
    row = log_store.lock(session, project, log_stream)
    if row is None:
        raise absent(f"projects/{project}/logStreams/{log_stream}")
    if row.is_sealed or row.fence != fence:
        return row
    row.state, row.next_offset = LogState.SEALED.value, next_offset
    update(session, [row], ("state", "next_offset"))
    transition = Transition(LogState.OPEN.value, LogState.SEALED.value)
    session.emit(ChangeKind.UPDATED, row, fields=("state", "next_offset"), transition=transition)
    return row


def forget(session: Session, project: str, log_stream: str) -> None:
    """Removes the row of a log whose lines are gone, if it is still there."""
    row = log_store.lock(session, project, log_stream)
    if row is not None:
        log_store.delete(session, row)
        book_of(session).add(project, Quota.LOG_BYTES, -row.charged_bytes)
        session.emit(ChangeKind.DELETED, row)


def sealed(name: str) -> FailedPrecondition:
    return FailedPrecondition(
        "LOG_SEALED",
        "The log is complete: nothing can be appended to it any more.",
        metadata={"resource": name},
    )


def fenced(writer_epoch: int) -> Aborted:
    return Aborted(
        "LOG_WRITER_FENCED",
        "A newer writer took this log over; this one must end.",
        metadata={"writerEpoch": str(writer_epoch)},
    )
