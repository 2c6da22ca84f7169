"""Operations on workspaces that take a while: how they begin, what they note, how they end.

What begins one is a caller's transaction; everything later belongs to the job that carries it
through, and checks that job's lease: a replica that only seemed dead can change nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from controlplane import store
from controlplane.chains import chain_of
from controlplane.lifecycle import BEGINS, CANCELLABLE, Course, Kind, Mode, Phase
from controlplane.operations import own_acts, workspaces
from controlplane.operations.workspaces import NewWorkspace
from controlplane.store.schema import Workspace
from controlplane.store.schema_fleet import Operation
from meshkit.errors import FailedPrecondition, MeshError, NotFound
from meshkit.feed import ChangeKind
from meshkit.jobs import Lease
from meshkit.session import Session

_CANCELLED = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """An operation to begin on a workspace that exists."""

    kind: Kind
    etag: str = ""
    target_version: str = ""
    # The versions that there are, the newest last.
    offered: tuple[str, ...] = ()
    remove_data: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an operation does not come to what was asked for; `code` is a google.rpc.Code."""

    code: int
    reason: str
    message: str

    @classmethod
    def of(cls, error: MeshError) -> "Failure":
        return cls(error.code, error.reason, error.message)


def create(
    session: Session,
    organization: str,
    new: NewWorkspace,
    *,
    offered: tuple[str, ...],
    creator: str,
    patience: timedelta,
) -> Operation:
    """Adds a workspace that is being created; raises AlreadyExists or VERSION_NOT_AVAILABLE."""
    new = replace(new, version=new.version or offered[-1])
    require_offered(new.version, offered)
    workspace = workspaces.register(
        session, organization, new, creator=creator, phase=Phase.CREATING
    )
    session.flush()
    return _insert(session, workspace, Wanted(Kind.CREATE), creator=creator, patience=patience)


def begin(
    session: Session,
    organization: str,
    workspace: str,
    wanted: Wanted,
    *,
    creator: str,
    patience: timedelta,
) -> Operation:
    """Begins an operation; raises NotFound, Aborted or FailedPrecondition."""
    row = workspaces.lock(session, organization, workspace, etag=wanted.etag)
    _require_provisioned(row, wanted.kind)
    _require_idle(session, row)
    if wanted.kind is Kind.UPGRADE:
        require_offered(wanted.target_version, wanted.offered, present=row.target_version)
    allowed, phase = BEGINS[wanted.kind]
    if Phase(row.phase) not in allowed:
        raise FailedPrecondition(
            "ILLEGAL_TRANSITION",
            f"{row.name} is {row.phase}: it cannot be changed in this way now.",
            metadata={"resource": row.name, "from": row.phase, "to": wanted.kind.value},
        )
    operation = _insert(session, row, wanted, creator=creator, patience=patience)
    if wanted.target_version:
        row.target_version = wanted.target_version
    reason = "Its server is being started." if wanted.kind is Kind.RESUME else ""
    _enter(session, row, phase, reason)
    return operation


def require_offered(version: str, offered: Sequence[str], *, present: str = "") -> None:
    """Refuses a version that is not there, or older than the present one."""
    since = offered.index(present) if present in offered else 0
    if version not in offered[since:]:
        raise FailedPrecondition(
            "VERSION_NOT_AVAILABLE",
            f"Version {version} cannot be had: choose one of {', '.join(offered[since:])}.",
            metadata={"version": version, "available": ",".join(offered[since:])},
        )


def cancel(session: Session, organization: str, workspace: str, uid: UUID) -> None:
    """Asks an operation to go back; raises NotFound or FailedPrecondition."""
    row = require(session, organization, workspace, uid)
    row = store.operations.lock(session, row.uid)
    if row.end_time is not None:
        return
    if Kind(row.kind) not in CANCELLABLE:
        raise FailedPrecondition(
            "OPERATION_NOT_CANCELLABLE",
            "This operation goes through to its end; wait for it.",
            metadata={"operation": row.name},
        )
    row.cancel_requested = True
    session.emit(ChangeKind.UPDATED, row, fields=("cancel_requested",))
    session.audited(resource=row.name, fields=("cancel_requested",))


def require(session: Session, organization: str, workspace: str, uid: UUID) -> Operation:
    """The operation; raises NotFound."""
    row = store.operations.get(session, organization, workspace, uid)
    if row is None:
        name = f"organizations/{organization}/workspaces/{workspace}/operations/{uid}"
        raise NotFound("RESOURCE_NOT_FOUND", f"There is no {name}.", metadata={"resource": name})
    return row


# What the job does; see `controlplane.fleet`.


def note(session: Session, lease: Lease, uid: UUID, progress: str) -> None:
    """Says how far an operation is."""
    lease.check(session)
    row = store.operations.lock(session, uid)
    if row.progress != progress:
        row.progress = progress
        session.emit(ChangeKind.UPDATED, row, fields=("progress",))


def enter(session: Session, lease: Lease, workspace: UUID, phase: Phase, reason: str = "") -> None:
    """Moves a workspace to another phase."""
    lease.check(session)
    _enter(session, store.workspaces.lock(session, workspace), phase, reason)


def turn_back(session: Session, lease: Lease, uid: UUID, failure: Failure, until: datetime) -> None:
    """Sends an operation back to where it began, with time of its own for that."""
    lease.check(session)
    row = store.operations.lock(session, uid)
    row.course, row.expire_time = Course.BACK, until
    _fail(row, failure)
    if row.previous_version:
        store.workspaces.lock(session, row.workspace_uid).target_version = row.previous_version
    session.emit(ChangeKind.UPDATED, row, fields=("course", "error_message"))


def finish(
    session: Session,
    lease: Lease,
    uid: UUID,
    phase: Phase,
    *,
    failure: Failure | None = None,
) -> None:
    """Ends an operation, and leaves its workspace in a phase."""
    lease.check(session)
    row = store.operations.lock(session, uid)
    if failure is not None:
        _fail(row, failure)
    _end(session, row)
    reason = row.error_message if phase is Phase.FAILED else ""
    _enter(session, store.workspaces.lock(session, row.workspace_uid), phase, reason)


def finish_removal(session: Session, lease: Lease, uid: UUID) -> None:
    """Ends a deletion, or a creation that was taken back: the workspace is gone."""
    lease.check(session)
    row = store.operations.lock(session, uid)
    _end(session, row)
    workspaces.remove(session, store.workspaces.lock(session, row.workspace_uid))


def cancelled(operation: Operation) -> Failure:
    return Failure(_CANCELLED, "OPERATION_CANCELLED", f"{operation.kind} was cancelled.")


def _insert(
    session: Session, workspace: Workspace, wanted: Wanted, *, creator: str, patience: timedelta
) -> Operation:
    row = Operation(
        organization=workspace.organization,
        workspace_uid=workspace.uid,
        workspace=workspace.id,
        kind=wanted.kind,
        course=Course.FORWARD,
        creator=creator,
        create_time=session.now,
        expire_time=session.now + patience,
        target_version=wanted.target_version or workspace.target_version,
        previous_version=workspace.target_version if wanted.kind is Kind.UPGRADE else "",
        remove_data=wanted.remove_data,
    )
    if not store.unique.insert(session, row):
        raise _busy("")
    session.emit(ChangeKind.CREATED, row)
    if creator:
        session.audited(resource=workspace.name, fields=("operation",))
    else:
        # The workspace's own policy asked for it.
        _record(session, row, "Operation.Begin")
    return row


def _require_provisioned(row: Workspace, kind: Kind) -> None:
    if row.mode != Mode.PROVISIONED:
        cure = (
            "deregister it here, and stop its server where it runs"
            if kind is Kind.DELETE
            else "whoever runs its server must do this there"
        )
        raise FailedPrecondition(
            "NOT_PROVISIONED",
            f"This control plane does not run {row.name}: {cure}.",
            metadata={"resource": row.name},
        )


def _require_idle(session: Session, row: Workspace) -> None:
    busy = store.operations.live_of(session, [row.uid]).get(row.uid)
    if busy is not None:
        raise _busy(busy.name)


def _busy(operation: str) -> FailedPrecondition:
    return FailedPrecondition(
        "OPERATION_IN_PROGRESS",
        f"{operation or 'Another operation'} works on this workspace; wait for it, or cancel it.",
        metadata={"operation": operation} if operation else {},
    )


def _enter(session: Session, row: Workspace, phase: Phase, reason: str) -> None:
    # Told also where nothing but the operation changed: watchers see what works on it.
    if (row.phase, row.phase_reason) != (phase, reason):
        row.phase, row.phase_reason, row.phase_time = phase, reason, session.now
    row.update_time = session.now
    session.emit(ChangeKind.UPDATED, row, fields=("state", "operation"))


def _fail(row: Operation, failure: Failure) -> None:
    row.error_code, row.error_reason = failure.code, failure.reason
    row.error_message = failure.message


def _end(session: Session, row: Operation) -> None:
    row.end_time, row.progress = session.now, ""
    session.emit(ChangeKind.UPDATED, row, fields=("end_time",))
    _record(session, row, "Operation.Finish", code=row.error_code, reason=row.error_reason)


def _record(session: Session, row: Operation, action: str, **outcome: Any) -> None:
    own_acts.record(session, chain_of(row.organization), action, row.name, **outcome)
